"""The security log is a reading, not a store: events that concern the walls, merged with the refusals that were counted.

Each source is read in an order of its own, newest first; a cursor names what comes next of each, so whatever happens
meanwhile neither shifts nor repeats anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any

from toolcrib.contracts.errors import Code
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.security import (
    AUTHENTICATION_FAILED,
    REQUEST_REFUSED,
    SecurityItem,
    SecurityKind,
    Verdict,
    events_of,
    kind_of,
    verdict_of,
)
from toolcrib.kit.db import Database, Row, Tx
from toolcrib.kit.json import loads_own

from .queries import security
from .refusals import MINUTE_US, STRANGERS

_LOOKED_AT = 50_000
_CALLS = (None, SecurityKind.EXECUTION, SecurityKind.REFUSAL)
_NEWEST = 2**62
Key = tuple[int, str, str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins in each source: the number of an event, a counted refusal of the workspace, one of strangers. None
    is behind the last.
    """

    event: int | None = _NEWEST
    own: Key | None = (_NEWEST, "", "", "")
    strangers: Key | None = (_NEWEST, "", "", "")

    @property
    def is_end(self) -> bool:
        """Whether nothing comes any more."""
        return self.event is None and self.own is None and self.strangers is None


@dataclass(frozen=True, slots=True)
class _Found:
    """One item with its source and its key there."""

    source: int
    key: Any
    item: SecurityItem | None
    at: int


class SecurityReader:
    """Bounded: a page reads its limit of each source, through an index. Where filters leave few of many calls it looks at so
    many events, and the next page goes on behind them.
    """

    def __init__(self, db: Database, looks_at: int = _LOOKED_AT) -> None:
        self._db = db
        self._looks_at = looks_at

    async def page(
        self, workspace: str, limit: int, kind: SecurityKind | None, wanted: Mapping[str, Any], begins: Place, *, strangers: bool
    ) -> tuple[Sequence[SecurityItem], Place]:  # fmt: skip
        """Items and where the next page begins; with `strangers` those that no workspace knows are among them."""

        async def read(tx: Tx) -> tuple[list[_Found], ...]:
            return (
                await self._events(tx, workspace, limit + 1, kind, wanted, begins.event),
                await _refusals(tx, workspace, limit + 1, kind, wanted, begins.own),
                await _refusals(tx, STRANGERS, limit + 1, kind, wanted, begins.strangers)
                if strangers
                else [],
            )

        scopes = (workspace, STRANGERS) if strangers else (workspace,)
        return _page(await self._db.read(scopes, read), limit)

    async def _events(
        self, tx: Tx, workspace: str, limit: int, kind: SecurityKind | None, wanted: Mapping[str, Any], begins: int | None
    ) -> list[_Found]:  # fmt: skip
        if begins is None or not events_of(kind):
            return []
        least = 1
        if wanted and kind in _CALLS:
            begins = min(begins, await security.newest(tx, workspace))
            least = max(1, begins - self._looks_at + 1)
        rows = await security.told(tx, workspace, kind, (begins, least), limit, wanted)
        found = list(_told(rows))
        if len(found) < limit and least > 1:
            found.append(_Found(0, least - 1, None, found[-1].at if found else _NEWEST))
        return found


def _page(sources: tuple[list[_Found], ...], limit: int) -> tuple[Sequence[SecurityItem], Place]:
    """One that is no item says that its source was not looked at behind it, so the page ends there."""
    ordered = list(merge(*sources, key=lambda found: found.at, reverse=True))
    most = next((n for n, found in enumerate(ordered) if found.item is None), limit)
    shown = ordered[: min(limit, most)]
    taken = [sum(found.source == source for found in shown) for source in range(len(sources))]
    event, own, strangers = (
        found[n].key if n < len(found) else None for found, n in zip(sources, taken, strict=True)
    )
    return [found.item for found in shown if found.item is not None], Place(event, own, strangers)


def _told(rows: Sequence[Row]) -> Iterator[_Found]:
    """Times may go back a little from event to event; here none is later than the one before, so the order is that of numbers."""
    at = _NEWEST
    for row in rows:
        at = min(at, row["at"])
        yield _Found(0, row["seq"], _event(row), at)


async def _refusals(
    tx: Tx,
    workspace: str,
    limit: int,
    kind: SecurityKind | None,
    wanted: Mapping[str, Any],
    begins: Key | None,
) -> list[_Found]:
    if begins is None:
        return []
    whole = {"from": 0, "to": MINUTE_US - 1}
    wanted = {
        name: (value + whole[name]) // MINUTE_US if name in whole else value for name, value in wanted.items()
    }
    rows = await security.counted(tx, workspace, kind, begins, limit, wanted)
    source = 1 if workspace else 2
    return [
        _Found(
            source,
            (row["minute"], row["code"], row["principal"], row["tool"]),
            _counted(row),
            row["minute"] * MINUTE_US,
        )
        for row in rows
    ]


def _event(row: Row) -> SecurityItem:
    facts: dict[str, Any] = loads_own(row["facts"].encode()) if row["facts"] else {}  # type: ignore[assignment]  # ours are objects
    type_ = EventType(row["type"])
    return SecurityItem(
        row["at"], kind_of(type_), type_.value, verdict_of(type_), facts.get("error_code"), row["actor_id"],
        row["about"], row["execution_id"], facts=facts,
    )  # fmt: skip


def _counted(row: Row) -> SecurityItem:
    failed = row["code"] == Code.UNAUTHORIZED
    return SecurityItem(
        row["minute"] * MINUTE_US, SecurityKind.AUTHENTICATION if failed else SecurityKind.REFUSAL,
        AUTHENTICATION_FAILED if failed else REQUEST_REFUSED, Verdict.REFUSED, row["code"], row["principal"] or None,
        row["tool"], count=row["count"],
    )  # fmt: skip
