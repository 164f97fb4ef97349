"""`toolcrib limits`: how many calls a workspace allows itself and each of its own, and what the operator allows it."""

from typing import Annotated, Any

import typer

from .command import command, group, show
from .grants import Of
from .safe import one_line
from .session import Session, part
from .workspaces import place

app = group("limits", "How many calls may be made: list, set, remove.")
Kind = Annotated[str, typer.Argument(metavar="KIND", help="workspace, actor, tool, host or ceiling.")]
Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="An actor, tool or host; * for each that has no limit of its own."),
]


Allow = Annotated[
    list[str],
    typer.Option(
        "--allow",
        "-a",
        metavar="WHAT=N",
        help="per_minute, burst, per_day, per_month or concurrency; repeat it.",
    ),
]


@command(app, "list", example="toolcrib limits list", paged=True)
def list_limits(session: Session, *, of: Of = None) -> None:
    """List the limits of your workspace."""
    answer = session.ask("GET", f"{place(session, of)}/limits", query=session.query)
    show(session, answer, lambda page: _list_view(page, session.query))


@command(app, "set", example="toolcrib limits set actor agent:clerk -a per_minute=60 -a per_day=2000")
def set_limit(session: Session, kind: Kind, name: Name = "*", *, allow: Allow, of: Of = None) -> None:
    """Set what a workspace, an actor, a tool or a host may use. As the operator, set the ceiling of a workspace."""
    answer = session.ask("PUT", f"{place(session, of)}/limits/{part(kind)}/{part(name)}", _allowed(allow))
    show(
        session,
        answer,
        lambda made: print(f"{one_line(made['kind'])} {one_line(made['name'])}: {_said(made)}"),
    )


@command(app, "remove", example="toolcrib limits remove actor agent:clerk")
def remove(session: Session, kind: Kind, name: Name = "*", *, of: Of = None) -> None:
    """Remove a limit."""
    answer = session.ask("DELETE", f"{place(session, of)}/limits/{part(kind)}/{part(name)}")
    show(session, answer, lambda _: print(f"removed {one_line(kind)} {one_line(name)}"))


def _list_view(page: dict[str, Any], query: dict[str, str]) -> None:
    from .views import empty, more, table  # noqa: PLC0415 rich is needed only for people

    rows = [(one["kind"], one["name"], _said(one)) for one in page["items"]]
    if rows:
        table(("KIND", "NAME", "ALLOWS"), rows)
    else:
        empty(query, "no limits")
    more(page)


def _allowed(given: list[str]) -> dict[str, int]:
    parts = [one.partition("=") for one in given]
    for what, _, number in parts:
        if not (what and number.isascii() and number.isdecimal()):
            raise typer.BadParameter("write --allow WHAT=N, such as --allow per_day=2000")
    return {what: int(number) for what, _, number in parts}


def _said(limit: dict[str, Any]) -> str:
    words = {
        "per_minute": "{} a minute", "burst": "{} at once", "per_day": "{} a day", "per_month": "{} a month",
        "concurrency": "{} under way",
    }  # fmt: skip
    return ", ".join(text.format(limit[name]) for name, text in words.items() if limit[name] is not None)
