"""API keys at the counter: made (shown once), listed, rotated, revoked."""

from collections.abc import Iterable, Mapping, Sequence

from toolcrib.contracts.errors import Conflict, Forbidden, NotFound, Unavailable
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.principal import ActorType, NewKey, Permission, Principal, Role
from toolcrib.identity.service import Identity, Key, Roster, is_member, person_key
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import DatabaseUnavailable, Tx
from toolcrib.policy.service import permits

from .change import Change, Changes
from .facts import Stores


class ApiKeys:
    """What can be done with keys."""

    def __init__(self, stores: Stores, changes: Changes, clock: Clock) -> None:
        self._stores = stores
        self._identity = stores.identity
        self._changes = changes
        self._clock = clock

    async def create(self, principal: Principal, wanted: NewKey) -> tuple[str, str]:
        """A new key of the principal's workspace: its id and its text. It can do no more than its creator."""

        async def add(change: Change) -> tuple[str, str]:
            _refuse_wider(change, wanted.role, wanted.actor_type, wanted.expires_at)
            if wanted.for_me and (wanted.actor_type is ActorType.USER or not is_member(change.principal)):
                raise Forbidden(
                    "A key on your behalf is an agent's or a service's, and made by a member who signed in."
                )
            key_id, text = await self._identity.add_key(
                change.tx, change.scope, wanted, principal.actor_id, change.generation
            )
            facts = {"name": wanted.name, "role": wanted.role.value}
            await change.tell(EventType.KEY_CREATED, key_id, facts)
            return key_id, text

        return await self._changes.change(principal, Permission.KEYS_WRITE, add)

    async def rotate(
        self, principal: Principal, key_id: str, overlap_seconds: int = 0
    ) -> tuple[str, str, str]:
        """Another key for the same actor with the same rights: its id, its name and its text. The old one ends after the overlap.
        Raises `NotFound`, and `Forbidden` for a key that the principal could not have made.
        """

        async def renew(change: Change) -> tuple[str, str, str]:
            key = change.roster.keys.get(key_id)
            if key is None or not self._identity.is_valid(key):
                raise NotFound("There is no such key.")
            who = key.principal
            _refuse_wider(change, who.role, who.actor_type, key.expires_at)
            if who.on_behalf_of not in (None, principal.actor_id):
                raise Forbidden(
                    "Only the person in whose name this key acts rotates it; others may revoke it."
                )
            ends = self._clock.now() + overlap_seconds * 1_000_000
            made, text = await self._identity.rotate_key(
                change.tx, key, ends, principal.actor_id, change.generation
            )
            await change.tell(EventType.KEY_ROTATED, key_id, {"name": key.name, "key_id": made})
            return made, key.name, text

        return await self._changes.change(principal, Permission.KEYS_WRITE, renew)

    async def unmet(self, principal: Principal, names: Iterable[str]) -> Mapping[str, str | None]:
        """Of names that a key is limited to, those that no tool has as its name now: with the name of the tool that they
        lead to otherwise, as an alias or an id, or None.
        """
        facts = await self._changes.permitted(principal, Permission.KEYS_WRITE)
        found = {name: facts.find(name) for name in sorted(set(names))}
        meant = {name: None if tool is None else tool.name for name, tool in found.items()}
        return {name: known for name, known in meant.items() if name != known}

    async def list(self, principal: Principal, limit: int, after: str | None) -> Sequence[Key]:
        """Live keys by id, never their text."""
        facts = await self._changes.permitted(principal, Permission.KEYS_READ)
        live = sorted((key for key in facts.roster.keys.values() if not key.revoked), key=lambda key: key.id)
        return [key for key in live if after is None or key.id > after][:limit]

    async def uses(self, principal: Principal) -> Mapping[str, int]:
        """When each key was used last (UTC in microseconds), to a minute or so."""
        await self._changes.permitted(principal, Permission.KEYS_READ)

        async def read(tx: Tx) -> Mapping[str, int]:
            return await self._identity.uses(tx, principal.workspace_id)

        try:
            return await self._stores.db.read((principal.workspace_id,), read)
        except DatabaseUnavailable as error:
            raise Unavailable from error

    async def revoke(self, principal: Principal, key_id: str) -> None:
        """Revoke a key for good. Raises `NotFound`; `Forbidden` for an owner's key where no owner asks; `Conflict` for the
        last valid one, as nobody could make another.
        """

        async def remove(change: Change) -> None:
            key = change.roster.keys.get(key_id)
            if key is not None and not key.revoked and key.principal.role is Role.OWNER:
                if change.principal.role is not Role.OWNER:
                    raise Forbidden("Only an owner's key revokes an owner's key.")
                refuse_last_owner(self._identity, change.roster, key_id)
            await self._identity.revoke(change.tx, change.scope, key_id, change.generation)
            await change.tell(EventType.KEY_REVOKED, key_id)

        await self._changes.change(principal, Permission.KEYS_WRITE, remove)


def refuse_last_owner(identity: Identity, roster: Roster, besides: str) -> None:
    """Raises `Conflict` where nobody but this one, a key's or a member's id, could make another owner."""
    keys = {key.id for key in roster.keys.values() if identity.is_valid(key)}
    people = {person_key(one) for one in roster.members}
    others = [roster.principal(one) for one in (keys | people) - {besides, person_key(besides)}]
    if not any(who is not None and _makes_owners(who, besides) for who in others):
        raise Conflict(
            "This is the last valid key of an owner, or the last owner, and only an owner makes another; make one first.",
            reason="last_owner",
        )


def _makes_owners(who: Principal, without: str) -> bool:
    """Whether this one does so even without that member."""
    if who.suspended or who.on_behalf_of == f"user:{without}":
        return False
    return who.role is Role.OWNER and permits(who, Permission.KEYS_WRITE)


def _refuse_wider(change: Change, role: Role, actor_type: ActorType, expires_at: int | None) -> None:
    """Nobody comes to hold a key that is wider than the credential by which it is made."""
    who = change.principal
    if role.reach > who.role.reach:
        raise Forbidden(f"Only an {role} makes and rotates keys with the role {role}.")
    if actor_type is ActorType.SYSTEM:
        raise Forbidden("The actor type system is the house's own.")
    if actor_type is ActorType.USER and who.actor_type is not ActorType.USER:
        raise Forbidden("Only a person's key makes and rotates a key for a person.")
    own = change.roster.keys.get(who.key_id)
    ends = None if own is None else own.expires_at
    if ends is not None and (expires_at is None or expires_at > ends):
        raise Forbidden("Your key expires; a new key must expire no later than yours.")
