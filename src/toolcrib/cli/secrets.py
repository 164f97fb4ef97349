"""`toolcrib secrets`: names and dates come out, values only go in."""

from typing import Annotated, Any

import typer

from .command import command, group, show
from .completion import secret_names
from .refused import usage
from .safe import one_line
from .session import Session, part
from .values import secret_value

app = group("secrets", "Secrets that tools refer to as ${NAME}: list, set, delete.")
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="As ${NAME} refers to it.", autocompletion=secret_names)
]


@command(app, "list", example="toolcrib secrets list", paged=True)
def list_secrets(session: Session) -> None:
    """List names, hosts and dates. Values never come out."""
    show(
        session,
        session.ask("GET", "/secrets", query=session.query),
        lambda page: _list_view(page, session.query),
    )


@command(app, "set", example="toolcrib secrets set TIDE_KEY < key.txt")
def set_secret(
    session: Session,
    name: Name,
    hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--host", metavar="HOST", help="Send it there only: a host, *.host or host:port. Repeatable."
        ),
    ] = None,
    *,
    any_host: Annotated[
        bool, typer.Option("--any-host", help="Send it wherever egress allows, bound before or not.")
    ] = False,
) -> None:
    """Set or replace a value: type it at a hidden prompt, or send it on stdin. It stays bound to the hosts it was."""
    if hosts and any_host:
        raise usage("--host and --any-host are both given; keep one")
    binding = {"hosts": hosts} if hosts else {"hosts": None} if any_host else {}
    answer = session.ask("POST", "/secrets", {"name": name, "value": secret_value(name), **binding})
    show(session, answer, _set_view)


@command(app, "uses", example="toolcrib secrets uses TIDE_KEY", paged=True)
def uses(session: Session, name: Name) -> None:
    """List the calls that opened a secret, newest first."""
    answer = session.ask("GET", f"/secrets/{part(name)}/uses", query=session.query)
    show(session, answer, lambda page: _uses_view(page, session.query))


@command(app, "rotate", example="toolcrib secrets rotate")
def rotate(session: Session) -> None:
    """Give the workspace a new key; its secrets are sealed anew while calls run. For owners."""
    show(session, session.ask("POST", "/secrets/rotate"), _progress_view)


@command(app, "rotation", example="toolcrib secrets rotation")
def rotation(session: Session) -> None:
    """Show how many secrets are not yet sealed under the newest key."""
    show(session, session.ask("GET", "/secrets/rotation"), _progress_view)


@command(app, "delete", example="toolcrib secrets delete TIDE_KEY")
def delete_secret(session: Session, name: Name) -> None:
    """Delete a secret; calls of tools that refer to it fail from then on."""
    show(
        session, session.ask("DELETE", f"/secrets/{part(name)}"), lambda _: print(f"deleted {one_line(name)}")
    )


def _progress_view(found: dict[str, Any]) -> None:
    print(
        f"the workspace's key has version {found['key_version']}; {found['left']} secrets are left under older ones"
    )
    if found["root"] is not None:
        print(f"{found['root']} rows of all workspaces are left for the root key")


def _set_view(made: dict[str, Any]) -> None:
    from .views import say  # noqa: PLC0415 rich is needed only for people

    to = f", for {', '.join(map(one_line, made['hosts']))} only" if made["hosts"] else ""
    print(f"set {one_line(made['name'])}{to}")
    if made["warning"]:
        say(f"warning: {made['warning']}")


def _list_view(page: dict[str, Any], query: dict[str, str]) -> None:
    from .views import empty, more, table, when  # noqa: PLC0415 rich is needed only for people

    rows = [
        (s["name"], s["version"], _hosts(s), when(s["created_at"]), when(s["updated_at"]))
        for s in page["items"]
    ]
    if rows:
        table(("NAME", "VERSION", "HOSTS", "CREATED", "UPDATED"), rows)
    else:
        empty(query, "no secrets; set one with: toolcrib secrets set NAME")
    more(page)


def _uses_view(page: dict[str, Any], query: dict[str, str]) -> None:
    from .views import empty, more, table, when  # noqa: PLC0415 rich is needed only for people

    rows = [
        (
            when(u["at"]),
            u["execution_id"],
            u["tool"],
            u["actor_id"],
            u["version"],
            "yes" if u["dry_run"] else None,
        )
        for u in page["items"]
    ]
    if rows:
        table(("AT", "EXECUTION", "TOOL", "ACTOR", "VERSION", "DRY RUN"), rows)
    else:
        empty(query, "no call has opened it")
    more(page)


def _hosts(secret: dict[str, Any]) -> str:
    return "any" if secret["hosts"] is None else one_line(", ".join(secret["hosts"]))
