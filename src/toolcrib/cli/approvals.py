"""`toolcrib approvals`: the calls that wait for a person, the person's yes or no, and the rules by which calls wait."""

import json
import shlex
import sys
from contextlib import redirect_stdout
from typing import Annotated, Any

import typer

from toolcrib.contracts.errors import Code

from .call import PATIENCE, tell_result
from .command import command, group, show
from .completion import approval_ids, approval_states
from .exits import Exit
from .refused import Refused, usage
from .safe import one_line, shown
from .session import Session, part
from .values import json_object

app = group(
    "approvals", "Calls that wait for a person: list, show, approve, deny; and the rules by which they do."
)
rules = group("rules", "Which calls wait, beside those of high impact: list, set, remove.")
app.add_typer(rules)
Id = Annotated[str, typer.Argument(metavar="ID", autocompletion=approval_ids)]
Rule = Annotated[str, typer.Argument(metavar="NAME", help="The rule's name.")]
_LONGEST = 200


@command(app, "list", example="toolcrib approvals list --state pending", paged=True)
def list_approvals(
    session: Session,
    *,
    state: Annotated[
        str | None,
        typer.Option(
            metavar="STATE",
            help="pending, granted, denied, expired, void or withdrawn",
            autocompletion=approval_states,
        ),
    ] = None,
) -> None:
    """List calls that wait for a person, or waited, newest first."""
    query = ({} if state is None else {"state": state}) | session.query
    show(session, session.ask("GET", "/approvals", query=query), lambda page: _list_view(page, query))


@command(app, "show", example="toolcrib approvals show apr_…")
def show_approval(session: Session, approval: Id) -> None:
    """Show who asks for what, and the whole call while it waits."""
    show(session, session.ask("GET", f"/approvals/{part(approval)}"), _approval_view)


@command(app, "approve", example="toolcrib approvals approve apr_…")
def approve(
    session: Session,
    approval: Id,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Agree without being shown the call and asked.")] = False,
) -> None:
    """Look at a call, agree to it, and print its output as `call` does: it runs now."""
    if not yes:
        _ask(session, approval)
    answer = session.ask("POST", f"/approvals/{part(approval)}/approve", seconds=PATIENCE)
    show(session, answer, tell_result)


@command(app, "deny", example="toolcrib approvals deny apr_… --note 'Sell the other one.'")
def deny(
    session: Session,
    approval: Id,
    *,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; whoever asked can read it.")] = None,
) -> None:
    """Refuse a call: it never runs."""
    answer = session.ask("POST", f"/approvals/{part(approval)}/deny", {} if note is None else {"note": note})
    show(session, answer, lambda done: print(f"{shown(done['state'])} {shown(done['approval_id'])}"))


@command(rules, "list", example="toolcrib approvals rules list", paged=True)
def list_rules(session: Session) -> None:
    """List the rules of your workspace."""
    answer = session.ask("GET", "/approval-rules", query=session.query)
    show(session, answer, lambda page: _rules_view(page, session.query))


@command(
    rules, "set", example="toolcrib approvals rules set writes --effects write --effects destructive --second"
)
def set_rule(
    session: Session,
    name: Rule,
    *,
    tool: Annotated[str | None, typer.Option(metavar="TOOL", help="Calls of this tool.")] = None,
    effects: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EFFECTS", help="Calls of tools that read, write or are destructive; repeat it."
        ),
    ] = None,
    when: Annotated[
        str | None,
        typer.Option(
            metavar="JSON|@FILE", help="Calls whose input this JSON Schema matches; @- reads stdin."
        ),
    ] = None,
    second: Annotated[
        bool, typer.Option("--second", help="Another person agrees than the one who asked.")
    ] = False,
) -> None:
    """Let the calls wait that all of this is true of, whatever stood under the name."""
    condition = None if when is None else json_object("--when", when)
    body = {"tool": tool, "effects": effects or [], "when": condition, "second": second}
    answer = session.ask("PUT", f"/approval-rules/{part(name)}", body)
    show(session, answer, lambda made: print(f"{shown(made['name'])}: {_said(made)}"))
    if tool is not None and not session.as_json:
        _tell_whose(session, tool)


@command(rules, "remove", example="toolcrib approvals rules remove writes")
def remove_rule(session: Session, name: Rule) -> None:
    """Remove a rule."""
    answer = session.ask("DELETE", f"/approval-rules/{part(name)}")
    show(session, answer, lambda _: print(f"removed {one_line(name)}"))


def _tell_whose(session: Session, tool: str) -> None:
    """A rule may name a tool that is yet to come, or one that is misspelt."""
    try:
        session.ask("GET", f"/tools/{part(tool)}")
    except Refused as refused:
        if refused.code == Code.NOT_FOUND:
            print(f"warning: there is no tool {shown(tool)} here yet", file=sys.stderr)


