"""The route of the security log."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from toolcrib.contracts.errors import Invalid
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.security import SecurityItem, SecurityKind, Verdict
from toolcrib.gateway import Place
from toolcrib.kit.clock import iso
from toolcrib.kit.json import JsonRefused, dumps, loads
from toolcrib.kit.paging import MOST, USUAL, BadCursor, decode, encode

from .executions import time_of
from .requests import Caller, Counter, Label, StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["events"])
_SOURCES = 3
_KEY = 4
_LARGEST = 2**62


class SecurityEntry(BaseModel):
    """One thing that happened, or requests of one minute that were refused alike: then `at` is its beginning and `count` how
    many there were. `actor` is null where nobody knows who it was.
    """

    at: str
    kind: SecurityKind
    type: str
    verdict: Verdict | None
    code: str | None
    actor: str | None
    about: str
    execution_id: str | None
    count: int
    facts: dict[str, Any]

    @classmethod
    def of(cls, item: SecurityItem) -> Self:
        """As it stands on the wire."""
        return cls(
            at=iso(item.at), kind=item.kind, type=item.type, verdict=item.verdict, code=item.code, actor=item.actor,
            about=item.about, execution_id=item.execution_id, count=item.count, facts=dict(item.facts),
        )  # fmt: skip


class SecurityList(BaseModel):
    """A page of the security log; `next` is the cursor of the next page, which may follow one without items."""

    items: list[SecurityEntry]
    next: str | None


class Filters(BaseModel):
    """What to list. `from` (included) and `to` (excluded) are RFC 3339 times."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MOST)] = USUAL
    cursor: Annotated[str, Field(min_length=1, max_length=4_096)] | None = None
    kind: SecurityKind | None = None
    tool: Label | None = None
    actor: Label | None = None
    since: Label | None = Field(default=None, alias="from")
    until: Label | None = Field(default=None, alias="to")


@router.get("/security/log")
async def security_log(
    caller: Caller, gateway: Counter, filters: Annotated[Filters, Query()]
) -> SecurityList:
    """Who tried what, allowed or refused, and what was changed that walls are made of; newest first."""
    wanted: dict[str, Any] = filters.model_dump(exclude_none=True, include={"tool", "actor"})
    times = (("from", filters.since), ("to", filters.until))
    wanted |= {name: time_of(name, text) for name, text in times if text is not None}
    begins = _place(filters.cursor) if filters.cursor is not None else Place()
    items, rest = await gateway.security.page(caller, filters.limit, filters.kind, wanted, begins)
    return SecurityList(items=list(map(SecurityEntry.of, items)), next=None if rest.is_end else _cursor(rest))


def _cursor(place: Place) -> str:
    return encode(dumps([place.event, place.own, place.strangers]).decode())


def _place(cursor: str) -> Place:
    """The place that a cursor names. Raises `Invalid`."""
    try:
        document: Any = loads(decode(cursor).encode())
    except (BadCursor, JsonRefused):
        document = None
    if not (
        isinstance(document, list)
        and len(document) == _SOURCES
        and (document[0] is None or _is_number(document[0]))
        and all(one is None or _is_key(one) for one in document[1:])
    ):
        raise Invalid.because(
            "The cursor is not valid.",
            [Fault("/query/cursor", "the cursor is not one of this list; start again without it")],
        )
    event, own, strangers = document
    return Place(event, tuple(own) if own else None, tuple(strangers) if strangers else None)


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST


def _is_key(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == _KEY
        and _is_number(value[0])
        and all(isinstance(part, str) and (not part or part.isprintable()) for part in value[1:])
    )
