"""Events in the shell: the audit, the security log, one call's events, and the workspace's calls as they happen."""

import asyncio
from typing import Annotated, Any

import typer

from toolcrib.contracts.errors import Code

from .command import command, show
from .completion import event_types, execution_ids, security_kinds, tool_names
from .refused import Refused
from .session import API, Session, part
from .stream import Told, follow
from .values import subject as read_subject

_MOST_KNOWN = 10_000
Tool = Annotated[
    str | None, typer.Option("--tool", metavar="NAME", help="Calls of this tool.", autocompletion=tool_names)
]
Actor = Annotated[
    str | None, typer.Option("--actor", metavar="ACTOR", help="By this actor, such as agent:clerk.")
]
About = Annotated[str | None, typer.Option("--subject", metavar="TYPE:ID", help="Calls about this.")]
OfException = Annotated[
    str | None, typer.Option("--exception-id", metavar="ID", help="Calls of this exception.")
]


def add_to(app: typer.Typer, executions: typer.Typer) -> None:
    """Register the commands: `audit` and `security` for themselves, the rest under `executions`."""
    command(app, "audit", example="toolcrib audit --type KeyCreated --from 2027-01-31T00:00:00Z", paged=True, timed=True)(audit)  # fmt: skip
    command(app, "security", example="toolcrib security --kind authentication", paged=True, timed=True)(
        security_log
    )
    command(executions, "events", example="toolcrib executions events exe_…", paged=True)(events_of)
    command(executions, "follow", example="toolcrib executions follow --exception-id E-1")(follow_executions)


def audit(
    session: Session,
    *,
    type_: Annotated[
        str | None,
        typer.Option(
            "--type", metavar="TYPE", help="Such as ToolExecutionFailed.", autocompletion=event_types
        ),
    ] = None,
    tool: Tool = None,
    actor: Actor = None,
    execution: Annotated[
        str | None,
        typer.Option("--execution", metavar="ID", help="Of this call.", autocompletion=execution_ids),
    ] = None,
    subject: About = None,
    exception_id: OfException = None,
) -> None:
    """List what was called and changed, newest first. Filters narrow each other."""
    about = read_subject(subject) or {}
    wanted = {
        "type": type_, "tool": tool, "actor": actor, "execution_id": execution, "exception_id": exception_id,
        "subject_type": about.get("type"), "subject_id": about.get("id"),
    }  # fmt: skip
    query = {name: value for name, value in wanted.items() if value is not None} | session.query
    show(session, session.ask("GET", "/audit", query=query), lambda page: _list_view(page, query))


def security_log(
    session: Session,
    *,
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="KIND", help="Such as authentication.", autocompletion=security_kinds),
    ] = None,
    tool: Tool = None,
    actor: Actor = None,
) -> None:
    """List who tried what, allowed or refused, newest first; for owners and admins. Filters narrow each other."""
    wanted = {"kind": kind, "tool": tool, "actor": actor}
    query = {name: value for name, value in wanted.items() if value is not None} | session.query
    answer = session.ask("GET", "/security/log", query=query)
    show(session, answer, lambda page: _security_view(page, query))


def events_of(
    session: Session, execution_id: Annotated[str, typer.Argument(metavar="ID", autocompletion=execution_ids)]
) -> None:
    """List the events of one call, oldest first."""
    path = f"/tools/executions/{part(execution_id)}/events"
    answer = session.ask("GET", path, query=session.query)
    show(session, answer, lambda page: _list_view(page, session.query))


def follow_executions(
    session: Session,
    *,
    tool: Tool = None,
    actor: Actor = None,
    subject: About = None,
    exception_id: OfException = None,
    after: Annotated[
        int | None, typer.Option(metavar="N", help="Begin after this event, not now.", min=0)
    ] = None,
) -> None:
    """Print the events of calls as they are recorded, until Ctrl-C. A lost connection is taken up again; no event is lost."""
    about = read_subject(subject) or {}
    wanted = {"exception_id": exception_id, "subject": about or None}
    followed = _Followed(session, {"about": tool, "actor_id": actor}, wanted)
    asyncio.run(follow(session, "/events", after, followed.hear, _lost))


class _Followed:
    """Which events are shown. What an event does not tell of its call is asked once for each call."""

    def __init__(self, session: Session, of_event: dict[str, Any], of_call: dict[str, Any]) -> None:
        self._session = session
        self._of_event = {name: value for name, value in of_event.items() if value is not None}
        self._of_call = {name: value for name, value in of_call.items() if value is not None}
        self._known: dict[str, bool] = {}

    async def hear(self, told: Told) -> None:
        """Print it if it is wanted: the API's JSON in a line, or a line for people."""
        from toolcrib.kit.json import loads  # noqa: PLC0415 only where it is needed

        event: Any = loads(told.text.encode())
        if event.get("execution_id") is None or any(
            event[name] != value for name, value in self._of_event.items()
        ):
            return
        if self._of_call and not await self._is_wanted(event["execution_id"]):
            return
        print(told.text if self._session.as_json else _line(event), flush=True)

    async def _is_wanted(self, execution_id: str) -> bool:
        if execution_id not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[execution_id] = await self._matches(execution_id)
        return self._known[execution_id]

    async def _matches(self, execution_id: str) -> bool:
        try:
            answer = await self._session.exchange("GET", f"{API}/tools/executions/{part(execution_id)}")
        except Refused as refused:
            if refused.code == Code.NOT_FOUND:
                return False
            raise
        return all(answer.document[name] == value for name, value in self._of_call.items())


def _line(event: dict[str, Any]) -> str:
    from .safe import shown  # noqa: PLC0415 only where it is needed
    from .views import when  # noqa: PLC0415 as above

    word = event["type"].removeprefix("ToolExecution")
    words = [when(event["at"]), f"{word:<17}", event["execution_id"], event["about"], event["actor_id"], event["facts"].get("error_code")]  # fmt: skip
    return "  ".join(shown(one) for one in words if one)


def _lost(why: str) -> None:
    from .views import say  # noqa: PLC0415 as above

    say(f"the connection is lost ({why}); trying again")


def _list_view(page: dict[str, Any], query: dict[str, str]) -> None:
    from .views import empty, more, table, when  # noqa: PLC0415 rich is needed only for people

    rows = [
        (event["id"], when(event["at"]), event["type"], event["about"], event["actor_id"], event["execution_id"], event["facts"].get("error_code"))
        for event in page["items"]
    ]  # fmt: skip
    if rows:
        table(("ID", "TIME", "EVENT", "ABOUT", "ACTOR", "EXECUTION", "ERROR"), rows)
    else:
        empty(query, "no events")
    more(page)


def _security_view(page: dict[str, Any], query: dict[str, str]) -> None:
    from .views import empty, more, table, when  # noqa: PLC0415 rich is needed only for people

    rows = [
        (when(one["at"]), one["kind"], one["type"], one["about"], one["actor"] or "nobody known", one["code"] or one["verdict"], one["count"])
        for one in page["items"]
    ]  # fmt: skip
    if rows:
        table(("TIME", "KIND", "EVENT", "ABOUT", "ACTOR", "OUTCOME", "COUNT"), rows)
    else:
        empty(query, "nothing in the security log")
    more(page)
