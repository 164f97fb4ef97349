"""The operator's visits: a workspace reads in its own ledger who looked into it."""

from toolcrib.contracts.execution import EventType
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.kit.clock import Clock
from toolcrib.ledger.service import ChangeFact

from .change import Change, Changes
from .facts import Stores

_EVERY_US = 3_600_000_000


class Visits:
    """One per process: each tells of a visitor once an hour, before anything is shown."""

    def __init__(self, stores: Stores, changes: Changes, clock: Clock) -> None:
        self._stores = stores
        self._changes = changes
        self._clock = clock
        self._told: dict[tuple[str, str], int] = {}

    async def note(self, visitor: Principal) -> None:
        """Tell of the visit unless that was done a while ago. Raises `Unavailable`, and then there is no visit."""
        place = (visitor.workspace_id, visitor.actor_id)
        if self._clock.now() < self._told.get(place, 0) + _EVERY_US:
            return

        async def tell(change: Change) -> None:
            fact = ChangeFact(change.scope, change.seq, EventType.OPERATOR_VISITED, change.scope)
            await self._stores.ledger.tell(change.tx, visitor, fact)

        house = self._stores.identity.house(visitor.workspace_id)
        await self._changes.change(house, Permission.WORKSPACE_READ, tell)
        self._told[place] = self._clock.now()
