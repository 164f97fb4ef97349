"""`toolcrib grants` and `toolcrib suspensions`: what a workspace is entitled to, and who is shut out of it for now."""

from typing import Annotated, Any

import typer

from .command import command, group, show
from .completion import workspace_names
from .safe import one_line
from .session import Session, part
from .workspaces import place

app = group("grants", "Entitlements such as pro: list, give, end.")
suspended = group("suspensions", "Actors and hosts that are shut out for now: list, add, lift.")
Of = Annotated[
    str | None,
    typer.Option(
        "--of",
        metavar="WORKSPACE",
        help="Another workspace, by name or id, as the operator.",
        autocompletion=workspace_names,
    ),
]
Suspended = Annotated[str, typer.Argument(metavar="NAME", help="An actor such as agent:clerk, or a host.")]
Host = Annotated[
    bool, typer.Option("--host", help="NAME is an upstream host: api.example, *.example.com or host:port.")
]


@command(app, "list", example="toolcrib grants list", paged=True)
def list_grants(session: Session, *, of: Of = None) -> None:
    """List the grants of your workspace."""
    answer = session.ask("GET", f"{place(session, of)}/grants", query=session.query)
    show(session, answer, lambda page: _list_view(page, session.query))


@command(app, "give", example="toolcrib grants give pro --of harbour --expires-at 2027-12-31T00:00:00Z")
def give(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As contracts require it.")],
    *,
    of: Of = None,
    actor: Annotated[
        str | None, typer.Option(metavar="ACTOR", help="Only this actor, such as agent:clerk.")
    ] = None,
    expires_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="RFC 3339, such as 2027-01-31T12:00:00Z")
    ] = None,
) -> None:
    """Give a workspace, or one actor in it, an entitlement, as the operator."""
    wanted = {"name": name, "actor_id": actor, "expires_at": expires_at}
    body = {field: value for field, value in wanted.items() if value is not None}
    answer = session.ask("POST", f"{place(session, of)}/grants", body)
    show(session, answer, lambda made: print(f"gave {one_line(made['name'])} as {one_line(made['id'])}"))


@command(app, "end", example="toolcrib grants end grant_3f2a… --of harbour")
def end(session: Session, grant: Annotated[str, typer.Argument(metavar="ID")], *, of: Of = None) -> None:
    """Take an entitlement back, as the operator."""
    answer = session.ask("DELETE", f"{place(session, of)}/grants/{part(grant)}")
    show(session, answer, lambda _: print(f"ended {one_line(grant)}"))


@command(suspended, "list", example="toolcrib suspensions list")
def list_suspensions(session: Session) -> None:
    """List who and what is suspended in your workspace."""
    show(session, session.ask("GET", "/suspensions"), _suspended_view)


@command(suspended, "add", example="toolcrib suspensions add agent:clerk")
def suspend(session: Session, name: Suspended, *, host: Host = False) -> None:
    """Suspend an actor: each of its credentials is refused from the next request on. Or a host: no tool calls it."""
    answer = session.ask("POST", "/suspensions", {"kind": "host" if host else "actor", "name": name})
    show(session, answer, lambda made: print(f"suspended {one_line(made['name'])}"))


@command(suspended, "lift", example="toolcrib suspensions lift agent:clerk")
def lift(session: Session, name: Suspended, *, host: Host = False) -> None:
    """Let a suspended actor in again, or a host be called."""
    kind = "host" if host else "actor"
    answer = session.ask("DELETE", f"/suspensions/{kind}/{part(name)}")
    show(session, answer, lambda _: print(f"lifted the suspension of {one_line(name)}"))


def _list_view(page: dict[str, Any], query: dict[str, str]) -> None:
    from .views import empty, more, table, when  # noqa: PLC0415 rich is needed only for people

    rows = [
        (one["id"], one["name"], one["actor_id"] or "everybody", when(one["created_at"]), when(one["expires_at"]) or "never")
        for one in page["items"]
    ]  # fmt: skip
    if rows:
        table(("ID", "NAME", "FOR", "CREATED", "EXPIRES"), rows)
    else:
        empty(query, "no grants")
    more(page)


def _suspended_view(page: dict[str, Any]) -> None:
    from .views import empty, table  # noqa: PLC0415 as above

    rows = [(one["kind"], one["name"]) for one in page["items"]]
    if rows:
        table(("KIND", "NAME"), rows)
    else:
        empty({}, "nothing is suspended")