def _ask(session: Session, approval: str) -> None:
    """Show the call and wait for a yes; on stderr, as the output is the call's. What is decided already needs none."""
    if not sys.stdin.isatty():
        raise usage("who agrees is shown the call and asked, on a terminal", f"look at it with: toolcrib approvals show {approval}; then say --yes")  # fmt: skip
    found = session.ask("GET", f"/approvals/{part(approval)}")
    with redirect_stdout(sys.stderr):
        show(Session(), found, lambda one: _approval_view(one, told=False))
    if found.document["state"] == "pending" and not typer.confirm("\nLet this call run?", err=True):
        print("nothing was decided", file=sys.stderr)
        raise typer.Exit(Exit.OTHER)


def _list_view(page: dict[str, Any], query: dict[str, str]) -> None:
    from .views import empty, more, table, when  # noqa: PLC0415 rich is needed only for people

    rows = [
        (one["approval_id"], when(one["created_at"]), one["state"], one["tool"], one["requested_by_actor_id"], one["on_behalf_of"],
         when(one["expires_at"]))
        for one in page["items"]
    ]  # fmt: skip
    if rows:
        table(("ID", "ASKED", "STATE", "TOOL", "ACTOR", "FOR", "UNTIL"), rows)
    else:
        empty(query, "no call has waited for a person")
    more(page)


def _approval_view(one: dict[str, Any], *, told: bool = True) -> None:
    """`told`: with what to type next."""
    from .views import block, json_block, pairs, when  # noqa: PLC0415 rich is needed only for people

    decided = one["decided_at"] and f"{when(one['decided_at'])} by {one['decided_by']}"
    pairs(
        [
            ("id", one["approval_id"]), ("state", one["state"]), ("tool", f"{one['tool']} {one['tool_version']}"),
            ("actor", f"{one['requested_by_actor_id']} ({one['requested_by_actor_type']})"), ("on behalf of", one["on_behalf_of"]),
            ("subject", _subject(one)), ("because", ", ".join(one["reasons"])),
            ("second", "another person agrees than the one who asked" if one["second"] else None),
            ("asked", when(one["created_at"])), ("until", when(one["expires_at"])), ("decided", decided), ("note", one["note"]),
            ("execution", one["execution_id"]), ("digest", one["digest"]),
        ]
    )  # fmt: skip
    request = one["request"]
    if one["state"] != "pending":
        return
    if request is None:
        print("\nWhat it would do is shown to whoever may agree to it, and to who asked.")
        return
    json_block("input", request["input"])
    json_block("what it would do", request["preview"])
    _tell_struck(request)
    _tell_disguised(request)
    if told:
        block("to let it run, or to refuse it")
        name = shlex.quote(shown(one["approval_id"]))
        print(f"  toolcrib approvals approve {name}\n  toolcrib approvals deny {name}")


def _subject(one: dict[str, Any]) -> str | None:
    about = (one["request"] or {}).get("subject")
    return f"{about['type']}:{about['id']}" if about else None


def _tell_struck(request: dict[str, Any]) -> None:
    """Where the call has values that nobody is shown, so that none is agreed to unnoticed."""
    if request["struck"]:
        places = ", ".join(json.dumps(place)[1:-1] for place in request["struck"])
        print(f"\nstruck out, as they may be secrets: {places}")


def _tell_disguised(request: dict[str, Any]) -> None:
    """Last before the question, so that nothing scrolls it away; each text once more, in ASCII."""
    from .views import alarm  # noqa: PLC0415 as above

    if request["disguised"]:
        alarm("CAREFUL: texts in this call are not what they look like")
    for pointer, odd in request["disguised"].items():
        if not pointer:
            print(f"  {shown(odd)}")
            continue
        text = json.dumps(_at(request, pointer))
        cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        print(f"  {json.dumps(pointer)[1:-1]}: {shown(odd)}\n    {cut}")


def _at(value: Any, pointer: str) -> Any:
    """What stands at a JSON Pointer."""
    for segment in pointer.split("/")[1:]:
        name = segment.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value


def _rules_view(page: dict[str, Any], query: dict[str, str]) -> None:
    from .views import empty, more, table  # noqa: PLC0415 as above

    rows = [(one["name"], _said(one)) for one in page["items"]]
    if rows:
        table(("NAME", "CALLS THAT WAIT"), rows)
    else:
        empty(query, "no rules; calls of high impact wait without one")
    more(page)


def _said(rule: dict[str, Any]) -> str:
    parts = [f"of {rule['tool']}"] if rule["tool"] else []
    parts += [f"with effects {' or '.join(rule['effects'])}"] if rule["effects"] else []
    parts += [f"whose input matches {json.dumps(rule['when'])}"] if rule["when"] is not None else []
    parts += ["for a second person"] if rule["second"] else []
    return shown(", ".join(parts))
