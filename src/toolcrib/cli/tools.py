"""`toolcrib tools`: listed, shown, registered, checked, enabled and disabled."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from .command import command, group, show, write_json
from .completion import one_of
from .exits import Exit
from .meant import ask_for, with_advice
from .notices import state_of
from .options import Fields, Name, Whole
from .refused import Refused, from_error, tell
from .safe import one_line
from .session import Session
from .values import content, hint, tool_input
from .values import subject as read_subject

app = group(
    "tools",
    "Tools: list, show, register, update, versions, delete, validate, explain, enable, disable, reset.",
)


@command(app, "list", example="toolcrib tools list --status enabled", paged=True)
def list_tools(
    session: Session,
    *,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS", help="enabled or disabled", autocompletion=one_of("enabled", "disabled")
        ),
    ] = None,
    scope: Annotated[
        str | None,
        typer.Option(
            metavar="SCOPE",
            help="workspace, global or all",
            autocompletion=one_of("workspace", "global", "all"),
        ),
    ] = None,
    q: Annotated[
        str | None, typer.Option("-q", "--search", metavar="TEXT", help="In name, title or description.")
    ] = None,
    tag: Annotated[str | None, typer.Option(metavar="TAG", help="Only those with this tag.")] = None,
    view: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those that can be called in this view of a pack.")
    ] = None,
) -> None:
    """List the tools of your workspace, by name."""
    wanted = {"status": status, "scope": scope, "q": q, "tag": tag, "view": view}
    query = {name: value for name, value in wanted.items() if value} | session.query
    answer = session.ask("GET", "/tools", query=query)
    show(session, answer, lambda page: _list_view(page, query))


@command(app, "show", example="toolcrib tools show tides.next")
def show_tool(session: Session, tool: Name) -> None:
    """Show one tool: what it is for, its fields and errors, and a call to copy. With --json the whole contract."""
    show(session, ask_for(session, "GET", tool), _tool_view)


@command(app, "register", example="toolcrib tools register tides.json harbours.json")
def register(
    session: Session,
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="JSON configs; - is stdin.")],
) -> None:
    """Register tools, each from a JSON config. One that is refused does not keep back the others."""
    worst = Exit.OK
    for file in files:
        try:
            show(session, session.ask("POST", "/tools", content(file)), _registered_view)
        except Refused as refused:
            if session.as_json and refused.raw:
                write_json(refused.raw)
            tell(_with_taken(refused), file)
            worst = worst or refused.exit
    raise typer.Exit(worst)


@command(app, "update", example="toolcrib tools update tides.next tides.json")
def update(
    session: Session,
    tool: Name,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A JSON config; - is stdin.")],
) -> None:
    """Publish a new version of a tool. Without `version` in the config the least that fits is taken."""
    show(session, ask_for(session, "PUT", tool, body=content(file)), _updated_view)


@command(app, "versions", example="toolcrib tools versions tides.next", paged=True)
def versions(session: Session, tool: Name) -> None:
    """List every version of a tool, newest first."""
    show(session, ask_for(session, "GET", tool, "/versions", query=session.query), _versions_view)


@command(app, "delete", example="toolcrib tools delete tides.next")
def delete(session: Session, tool: Name) -> None:
    """Take a tool out of the catalog. Its executions stay, its name is free again."""
    show(session, ask_for(session, "DELETE", tool), lambda _: print(f"deleted {one_line(tool)}"))


@command(app, "validate", example="toolcrib tools validate tides.next -i harbour=oslo")
def validate(session: Session, tool: Name, *, whole: Whole = None, fields: Fields = None) -> None:
    """Check input against a tool's contract, and whether you may call it now. Runs nothing."""
    answer = ask_for(session, "POST", tool, "/validate", {"input": tool_input(whole, fields or [])})
    found, decision = answer.document, answer.document["decision"]
    if not found["valid"]:
        message = f"The input does not fit the contract of {tool}."
        error = {"code": "VALIDATION_ERROR", "message": message, "details": {"errors": found["errors"]}}
        raise hint(from_error(error, raw=answer.raw), fields or [])
    if not decision["allowed"]:
        denied = from_error({"code": decision["code"], "message": decision["message"]}, raw=answer.raw)
        step = (denied.next_step or "").replace("NAME", tool) or None
        raise with_advice(session, tool, replace(denied, next_step=step))
    show(session, answer, _valid_view)


