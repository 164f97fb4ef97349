"""`toolcrib workspaces` and `toolcrib me`: who you are, and where."""

from typing import Annotated, Any

import typer

from .command import command, group, show
from .completion import workspace_names
from .refused import usage
from .safe import one_line
from .session import Session, part

app = group("workspaces", "Workspaces: list, create, show, set, hosts, suspend, resume.")
Workspace = Annotated[
    str, typer.Argument(metavar="WORKSPACE", help="Name or id.", autocompletion=workspace_names)
]
Own = Annotated[
    str | None,
    typer.Argument(
        metavar="WORKSPACE", help="Name or id; your own unless given.", autocompletion=workspace_names
    ),
]
_PAGE = "200"


def add_to(app: typer.Typer) -> None:
    """The command that tells who you are stands by itself."""
    command(app, "me", example="toolcrib me")(me)


def me(session: Session) -> None:
    """Tell who you are here, and what you may do."""
    show(session, session.ask("GET", "/me"), _me_view)


@command(app, "list", example="toolcrib workspaces list", paged=True)
def list_workspaces(session: Session) -> None:
    """List the workspaces that you may name; as the operator, all there are."""
    answer = session.ask("GET", "/workspaces", query=session.query)
    show(session, answer, lambda page: _list_view(page, session.query))


@command(app, "create", example="toolcrib workspaces create harbour")
def create_workspace(session: Session, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Make a workspace, as the operator. The key of its owner is shown this once."""
    show(session, session.ask("POST", "/workspaces", {"name": name}), _made_view)


@command(app, "show", example="toolcrib workspaces show")
def show_workspace(session: Session, workspace: Own = None) -> None:
    """Show what a workspace is."""
    show(session, session.ask("GET", place(session, workspace)), _view)


@command(app, "set", example="toolcrib workspaces set --read-only")
def set_workspace(
    session: Session,
    workspace: Own = None,
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Its new name.")] = None,
    read_only: Annotated[
        bool | None, typer.Option("--read-only/--read-write", help="Whether its tools only read.")
    ] = None,
    share: Annotated[
        bool | None,
        typer.Option("--share/--no-share", help="Whether the operator may look into it, for a week."),
    ] = None,
) -> None:
    """Rename a workspace, as the operator, open or close it for writing, or share it with the operator."""
    wanted = {"name": name, "read_only": read_only, "share_with_admin": share}
    body = {field: value for field, value in wanted.items() if value is not None}
    show(session, session.ask("PUT", place(session, workspace), body), _view)


@command(app, "hosts", example="toolcrib workspaces hosts --host api.example.com --host '*.corp.example'")
def hosts(
    session: Session,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--host", metavar="HOST", help="Call this alone: a host, *.host or host:port. Repeatable."
        ),
    ] = None,
    *,
    any_host: Annotated[
        bool, typer.Option("--any-host", help="Call all that the operator allows, narrowed before or not.")
    ] = False,
) -> None:
    """Show the hosts that your workspace's tools may call, or name them. They are never more than the operator allows."""
    if only and any_host:
        raise usage("--host and --any-host are both given; keep one")
    where = f"{place(session)}/hosts"
    wanted = None if any_host else only
    changes = bool(only) or any_host
    answer = session.ask("PUT", where, {"hosts": wanted}) if changes else session.ask("GET", where)
    show(session, answer, _hosts_view)


@command(app, "suspend", example="toolcrib workspaces suspend harbour")
def suspend_workspace(session: Session, workspace: Workspace) -> None:
    """Shut every credential of a workspace out, as the operator."""
    show(session, session.ask("POST", f"{place(session, workspace)}/suspend"), _view)


@command(app, "resume", example="toolcrib workspaces resume harbour")
def resume_workspace(session: Session, workspace: Workspace) -> None:
    """Let them in again."""
    show(session, session.ask("POST", f"{place(session, workspace)}/resume"), _view)


def place(session: Session, named: str | None = None) -> str:
    """The path of a workspace by its id or name; your own unless one is named."""
    if named is None:
        return f"/workspaces/{part(session.ask('GET', '/me').document['workspace_id'])}"
    query = {"limit": _PAGE}
    while True:
        page = session.ask("GET", "/workspaces", query=query).document
        found = [one["id"] for one in page["items"] if named in (one["id"], one["name"])]
        if found or page["next"] is None:
            return f"/workspaces/{part(found[0] if found else named)}"
        query["cursor"] = page["next"]


def _me_view(me: dict[str, Any]) -> None:
    from .views import pairs  # noqa: PLC0415 rich is needed only for people

    tools = None if me["tools"] is None else ", ".join(me["tools"]) or "none"
    pairs(
        [
            ("workspace", f"{me['workspace']} ({me['workspace_id']})"), ("actor", f"{me['actor_id']} ({me['actor_type']})"),
            ("on behalf of", me["on_behalf_of"]), ("role", me["role"]), ("operator", "yes" if me["operator"] else None),
            ("access", _access(me)), ("tools", tools), ("grants", ", ".join(me["grants"]) or None),
            ("permissions", ", ".join(me["permissions"])),
        ]
    )  # fmt: skip


def _made_view(made: dict[str, Any]) -> None:
    from .views import pairs, say  # noqa: PLC0415 as above

    pairs([("id", made["id"]), ("name", made["name"]), ("key", made["key"])])
    say("keep the key now: it is not shown again")


def _view(one: dict[str, Any]) -> None:
    from .views import pairs, when  # noqa: PLC0415 as above

    pairs(
        [
            ("id", one["id"]), ("name", one["name"]), ("access", _access(one)), ("shared until", when(one["shared_until"])),
            ("state", _state(one)), ("created", when(one["created_at"])),
        ]
    )  # fmt: skip


def _hosts_view(answer: dict[str, Any]) -> None:
    from .views import say  # noqa: PLC0415 as above

    for host in answer["hosts"] or ():
        print(one_line(host))
    if answer["hosts"] is None:
        say("all that the operator allows")


def _list_view(page: dict[str, Any], query: dict[str, str]) -> None:
    from .views import empty, more, table, when  # noqa: PLC0415 as above

    rows = [
        (
            one["id"],
            one["name"],
            _access(one),
            _state(one),
            when(one["shared_until"]),
            when(one["created_at"]),
        )
        for one in page["items"]
    ]
    if rows:
        table(("ID", "NAME", "ACCESS", "STATE", "SHARED UNTIL", "CREATED"), rows)
    else:
        empty(query, "no workspaces")
    more(page)


def _access(one: dict[str, Any]) -> str:
    return "read-only" if one["read_only"] else "read and write"


def _state(one: dict[str, Any]) -> str:
    return "suspended" if one["suspended"] else "ok"
