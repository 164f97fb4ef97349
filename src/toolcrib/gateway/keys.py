"""API keys at the counter: made (shown once), listed, revoked."""

from collections.abc import Iterable, Mapping, Sequence

from toolcrib.contracts.errors import Conflict, Forbidden
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.principal import ActorType, NewKey, Permission, Principal, Role
from toolcrib.identity.service import Key, Keys
from toolcrib.policy.service import permits

from .change import Change, Changes
from .facts import Stores


class ApiKeys:
    """What can be done with keys."""

    def __init__(self, stores: Stores, changes: Changes) -> None:
        self._identity = stores.identity
        self._changes = changes

    async def create(self, principal: Principal, wanted: NewKey) -> tuple[str, str]:
        """A new key of the principal's workspace: its id and its text. It can do no more than its creator."""
        if wanted.role is Role.OWNER and principal.role is not Role.OWNER:
            raise Forbidden("Only an owner makes keys with the role owner.")
        if wanted.actor_type is ActorType.SYSTEM:
            raise Forbidden("The actor type system is the house's own.")
        if wanted.actor_type is ActorType.USER and principal.actor_type is not ActorType.USER:
            raise Forbidden("Only a person's key makes a key for a person.")
        ends = (
            (await self._changes.permitted(principal, Permission.KEYS_WRITE))
            .keys[principal.key_id]
            .expires_at
        )
        if ends is not None and (wanted.expires_at is None or wanted.expires_at > ends):
            raise Forbidden("Your key expires; a new key must expire no later than yours.")

        async def add(change: Change) -> tuple[str, str]:
            key_id, text = await self._identity.add_key(
                change.tx, change.scope, wanted, principal.actor_id, change.generation
            )
            await change.tell(EventType.KEY_CREATED, key_id, {"name": wanted.name, "role": wanted.role.value})
            return key_id, text

        return await self._changes.change(principal, Permission.KEYS_WRITE, add)

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
        live = sorted((key for key in facts.keys.values() if not key.revoked), key=lambda key: key.id)
        return [key for key in live if after is None or key.id > after][:limit]

    async def revoke(self, principal: Principal, key_id: str) -> None:
        """Revoke a key for good. Raises `NotFound`; `Forbidden` for an owner's key where no owner asks; `Conflict` for the
        last valid one, as nobody could make another.
        """

        async def remove(change: Change) -> None:
            keys = await self._identity.load(change.tx, change.scope, {}, -1)
            self._check_owner(principal, keys, key_id)
            await self._identity.revoke(change.tx, change.scope, key_id, change.generation)
            await change.tell(EventType.KEY_REVOKED, key_id)

        await self._changes.change(principal, Permission.KEYS_WRITE, remove)

    def _check_owner(self, principal: Principal, keys: Keys, key_id: str) -> None:
        target = keys.get(key_id)
        if target is None or target.revoked or target.principal.role is not Role.OWNER:
            return
        if principal.role is not Role.OWNER:
            raise Forbidden("Only an owner's key revokes an owner's key.")
        owners = {key.id for key in keys.values() if self._is_owner(key)}
        if owners == {key_id}:
            raise Conflict(
                "This is the last valid key of an owner, and only an owner makes another; make one first.",
                reason="last_owner",
            )

    def _is_owner(self, key: Key) -> bool:
        """Whether this key could make another owner's key."""
        who = key.principal
        return who.role is Role.OWNER and self._identity.is_valid(key) and permits(who, Permission.KEYS_WRITE)