@command(app, "explain", example="toolcrib tools explain tides.next --principal agent:clerk")
def explain(
    session: Session,
    tool: Name,
    *,
    principal: Annotated[
        str | None, typer.Option(metavar="ACTOR", help="Another actor, such as agent:clerk, as an admin.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="TYPE:ID", help="What the call would be about.")
    ] = None,
) -> None:
    """Tell whether you may call a tool now: every rule in the order it is asked."""
    about = read_subject(subject) or {}
    wanted = {"principal": principal, "subject_type": about.get("type"), "subject_id": about.get("id")}
    query = {name: value for name, value in wanted.items() if value is not None}
    show(session, ask_for(session, "GET", tool, "/explain", query=query), _explained_view)


@command(app, "enable", example="toolcrib tools enable tides.next")
def enable(session: Session, tool: Name) -> None:
    """Let a tool be called in your workspace."""
    _set_enabled(session, tool, enabled=True)


@command(app, "disable", example="toolcrib tools disable tides.next")
def disable(session: Session, tool: Name) -> None:
    """Refuse all calls of a tool in your workspace."""
    _set_enabled(session, tool, enabled=False)


@command(app, "reset", example="toolcrib tools reset tides.next")
def reset(session: Session, tool: Name) -> None:
    """Enable or disable a tool as its contract says."""
    answer = ask_for(session, "DELETE", tool, "/enablement")
    show(session, answer, lambda _: print(f"{one_line(tool)} is as its contract says"))


def _with_taken(refused: Refused) -> Refused:
    """A tool of that name is there: whoever sends it again mostly means to change it."""
    if refused.details.get("reason") != "name_taken":
        return refused
    name = refused.details.get("name", "NAME")
    step = f"to change it: toolcrib tools update {name} FILE, or toolcrib apply DIR; else choose another name"
    return replace(refused, next_step=step)


def _set_enabled(session: Session, tool: str, *, enabled: bool) -> None:
    answer = ask_for(session, "PUT", tool, "/enablement", {"enabled": enabled})
    show(session, answer, lambda found: print(f"{one_line(tool)} is {_state(found)}"))


def _state(found: dict[str, Any]) -> str:
    return "enabled" if found["enabled"] else "disabled"


def _explained_view(told: dict[str, Any]) -> None:
    from .views import say, table  # noqa: PLC0415 rich is needed only for people

    allowed = "allowed, once a person agrees" if told["needs_approval"] else "allowed"
    say(allowed if told["allowed"] else f"not allowed: {told['code']} by the rule {told['rule']}")
    rows = [
        (one["rule"], "ok" if one["holds"] else "not ok", "" if one["holds"] else f"{one['message']} {one['remedy'] or ''}")
        for one in told["reasons"]
    ]  # fmt: skip
    table(("RULE", "HOLDS", "WHY NOT"), rows, prose=True)


def _valid_view(found: dict[str, Any]) -> None:
    from .views import warn  # noqa: PLC0415 rich is needed only for people

    waits = ", once a person agrees: it waits for an approval" if found["decision"]["needs_approval"] else ""
    print(f"valid, and you may call it{waits}")
    warn(found)


def _registered_view(made: dict[str, Any]) -> None:
    from .views import warn  # noqa: PLC0415 rich is needed only for people

    print(f"registered {one_line(made['name'])} {one_line(made['version'])} as {one_line(made['tool_id'])}")
    warn(made)


def _updated_view(made: dict[str, Any]) -> None:
    from .views import warn  # noqa: PLC0415 rich is needed only for people

    print(f"{one_line(made['name'])} is at {one_line(made['version'])}")
    warn(made)


def _versions_view(found: dict[str, Any]) -> None:
    from .views import more, table, when  # noqa: PLC0415 rich is needed only for people

    rows = [(one["version"], when(one["created_at"]), one["created_by"]) for one in found["items"]]
    table(("VERSION", "PUBLISHED", "BY"), rows)
    more(found)


def _list_view(page: dict[str, Any], query: dict[str, str]) -> None:
    from .views import empty, more, table  # noqa: PLC0415 rich is needed only for people

    rows = [
        (t["name"], t["version"], t["scope"], state_of(t), t["effects"] or "", one_line(t["description"]))
        for t in page["tools"]
    ]
    if rows:
        table(("NAME", "VERSION", "SCOPE", "STATE", "EFFECTS", "DESCRIPTION"), rows, prose=True)
    else:
        empty(query, "no tools; register one with: toolcrib tools register FILE")
    more(page)


def _tool_view(tool: dict[str, Any]) -> None:
    from .contracts import tell_contract  # noqa: PLC0415 rich is needed only for people

    tell_contract(tool)
