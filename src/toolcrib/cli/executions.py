"""`toolcrib executions`: the ledger, newest first, one call in full, and its end."""

from typing import Annotated, Any

import typer

from .call import tell_result
from .command import command, group, show
from .completion import execution_ids, statuses, tool_names
from .safe import shown
from .session import Session, part
from .values import subject as read_subject

app = group("executions", "The ledger: list calls, show one, its result, follow them, end one.")
Id = Annotated[str, typer.Argument(metavar="ID", autocompletion=execution_ids)]


@command(
    app,
    "list",
    example="toolcrib executions list --status failed --from 2027-01-31T00:00:00Z",
    paged=True,
    timed=True,
)
def list_executions(
    session: Session,
    *,
    tool: Annotated[
        str | None, typer.Option(metavar="NAME", help="Calls of this tool.", autocompletion=tool_names)
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS",
            help="succeeded, failed, denied, cancelled, running, awaiting_approval, expired or interrupted",
            autocompletion=statuses,
        ),
    ] = None,
    subject: Annotated[str | None, typer.Option(metavar="TYPE:ID", help="Calls about this.")] = None,
    exception_id: Annotated[str | None, typer.Option(metavar="ID", help="Calls of this exception.")] = None,
    actor: Annotated[
        str | None, typer.Option(metavar="ACTOR", help="Calls by this actor, such as agent:clerk.")
    ] = None,
) -> None:
    """List calls, newest first. Filters narrow each other."""
    about = read_subject(subject) or {}
    wanted = {
        "tool": tool, "status": status, "subject_type": about.get("type"), "subject_id": about.get("id"), "exception_id": exception_id,
        "actor": actor,
    }  # fmt: skip
    query = {name: value for name, value in wanted.items() if value is not None} | session.query
    answer = session.ask("GET", "/tools/executions", query=query)
    show(session, answer, lambda page: _list_view(page, query))


@command(app, "show", example="toolcrib executions show exe_…")
def show_execution(session: Session, execution_id: Id) -> None:
    """Show one call with its input and output."""
    show(session, session.ask("GET", f"/tools/executions/{part(execution_id)}"), _execution_view)


@command(app, "result", example="toolcrib executions result exe_…")
def show_result(session: Session, execution_id: Id) -> None:
    """Print what the call answered, as `call` prints it; its id while it runs or waits for a person."""
    show(session, session.ask("GET", f"/tools/executions/{part(execution_id)}/result"), tell_result)


@command(app, "cancel", example="toolcrib executions cancel exe_…")
def cancel_execution(session: Session, execution_id: Id) -> None:
    """Ask a running call to end, or one that waits for a person. What it has sent may have taken effect."""
    show(session, session.ask("POST", f"/tools/executions/{part(execution_id)}/cancel"), _cancelled_view)


def _cancelled_view(call: dict[str, Any]) -> None:
    print(f"asked {shown(call['execution_id'])} to end; it is {shown(call['status'])}")


def _list_view(page: dict[str, Any], query: dict[str, str]) -> None:
    from .views import empty, more, spent, table, when  # noqa: PLC0415 rich is needed only for people

    rows = [
        (e["execution_id"], when(e["created_at"]), _status(e), e["tool"], e["error_code"], e["requested_by_actor_id"], spent(e["execution_time_ms"]))
        for e in page["items"]
    ]  # fmt: skip
    if rows:
        table(("ID", "TIME", "STATUS", "TOOL", "ERROR", "ACTOR", "SPENT"), rows)
    else:
        empty(query, "no calls; make one with: toolcrib call TOOL")
    more(page)


def _status(call: dict[str, Any]) -> str:
    """With what it was, where nothing was done."""
    return f"{call['status']} (dry run)" if call["dry_run"] else str(call["status"])


def _execution_view(call: dict[str, Any]) -> None:
    from .views import json_block, pairs, say, spent, when  # noqa: PLC0415 rich is needed only for people

    about = call["subject"]
    pairs(
        [
            ("id", call["execution_id"]), ("status", _status(call)), ("tool", f"{call['tool']} {call['tool_version']}"),
            ("actor", f"{call['requested_by_actor_id']} ({call['requested_by_actor_type']})"),
            ("subject", f"{about['type']}:{about['id']}" if about else None), ("exception", call["exception_id"]),
            ("requested", when(call["created_at"])), ("asked to end", when(call["cancel_requested_at"])), ("finished", when(call["finished_at"])), ("spent", spent(call["execution_time_ms"])),
            ("approval", call["approval_id"]), ("error", call["error_code"]), ("message", call["error_message"]),
        ]
    )  # fmt: skip
    json_block("input", call["input_payload"])
    json_block("output", call["output_payload"])
    if call["status"] == "awaiting_approval":
        say(f"a person has to agree to it: toolcrib approvals show {call['approval_id']}")
