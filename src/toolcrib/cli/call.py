"""`toolcrib call`: one call of one tool."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .command import command, show
from .exits import Exit
from .meant import with_advice
from .notices import notices
from .options import Fields, Name, Whole
from .refused import Refused
from .safe import shown
from .session import Session, part
from .values import hint, subject, tool_input

PATIENCE = 400.0
"""Seconds; the server ends a call long before."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "call", example="toolcrib call tides.next -i harbour=oslo", calling=True)(call)


def call(
    session: Session,
    tool: Name,
    *,
    whole: Whole = None,
    fields: Fields = None,
    about: Annotated[
        str | None, typer.Option("--subject", metavar="TYPE:ID", help="What the call is about.")
    ] = None,
    exception_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The exception that the call belongs to.")
    ] = None,
    dry_run: Annotated[
        bool | None,
        typer.Option(
            "--dry-run/--no-dry-run",
            help="Show what the call would do, or do it; without either, the tool's impact decides.",
        ),
    ] = None,
) -> None:
    """Call a tool once and print its output, or a part of it."""
    extra = {
        "subject": subject(about),
        "exception_id": exception_id,
        "dry_run": dry_run,
        **session.wanted,
    }
    body = {
        "input": tool_input(whole, fields or []),
        **{name: value for name, value in extra.items() if value is not None},
    }
    path = f"/tools/{part(tool)}/execute"
    try:
        answer = session.ask("POST", path, body, headers=session.headers, seconds=PATIENCE)
    except Refused as refused:
        _tell_notices(refused.headers)
        raise with_advice(session, tool, hint(refused, fields or [])) from None
    show(session, answer, tell_result)
    _tell_notices(answer.headers)
    if session.wanted.get("ids_only") or session.wanted.get("select"):
        _tell_missed(session, answer.document)
    if answer.document.get("status") == "awaiting_approval":
        raise typer.Exit(Exit.WAITING)


def _tell_notices(headers: Mapping[str, str]) -> None:
    for line in notices(headers):
        print(line, file=sys.stderr)


def _tell_missed(session: Session, answer: Any) -> None:
    from .missed import missed  # noqa: PLC0415 only where a part is asked for

    for line in missed(session, answer):
        print(shown(line), file=sys.stderr)


def tell_result(answer: dict[str, Any]) -> None:
    """A call's output, and what else should be known of it."""
    from .views import json_value, say  # noqa: PLC0415 rich is needed only for people

    if answer["status"] == "running":
        print(shown(answer["execution_id"]))
        say(f"it runs: toolcrib executions show {answer['execution_id']}")
        return
    if answer["status"] == "awaiting_approval":
        print(shown(answer["execution_id"]))
        approval = answer["approval_id"]
        say(f"nothing was done yet: a person has to agree to this call: toolcrib approvals show {approval}")
        return
    json_value(answer["output"])
    if isinstance(answer["output"], dict) and answer["output"].get("dry_run") is True:
        say("a dry run: nothing was done; --no-dry-run does it, or asks for the approval that it needs")
    if answer.get("truncated"):
        say("this is a part of the output: elements were left out")
    if sys.stderr.isatty():
        say(
            f"{answer['status']} in {answer['execution_time_ms']:.1f} ms: toolcrib executions show {answer['execution_id']}"
        )
