"""`toolcrib keys`: the API keys of a workspace."""

from typing import Annotated, Any

import typer

from .command import command, group, show
from .completion import actor_types, key_ids, roles, tool_names
from .safe import one_line
from .session import Session, part

app = group("keys", "API keys: list, create, rotate, revoke.")


@command(app, "list", example="toolcrib keys list", paged=True)
def list_keys(session: Session) -> None:
    """List the live keys of your workspace."""
    show(
        session,
        session.ask("GET", "/keys", query=session.query),
        lambda page: _list_view(page, session.query),
    )


@command(
    app,
    "create",
    example="toolcrib keys create clerk --role member --tool tides.next --expires-at 2027-01-31T12:00:00Z",
)
def create_key(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    *,
    actor_type: Annotated[
        str | None,
        typer.Option(metavar="TYPE", help="agent (the default), user or service", autocompletion=actor_types),
    ] = None,
    role: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE", help="member (the default), viewer, admin or owner", autocompletion=roles
        ),
    ] = None,
    tools: Annotated[
        list[str] | None,
        typer.Option(
            "--tool", metavar="NAME", help="Only this tool; repeat it for more.", autocompletion=tool_names
        ),
    ] = None,
    expires_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="RFC 3339, such as 2027-01-31T12:00:00Z")
    ] = None,
    for_me: Annotated[
        bool,
        typer.Option("--on-behalf-of-me", help="The agent acts in your name, with no more than your rights."),
    ] = False,
) -> None:
    """Make a key. It is shown this once and can do no more than your own."""
    wanted = {
        "name": name,
        "actor_type": actor_type,
        "role": role,
        "tools": tools or None,
        "expires_at": expires_at,
        "on_behalf_of": "me" if for_me else None,
    }
    body = {field: value for field, value in wanted.items() if value is not None}
    show(session, session.ask("POST", "/keys", body), _made_view)


@command(app, "rotate", example="toolcrib keys rotate 3f2a… --overlap 3600")
def rotate_key(
    session: Session,
    key_id: Annotated[str, typer.Argument(metavar="ID", autocompletion=key_ids)],
    *,
    overlap: Annotated[
        int, typer.Option(metavar="SECONDS", help="How long the old key is still good; 0 unless given.")
    ] = 0,
) -> None:
    """Make another key for the same actor with the same rights, and let the old one end."""
    answer = session.ask("POST", f"/keys/{part(key_id)}/rotate", {"overlap_seconds": overlap})
    show(session, answer, _made_view)


@command(app, "revoke", example="toolcrib keys revoke 3f2a…")
def revoke_key(
    session: Session, key_id: Annotated[str, typer.Argument(metavar="ID", autocompletion=key_ids)]
) -> None:
    """Revoke a key for good."""
    show(
        session,
        session.ask("DELETE", f"/keys/{part(key_id)}"),
        lambda _: print(f"revoked {one_line(key_id)}"),
    )


def _made_view(made: dict[str, Any]) -> None:
    from .views import pairs, say, warn  # noqa: PLC0415 rich is needed only for people

    pairs([("id", made["id"]), ("name", made["name"]), ("key", made["key"])])
    warn(made)
    say("keep the key now: it is not shown again")


def _list_view(page: dict[str, Any], query: dict[str, str]) -> None:
    from .views import empty, more, table, when  # noqa: PLC0415 rich is needed only for people

    rows = [
        (k["id"], k["name"], k["actor_type"], k["role"], "all" if k["tools"] is None else ", ".join(k["tools"]) or "none", when(k["created_at"]),
         when(k["last_used_at"]) or "never", when(k["expires_at"]) or "never")
        for k in page["items"]
    ]  # fmt: skip
    if rows:
        table(("ID", "NAME", "ACTOR", "ROLE", "TOOLS", "CREATED", "USED", "EXPIRES"), rows)
    else:
        empty(query, "no keys")
    more(page)
