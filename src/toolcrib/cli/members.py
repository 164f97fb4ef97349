"""`toolcrib members`: the people of a workspace."""

from typing import Annotated, Any

import typer

from .command import command, group, show
from .completion import member_ids, roles
from .safe import one_line
from .session import Session, part
from .workspaces import place

app = group("members", "People of your workspace: list, add, set, remove, invite.")
Id = Annotated[str, typer.Argument(metavar="ID", autocompletion=member_ids)]
RoleName = Annotated[
    str | None,
    typer.Option("--role", metavar="ROLE", help="member, viewer, admin or owner", autocompletion=roles),
]
_ACCESS = "Whether they change nothing and call only tools that read."


@command(app, "list", example="toolcrib members list", paged=True)
def list_members(session: Session) -> None:
    """List the members of your workspace."""
    answer = session.ask("GET", f"{place(session)}/members", query=session.query)
    show(session, answer, lambda page: _list_view(page, session.query))


@command(
    app,
    "add",
    example="toolcrib members add 6f0c… --issuer https://id.example --name 'Ann Berg' --role admin",
)
def add_member(
    session: Session,
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="What the issuer calls them: `sub` of their tokens.")
    ],
    *,
    issuer: Annotated[str, typer.Option(metavar="URL", help="Who makes their tokens: `iss` of them.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="For people to read.")] = None,
    role: RoleName = None,
    read_only: Annotated[bool, typer.Option("--read-only", help=_ACCESS)] = False,
) -> None:
    """Make a person a member, by what the issuer of their tokens calls them."""
    body = {"issuer": issuer, "subject": subject, "name": name or subject, "read_only": read_only}
    body |= {} if role is None else {"role": role}
    show(session, session.ask("POST", f"{place(session)}/members", body), _view)


@command(app, "set", example="toolcrib members set 3f2a… --role viewer")
def set_member(
    session: Session,
    member: Id,
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="For people to read.")] = None,
    role: RoleName = None,
    read_only: Annotated[bool | None, typer.Option("--read-only/--read-write", help=_ACCESS)] = None,
) -> None:
    """Give a member another name, role or reach. It binds the next call."""
    wanted = {"name": name, "role": role, "read_only": read_only}
    body = {field: value for field, value in wanted.items() if value is not None}
    show(session, session.ask("PUT", f"{place(session)}/members/{part(member)}", body), _view)


@command(app, "remove", example="toolcrib members remove 3f2a…")
def remove_member(session: Session, member: Id) -> None:
    """End a membership and revoke the keys on the member's behalf."""
    answer = session.ask("DELETE", f"{place(session)}/members/{part(member)}")
    show(session, answer, lambda _: print(f"removed {one_line(member)}"))


@command(app, "invite", example="toolcrib members invite 'Ann Berg' --role admin")
def invite(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whom you mean, in words of your own.")],
    *,
    role: RoleName = None,
) -> None:
    """Make an invitation: whoever signs in and brings its token within a week is a member."""
    body = {"name": name} | ({} if role is None else {"role": role})
    show(session, session.ask("POST", f"{place(session)}/invitations", body), _invited_view)


def _view(one: dict[str, Any]) -> None:
    from .views import pairs, when  # noqa: PLC0415 rich is needed only for people

    pairs(
        [
            ("id", one["id"]), ("name", one["name"]), ("role", one["role"]), ("access", _access(one)),
            ("subject", one["subject"]), ("issuer", one["issuer"]), ("created", when(one["created_at"])),
        ]
    )  # fmt: skip


def _invited_view(made: dict[str, Any]) -> None:
    from .views import pairs, say, when  # noqa: PLC0415 as above

    pairs(
        [
            ("id", made["id"]),
            ("role", made["role"]),
            ("until", when(made["expires_at"])),
            ("token", made["token"]),
        ]
    )
    say("send the token to whom you mean: it is not shown again, and good for whoever has it")


def _list_view(page: dict[str, Any], query: dict[str, str]) -> None:
    from .views import empty, more, table, when  # noqa: PLC0415 as above

    rows = [
        (one["id"], one["name"], one["role"], _access(one), one["issuer"], when(one["created_at"]))
        for one in page["items"]
    ]
    if rows:
        table(("ID", "NAME", "ROLE", "ACCESS", "ISSUER", "CREATED"), rows)
    else:
        empty(query, "no members; make one with: toolcrib members invite NAME")
    more(page)


def _access(one: dict[str, Any]) -> str:
    return "read-only" if one["read_only"] else "read and write"
