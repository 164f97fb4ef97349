"""What identity means: who is behind a credential, and which keys a workspace has."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolcrib.contracts.errors import Conflict, Invalid, NotFound, Unauthorized
from toolcrib.contracts.principal import ActorType, NewKey, Principal, Role
from toolcrib.kit.cipher import Cipher
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Row, Tx
from toolcrib.kit.json import dumps, loads_own

from . import queries
from .tokens import Token, new_token, parse_token

DIGESTS = "api-keys"
_KNOWN_TOKENS = 10_000
_HOUSE_KEY = "house"  # no token names it: a token's key must be among the keys of its workspace
DEFAULT_WORKSPACE = "default"


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as others may see it."""

    id: str
    name: str
    principal: Principal
    digest: bytes
    created_at: int
    created_by: str
    expires_at: int | None
    revoked: bool


Keys = Mapping[str, Key]


class Identity:
    """Knows keys by their keyed digest; remembers the tokens it has checked, whole, in memory only."""

    def __init__(self, cipher: Cipher, clock: Clock) -> None:
        self._cipher = cipher
        self._clock = clock
        self._checked: dict[str, Token] = {}

    def claimed(self, text: str) -> Token:
        """What a credential says it is; its form is checked, nothing else. Raises `Unauthorized`."""
        token = self._checked.get(text) or parse_token(text)
        if token is None:
            raise Unauthorized
        return token

    def principal(self, keys: Keys, token: Token) -> Principal:
        """Who holds this token, by the keys known now. Raises `Unauthorized`."""
        key = keys.get(token.key_id)
        if key is None or not self._genuine(key, token):
            raise Unauthorized
        return self.again(keys, key.principal)

    def again(self, keys: Keys, principal: Principal) -> Principal:
        """The same principal by the keys known now: revoked and expired ones are gone. Raises `Unauthorized`."""
        if principal.key_id == _HOUSE_KEY:
            return principal
        key = keys.get(principal.key_id)
        if key is None or not self.is_valid(key):
            raise Unauthorized
        return key.principal

    def house(self, workspace: str) -> Principal:
        """The house itself, for what it does unasked: no credential leads to this principal."""
        return Principal(workspace, ActorType.SYSTEM, "system", Role.OWNER, _HOUSE_KEY)

    def is_valid(self, key: Key) -> bool:
        """Whether this key opens anything now: it is neither revoked nor expired."""
        return not key.revoked and (key.expires_at is None or key.expires_at > self._clock.now())

    async def load(self, tx: Tx, workspace: str, known: Keys, since: int) -> Keys:
        """The keys of a workspace, with what changed after a generation laid over what is known."""
        rows = await queries.changed_keys(tx, workspace, since)
        return {**known, **{row["id"]: _key(row) for row in rows}} if rows else known

    async def create_workspace(self, tx: Tx, name: str) -> str:
        """A new workspace; answers its id."""
        workspace_id = secrets.token_hex(5)
        await queries.create_workspace(tx, id=workspace_id, name=name, created_at=self._clock.now())
        return workspace_id

    async def workspace_name(self, tx: Tx, workspace: str) -> str:
        """What a workspace is called."""
        return await queries.workspace_name(tx, workspace)

    async def default_workspace(self, tx: Tx) -> str | None:
        """The id of the operator's workspace, once it exists."""
        row = await queries.workspace_named(tx, DEFAULT_WORKSPACE)
        return None if row is None else str(row["id"])

    async def add_key(
        self, tx: Tx, workspace: str, wanted: NewKey, by: str, generation: int
    ) -> tuple[str, str]:
        """A new key: its id, and its text, which is shown this once and never stored."""
        if wanted.expires_at is not None and wanted.expires_at <= self._clock.now():
            raise Invalid("expires_at is in the past; give a later time or leave it out")
        actor = f"{wanted.actor_type.value}:{wanted.name}"
        if await queries.actor_exists(tx, workspace, actor):
            message = f"There was a key for {actor} before, and the ledger must tell them apart; choose another name."
            raise Conflict(message, reason="name_taken", name=wanted.name)
        token = new_token(workspace)
        await queries.add_key(
            tx, workspace_id=workspace, id=token.key_id, name=wanted.name, actor_type=wanted.actor_type.value,
            actor_id=actor, role=wanted.role.value,
            tools=None if wanted.tools is None else dumps(sorted(wanted.tools)).decode(),
            digest=self._cipher.digest(DIGESTS, token.text.encode()), created_at=self._clock.now(), created_by=by,
            expires_at=wanted.expires_at, revoked_at=None, generation=generation,
        )  # fmt: skip
        return token.key_id, token.text

    async def revoke(self, tx: Tx, workspace: str, key_id: str, generation: int) -> None:
        """Revoke a key for good. Raises `NotFound`."""
        if not await queries.revoke(tx, workspace, key_id, self._clock.now(), generation):
            raise NotFound("There is no such key.")

    def _genuine(self, key: Key, token: Token) -> bool:
        if self._checked.get(token.text) is token:
            return True
        if not self._cipher.same(self._cipher.digest(DIGESTS, token.text.encode()), key.digest):
            return False
        if len(self._checked) >= _KNOWN_TOKENS:
            self._checked.clear()
        self._checked[token.text] = token
        return True


def _key(row: Row) -> Key:
    tools = None if row["tools"] is None else frozenset(_texts(loads_own(row["tools"].encode())))
    principal = Principal(
        row["workspace_id"],
        ActorType(row["actor_type"]),
        row["actor_id"],
        Role(row["role"]),
        row["id"],
        tools,
    )
    return Key(
        row["id"], row["name"], principal, bytes(row["digest"]), row["created_at"], row["created_by"], row["expires_at"],
        row["revoked_at"] is not None,
    )  # fmt: skip


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value]
