"""Routes of events: the audit, one execution's events, and both as streams that resume."""

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from toolcrib.contracts.errors import Invalid, ToolcribError
from toolcrib.contracts.execution import Event, EventType
from toolcrib.contracts.faults import Fault
from toolcrib.kit.clock import iso
from toolcrib.kit.json import dumps
from toolcrib.kit.paging import MOST, USUAL, encode

from .executions import time_of
from .requests import Caller, Counter, Label, Paging, StrictRoute, page_request

router = APIRouter(route_class=StrictRoute, tags=["events"])
STREAM = "text/event-stream"
_HEARTBEAT_SECONDS = 15.0
_MOST_DIGITS = 18
_MOST_TOLD = 2_000
_AS_THEY_ARE = {"type", "tool", "actor", "execution_id", "exception_id", "subject_type", "subject_id"}
LastEventId = Annotated[Label | None, Header(alias="Last-Event-ID")]
_AS_STREAM: dict[str, Any] = {"content": {STREAM: {"schema": {"type": "string"}}}}
_STREAM_HEADERS = {"X-Accel-Buffering": "no"}


class EventItem(BaseModel):
    """One fact of the ledger. `id` is its place in the order of commits; `about` is the tool, key or secret it tells of."""

    id: int
    type: EventType
    at: str
    execution_id: str | None
    actor_type: str
    actor_id: str
    about: str
    facts: dict[str, Any]


class EventList(BaseModel):
    """A page of events; `next` is the cursor of the next page."""

    items: list[EventItem]
    next: str | None


class Filters(BaseModel):
    """What to list. `from` (included) and `to` (excluded) are RFC 3339 times."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MOST)] = USUAL
    cursor: Label | None = None
    type: EventType | None = None
    tool: Label | None = None
    actor: Label | None = None
    execution_id: Label | None = None
    exception_id: Label | None = None
    subject_type: Label | None = None
    subject_id: Label | None = None
    since: Label | None = Field(default=None, alias="from")
    until: Label | None = Field(default=None, alias="to")


@router.get("/audit")
async def audit(caller: Caller, gateway: Counter, filters: Annotated[Filters, Query()]) -> EventList:
    """Events of this workspace, newest first: calls and changes."""
    wanted: dict[str, Any] = filters.model_dump(exclude_none=True, include=_AS_THEY_ARE)
    times = (("from", filters.since), ("to", filters.until))
    wanted |= {name: time_of(name, text) for name, text in times if text is not None}
    page = page_request(filters.limit, filters.cursor)
    wanted |= {"after": _number("/query/cursor", page.after)} if page.after else {}
    return _page(await gateway.history.audit(caller, page.limit + 1, wanted), page.limit)


@router.get("/tools/executions/{execution_id}/events", response_model=EventList, responses={200: _AS_STREAM})
async def execution_events(
    request: Request,
    caller: Caller,
    gateway: Counter,
    execution_id: Label,
    page: Paging,
    last_event_id: LastEventId = None,
) -> Any:
    """One execution's events in order; with `Accept: text/event-stream` a stream until it has come to its end."""
    if request.headers.get("accept", "").startswith(STREAM):  # who names JSON before it takes JSON
        after = _number("/headers/Last-Event-ID", last_event_id) if last_event_id else 0
        await gateway.history.get(caller, execution_id)
        gateway.history.refuse_crowd(caller)
        pages = gateway.history.follow_execution(caller, execution_id, after, _HEARTBEAT_SECONDS)
        return _stream(pages, after)
    after = _number("/query/cursor", page.after) if page.after else 0
    return _page(await gateway.history.events(caller, execution_id, page.limit + 1, after), page.limit)


@router.get("/events", response_class=StreamingResponse, responses={200: _AS_STREAM})
async def follow_events(caller: Caller, gateway: Counter, last_event_id: LastEventId = None) -> Response:
    """The workspace's events as they are committed (SSE), from now on or after `Last-Event-ID`. Nothing is skipped."""
    newest = await gateway.history.newest(caller)
    gateway.history.refuse_crowd(caller)
    after = _number("/headers/Last-Event-ID", last_event_id) if last_event_id else newest
    return _stream(gateway.history.follow(caller, after, _HEARTBEAT_SECONDS), after)


def event_item(event: Event) -> EventItem:
    """The event as it stands on the wire."""
    return EventItem(
        id=event.seq, type=event.type, at=iso(event.at), execution_id=event.execution_id, actor_type=event.actor_type,
        actor_id=event.actor_id, about=event.about, facts=event.facts,
    )  # fmt: skip


def _page(found: Sequence[Event], limit: int) -> EventList:
    shown = found[:limit]
    return EventList(
        items=[event_item(event) for event in shown],
        next=encode(str(shown[-1].seq)) if len(found) > limit else None,
    )


def _stream(pages: AsyncGenerator[Sequence[Event], None], after: int) -> Response:
    return StreamingResponse(_written(pages, after), media_type=STREAM, headers=_STREAM_HEADERS)


async def _written(pages: AsyncGenerator[Sequence[Event], None], after: int) -> AsyncIterator[bytes]:
    """As server-sent events. The first block says where the stream begins, so that whoever loses the connection before
    the first event comes back there; an empty page is a comment, which keeps the connection open. The last event is `end`, or
    `error` with its code.
    """
    yield f"retry: 2000\nid: {after}\n\n".encode()
    async with aclosing(pages):
        try:
            async for page in pages:
                yield b"".join(map(_TOLD.of, page)) or b": nothing new\n\n"
            yield b"event: end\ndata: {}\n\n"
        except ToolcribError as error:
            told = {"code": error.code.value, "message": error.message}
            yield b"event: error\ndata: " + dumps(told) + b"\n\n"


class _Told:
    """Events as they were written: all who listen to a workspace are told the same ones."""

    def __init__(self) -> None:
        self._written: OrderedDict[int, tuple[Event, bytes]] = OrderedDict()

    def of(self, event: Event) -> bytes:
        """The event as server-sent events have it."""
        known = self._written.get(id(event))
        if known is not None and known[0] is event:
            return known[1]
        written = _event(event)
        self._written[id(event)] = event, written
        if len(self._written) > _MOST_TOLD:
            self._written.popitem(last=False)
        return written


_TOLD = _Told()


def _event(event: Event) -> bytes:
    data = dumps(event_item(event).model_dump(mode="json"))
    return f"id: {event.seq}\nevent: {event.type.value}\ndata: ".encode() + data + b"\n\n"


def _number(path: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise Invalid.because(
            "The request is not valid.", [Fault(path, "give the id of an event: a whole number")]
        )
    return int(text)
