"""Whether a call may be made now, as far as its number goes: what limits allow is drawn from the database ahead and given
out here, so that a call takes no statement of its own and a refused one none at all.

A process that dies takes along what it has drawn and not given out: less is admitted then, never more.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from toolcrib.contracts.errors import RateLimited, Unavailable
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import DatabaseUnavailable, Tx
from toolcrib.ledger.service import Cap, Full
from toolcrib.policy.limits import SECOND, Concerned, Lease, Limit, Scope

from .facts import Stores
from .limited import COUNTED_BY, AtLimit, refusal
from .places import MOST, Places
from .records import Checked, Decided

Taken = tuple[Scope, int, int, int]
"""Of which limit, the end of the step, and the day and the month of the quotas."""
_MOST_LEASES: Final = 10_000
_FULL_SECONDS: Final = 0.25


@dataclass(slots=True)
class Ticket:
    """What one call holds: a place of this process, and what it took of each limit that concerns it. One that is refused
    otherwise is `paced`: it took steps of the paces, which nobody returns, and nothing else.
    """

    workspace: str
    concerned: Concerned = ()
    paced: bool = False
    taken: list[Taken] = field(default_factory=list)
    stays: bool = False

    @property
    def caps(self) -> tuple[Cap, ...]:
        """What the ledger has to count where the call is recorded."""
        return tuple(
            Cap(COUNTED_BY[limit.kind], limit.allowed.concurrency)
            for _, limit in self.concerned
            if limit.allowed.concurrency is not None
        )


class Admission:
    """One per process."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self.places = Places(MOST)
        self._stores = stores
        self._clock = clock
        self._leases: dict[Scope, Lease] = {}
        self._drawing: dict[str, asyncio.Task[None]] = {}
        self._late: list[Taken] = []
        self._running: Counter[Scope] = Counter()
        self._full: dict[Scope, float] = {}

    def enter(self, workspace: str) -> Ticket:
        """Take a place. Raises `RateLimited`."""
        self.places.take(workspace)
        return Ticket(workspace)

    async def admit(self, ticket: Ticket, decided: Decided) -> None:
        """Take what limits allow for a call that is to run, all of it or nothing; one that is decided again under the same
        limits took it already. One that is to be refused keeps to the paces all the same, as its record costs what any
        costs. Raises `RateLimited` and `Unavailable`.
        """
        about = decided.who.actor_id, decided.tool.name, decided.ready.host
        concerned = decided.facts.limits.about(*about)
        if not isinstance(decided.verdict, Checked):
            await self._pace(ticket, concerned)
        elif concerned != ticket.concerned:
            self.give_back(ticket)
            await self._take(ticket, concerned)

    def give_back(self, ticket: Ticket) -> None:
        """Return what a call took that does not run after all."""
        self._late += ticket.taken
        self._settle_late()
        self._end(ticket)

    def leave(self, ticket: Ticket) -> None:
        """The call has ended; what it used up is used up."""
        self._end(ticket)
        self.places.leave(ticket.workspace)

    def full(self, ticket: Ticket, full: Full) -> RateLimited:
        """The refusal of a call that other processes left no room for; for a moment nobody asks again."""
        scope, limit = next(
            (scope, limit)
            for scope, limit in ticket.concerned
            if COUNTED_BY[limit.kind] == full.cap.of and limit.allowed.concurrency == full.cap.most
        )
        self._full[scope] = self._clock.monotonic() + _FULL_SECONDS
        self.give_back(ticket)
        return refusal(AtLimit(scope, limit, "concurrency", 1))

    async def stop(self) -> None:
        """Give back the parts of quotas that are left."""
        leases, self._leases = self._leases, {}
        for scope, lease in leases.items():
            await self._return(scope, lease)

    def reached_now(self, concerned: Concerned, came: int | None = None) -> AtLimit | None:
        """What is known here, without asking the database, to refuse a call that came then."""
        for scope, limit in concerned:
            most = limit.allowed.concurrency
            if most is not None and (self._running[scope] >= most or self._is_full(scope)):
                return AtLimit(scope, limit, "concurrency", 1)
        return self._used_up(concerned, self._now() if came is None else came)

    def _used_up(self, concerned: Concerned, came: int) -> AtLimit | None:
        """A call that waited for a draw is refused by what that found, however late it is by then."""
        for scope, limit in concerned:
            lease = self._lease(scope, limit)
            which = None if lease is None else lease.lacks(came + lease.ahead)
            if lease is not None and which is not None:
                return AtLimit(scope, limit, which, lease.again - came - lease.ahead)
        return None

    def lacking(self, concerned: Concerned, now: int) -> Concerned:
        """The limits of which this process has nothing in hand for a call that came then."""
        return tuple(
            (scope, limit)
            for scope, limit in concerned
            if limit.allowed.is_metered
            and not ((lease := self._lease(scope, limit)) and lease.has(now + lease.ahead))
        )

    async def _pace(self, ticket: Ticket, concerned: Concerned) -> None:
        self.give_back(ticket)
        paces = tuple((scope, limit) for scope, limit in concerned if limit.allowed.per_minute is not None)
        if ticket.paced or not paces:
            return
        came = self._now()
        while True:
            reached = self._used_up(paces, came)
            if reached is not None:
                raise refusal(reached)
            short = tuple((scope, limit) for scope, limit in paces if not self._has_step(scope, limit, came))
            if not short:
                break
            await self._draw(ticket.workspace, short)
        for scope, _ in paces:
            lease = self._leases[scope]
            lease.take_step(came + lease.ahead)
        ticket.paced = True

    def _has_step(self, scope: Scope, limit: Limit, now: int) -> bool:
        lease = self._lease(scope, limit)
        return lease is not None and lease.has_step(now + lease.ahead)

    async def _take(self, ticket: Ticket, concerned: Concerned) -> None:
        """A call counts from the moment in which it came, however long it waits for a draw."""
        came = self._now()
        while True:
            reached = self.reached_now(concerned, came)
            if reached is not None:
                raise refusal(reached)
            short = self.lacking(concerned, came)
            if not short:
                break
            await self._draw(ticket.workspace, short)
        ticket.concerned = concerned
        for scope, limit in concerned:
            self._running[scope] += 1
            if limit.allowed.is_metered:
                lease = self._leases[scope]
                ticket.taken.append((scope, lease.take(came + lease.ahead), lease.day, lease.month))

    def _end(self, ticket: Ticket) -> None:
        for scope, _ in ticket.concerned:
            self._running[scope] -= 1
            if not self._running[scope]:
                del self._running[scope]
        ticket.concerned, ticket.taken = (), []

    async def _draw(self, workspace: str, short: Concerned) -> None:
        """One draw of a workspace at a time; who finds one under way waits for it and looks again."""
        flying = self._drawing.get(workspace)
        if flying is None:
            flying = self._drawing[workspace] = asyncio.create_task(self._drawn(workspace, short))
        await asyncio.shield(flying)

    async def _drawn(self, workspace: str, short: Concerned) -> None:
        """What is in hand goes into the draw and is not given out meanwhile."""
        held = {scope: lease for scope, limit in short if (lease := self._lease(scope, limit))}
        for scope, _ in short:
            self._leases.pop(scope, None)
        sent = self._now()

        async def work(tx: Tx) -> list[Lease]:
            return await self._stores.limits.draw(tx, short, held)

        try:
            leases = await self._stores.db.change((workspace,), work)
        except DatabaseUnavailable as error:
            for lease in held.values():  # the steps that were returned may lie in the bucket again
                lease.returned.clear()
            self._leases |= held
            raise Unavailable from error
        finally:  # before anybody runs: who finds a draw that has ended would wait for nothing, and for ever
            del self._drawing[workspace]
        for (scope, _), lease in zip(short, leases, strict=True):
            lease.ahead = lease.at - sent
            self._leases[scope] = lease
        self._settle_late()
        while len(self._leases) > _MOST_LEASES:
            del self._leases[next(iter(self._leases))]

    def _settle_late(self) -> None:
        """What is returned while its lease is drawn anew waits for that."""
        late, self._late = self._late, []
        for one in late:
            if one[0] in self._leases:
                self._leases[one[0]].give_back(*one[1:])
            elif one[0][0] in self._drawing:
                self._late.append(one)

    async def _return(self, scope: Scope, lease: Lease) -> None:
        async def work(tx: Tx) -> None:
            await self._stores.limits.return_quota(tx, scope, lease)

        if lease.holds_quota:
            await self._stores.db.change((scope[0],), work)

    def _lease(self, scope: Scope, limit: Limit) -> Lease | None:
        """What is in hand of a limit as it is now; under another one it is worth nothing."""
        lease = self._leases.get(scope)
        return lease if lease is not None and lease.allowance == limit.allowed else None

    def _is_full(self, scope: Scope) -> bool:
        return bool(self._full) and self._clock.monotonic() < self._full.get(scope, 0)

    def _now(self) -> int:
        return int(self._clock.monotonic() * SECOND)
