"""Requests that were refused before they could be executions: counted by minute, code, principal and place, never a row each.

What strangers or members make up cannot grow the table or the log: beyond a few places in a minute all are told as `?`.
"""

from collections import Counter, defaultdict

from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Database, DatabaseError, Tx
from toolcrib.kit.logging import logger

from .queries import writing

STRANGERS = ""
"""Whose refusals are counted under no workspace."""
MINUTE_US = 60_000_000
ELSEWHERE = "?"
PLACES_OF_STRANGERS = 10
PLACES = 50
"""Different counts in a minute, of strangers and of a workspace, before places are told apart no more."""
LINES = 60
"""Lines in the log in a minute; the minute after tells how many more requests were refused."""
_MOST_COUNTED = 10_000
_log = logger("ledger")
_Key = tuple[str, int, str, str, str]


class Refusals:
    """One per process."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._counts: Counter[_Key] = Counter()
        self._minute = 0
        self._places: defaultdict[str, set[tuple[str, str, str]]] = defaultdict(set)
        self._told_in = 0
        self._lines = 0
        self._untold = 0

    def count(self, workspace: str, code: str, principal: str, place: str) -> None:
        """Count a request that was refused at a place: a tool or a route. Written with the next `flush`."""
        minute = self._clock.now() // MINUTE_US
        if minute != self._minute:
            self._minute, self._places = minute, defaultdict(set)
        places = self._places[workspace]
        if (code, principal, place) not in places:
            if len(places) >= (PLACES if workspace else PLACES_OF_STRANGERS):
                place = ELSEWHERE
            places.add((code, principal, place))
        key = (workspace, minute, code, principal, place)
        if key in self._counts or len(self._counts) < _MOST_COUNTED:
            self._counts[key] += 1

    async def flush(self) -> None:
        """Write what was counted since the last time, and tell the log."""
        taken, self._counts = self._counts, Counter()

        async def write(tx: Tx) -> None:
            for (workspace, minute, *key), n in sorted(taken.items()):
                await writing.count_refusal(tx, workspace, minute, (key[0], key[1], key[2]), n)

        if taken:
            try:
                await self._db.change(tuple(sorted({name for name, *_ in taken})), write)
            except DatabaseError:
                self._counts.update(taken)
                raise
        self._tell(taken)

    def _tell(self, taken: Counter[_Key]) -> None:
        minute = self._clock.now() // MINUTE_US
        if minute != self._told_in:
            if self._untold:
                _log.info("more requests refused", count=self._untold)
            self._told_in, self._lines, self._untold = minute, 0, 0
        for (workspace, _, code, actor, place), n in taken.most_common():
            if self._lines == LINES:
                self._untold += n
            else:
                self._lines += 1
                _log.info(
                    "requests refused",
                    workspace=workspace or None,
                    actor=actor or None,
                    code=code,
                    place=place,
                    count=n,
                )
