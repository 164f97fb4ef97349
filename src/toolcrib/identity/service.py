"""What identity means: who is behind a credential, and who belongs to a workspace."""

import secrets
from collections.abc import Sequence
from dataclasses import replace

from toolcrib.contracts.errors import Conflict, Forbidden, NotFound, Unauthorized
from toolcrib.contracts.principal import ActorType, NewKey, Principal, Role
from toolcrib.kit.cipher import Cipher
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Clash, Row, Tx
from toolcrib.kit.json import dumps

from . import queries
from .people import (
    INVITED,
    Invitation,
    NewGrant,
    NewMember,
    People,
    is_person_id,
    no_invitation,
    person_id,
    refuse_past,
)
from .roster import (
    DEFAULT_WORKSPACE,
    Grant,
    Key,
    Member,
    Roster,
    Workspace,
    is_member,
    laid_over,
    person_key,
    read_workspace,
)
from .tokens import Token, new_token, parse_token

__all__ = [
    "DEFAULT_WORKSPACE", "DIGESTS", "Grant", "Identity", "Invitation", "Key", "Member", "NewGrant", "NewMember", "Roster", "Token", "Workspace", "as_operator", "is_member", "no_invitation", "person_id", "person_key",
]  # fmt: skip

_PURPOSE = "api-keys"
DIGESTS = (_PURPOSE, INVITED)
"""What digests are made for: they hold, whatever root key comes."""
_KNOWN_TOKENS = 10_000
_VISITOR = "visitor:"
_SHARED_US = 7 * 86_400_000_000
_HOUSE_KEY = "house"  # no token names it: a token's key must be among the keys of its workspace


class Identity:
    """Knows keys by their keyed digest; remembers the tokens it has checked, whole, in memory only."""

    def __init__(self, cipher: Cipher, clock: Clock) -> None:
        self.people = People(cipher, clock)
        self._cipher = cipher
        self._clock = clock
        self._checked: dict[str, Token] = {}

    def claimed(self, text: str) -> Token:
        """What a key says it is; its form is checked, nothing else. Raises `Unauthorized`."""
        token = self._checked.get(text) or parse_token(text)
        if token is None:
            raise Unauthorized
        return token

    def holder(self, roster: Roster, token: Token) -> Principal:
        """Whose key this is, be it revoked, expired or suspended. Raises `Unauthorized` for one that was never made."""
        key = roster.keys.get(token.key_id)
        if key is None or not self._genuine(key, token):
            raise Unauthorized
        return key.principal

    def person(self, roster: Roster, person: str, until: int) -> Principal:
        """A member of this workspace whose token ends then. Raises as `again` does."""
        found = roster.principal(person_key(person))
        if found is None:
            raise Unauthorized
        return self.again(roster, replace(found, until=until))

    def visitor(self, roster: Roster, operator: Principal) -> Principal:
        """The operator in a workspace that shares itself: reads, and does nothing else. Raises as `again` does."""
        made = Principal(
            roster.workspace.id, operator.actor_type, as_operator(operator.actor_id), Role.VIEWER,
            f"{_VISITOR}{operator.workspace_id}:{operator.key_id}", read_only=True, looks_only=True, until=operator.until,
        )  # fmt: skip
        return self.again(roster, made)

    def at_home(self, visitor: Principal) -> Principal | None:
        """The operator behind a visit, in the operator's own workspace; None for everybody else."""
        if not visitor.key_id.startswith(_VISITOR):
            return None
        home, _, key_id = visitor.key_id.removeprefix(_VISITOR).partition(":")
        return replace(visitor, workspace_id=home, key_id=key_id)

    def again(self, roster: Roster, principal: Principal) -> Principal:
        """The same principal by what is known now. Raises `Unauthorized` for one that is gone, `Forbidden` for a suspended."""
        if principal.key_id == _HOUSE_KEY:
            return principal
        found = self._found(roster, principal)
        if found is None or (principal.until is not None and principal.until <= self._clock.now()):
            raise Unauthorized
        if roster.workspace.suspended:
            raise Forbidden(
                "This workspace is suspended; only the operator can resume it.", reason="suspended"
            )
        if found.suspended:
            message = f"{found.on_behalf_of or found.actor_id} is suspended; an admin of the workspace can lift that."
            raise Forbidden(message, reason="suspended")
        return found if principal.until is None else replace(found, until=principal.until)

    def acting(self, roster: Roster, actor: str) -> Principal | None:
        """An actor of this workspace as one of its valid credentials makes it; None for one that has none."""
        held = [
            key.id for key in roster.keys.values() if key.principal.actor_id == actor and self.is_valid(key)
        ]
        found = (roster.principal(one) for one in (*held, person_key(actor.removeprefix("user:"))))
        return next((who for who in found if who is not None), None)

    def makers(self, roster: Roster, key_id: str) -> frozenset[str]:
        """Who made a key, who made theirs, and so on; nobody where somebody signed in without one."""
        first, found = roster.keys.get(key_id), set[str]()
        wanted = [] if first is None else [first.created_by]
        while wanted:
            maker = wanted.pop()
            if maker not in found:
                found.add(maker)
                wanted += [one.created_by for one in roster.keys.values() if one.principal.actor_id == maker]
        return frozenset(found)

    def house(self, workspace: str) -> Principal:
        """The house itself, for what it does unasked: no credential leads to this principal."""
        return Principal(workspace, ActorType.SYSTEM, "system", Role.OWNER, _HOUSE_KEY, operator=True)

    def is_valid(self, key: Key) -> bool:
        """Whether this key opens anything now: it is neither revoked nor expired."""
        return not key.revoked and (key.expires_at is None or key.expires_at > self._clock.now())

    def is_shared(self, workspace: Workspace) -> bool:
        """Whether a workspace is open to the operator's eyes now."""
        return workspace.shared_until > self._clock.now()

    def shared(self, *, wanted: bool) -> int:
        """Until when a workspace is shared that is shared now: a week, so that nobody has to remember it."""
        return self._clock.now() + _SHARED_US if wanted else 0

    async def load(self, tx: Tx, workspace: str, known: Roster, since: int) -> Roster:
        """Who belongs to a workspace, with what changed after a generation laid over what is known."""
        return laid_over(known, await self._row(tx, workspace), await queries.changed(tx, workspace, since))

    def new_workspace(self) -> str:
        """The id of a workspace that is to be made: the transaction that makes it names it."""
        return secrets.token_hex(5)

    async def create_workspace(self, tx: Tx, workspace: str, name: str) -> None:
        """Make a workspace. Raises `Conflict` for a name that is taken."""
        try:
            await queries.add(
                tx, "workspaces", id=workspace, name=name, created_at=self._clock.now(), read_only=0, shared_until=0,
                suspended_at=None, hosts=None,
            )  # fmt: skip
        except Exception as error:
            _raise_taken(tx, error, name)
            raise

    async def default_workspace(self, tx: Tx) -> str | None:
        """The id of the operator's workspace, once it exists."""
        row = await queries.workspace_named(tx, DEFAULT_WORKSPACE)
        return None if row is None else str(row["id"])

    async def find_workspace(self, tx: Tx, id_or_name: str) -> Workspace | None:
        """A workspace of the installation by its id, else by its name."""
        row = await queries.workspace(tx, id_or_name) or await queries.workspace_named(tx, id_or_name)
        return None if row is None else read_workspace(row)

    async def workspace(self, tx: Tx, workspace: str) -> Workspace:
        """A workspace that is there, as of now."""
        return read_workspace(await self._row(tx, workspace))

    async def workspaces(self, tx: Tx, after: str, most: int) -> Sequence[Workspace]:
        """All workspaces of the installation, by id."""
        return [read_workspace(row) for row in await queries.workspaces_after(tx, after, most)]

    async def set_workspace(self, tx: Tx, wanted: Workspace) -> None:
        """Write what a workspace says of itself. Raises `Conflict` for a name that is taken."""
        try:
            await queries.set_workspace(
                tx, wanted.id, name=wanted.name, read_only=int(wanted.read_only), shared_until=wanted.shared_until,
                suspended_at=self._clock.now() if wanted.suspended else None,
                hosts=None if wanted.hosts is None else dumps(list(wanted.hosts)).decode(),
            )  # fmt: skip
        except Exception as error:
            _raise_taken(tx, error, wanted.name)
            raise

    async def add_key(
        self, tx: Tx, workspace: str, wanted: NewKey, by: str, generation: int
    ) -> tuple[str, str]:
        """A new key: its id, and its text, which is shown this once and never stored."""
        refuse_past(wanted.expires_at, self._clock.now())
        actor = f"{wanted.actor_type.value}:{wanted.name}"
        if is_person_id(wanted.name):
            raise Conflict(
                "This name has the form of a member's id; choose another.",
                reason="name_taken",
                name=wanted.name,
            )
        if await queries.actor_exists(tx, workspace, actor):
            message = f"There was a key for {actor} before, and the ledger must tell them apart; choose another name, or rotate that key."
            raise Conflict(message, reason="name_taken", name=wanted.name)
        who = Principal(
            workspace, wanted.actor_type, actor, wanted.role, "", None if wanted.tools is None else frozenset(wanted.tools),
            by if wanted.for_me else None,
        )  # fmt: skip
        return await self._write_key(tx, who, wanted.name, wanted.expires_at, by, generation)

    async def rotate_key(self, tx: Tx, key: Key, ends: int, by: str, generation: int) -> tuple[str, str]:
        """Another key for the same actor with the same rights; the old one ends at that time (UTC in microseconds)."""
        made = await self._write_key(tx, key.principal, key.name, key.expires_at, by, generation)
        ends = ends if key.expires_at is None else min(ends, key.expires_at)
        await queries.expire_key(tx, key.principal.workspace_id, key.id, ends, generation)
        return made

    async def revoke(self, tx: Tx, workspace: str, key_id: str, generation: int) -> None:
        """Revoke a key for good. Raises `NotFound`."""
        if not await queries.end(tx, "keys", workspace, key_id, self._clock.now(), generation):
            raise NotFound("There is no such key.")

    async def note_uses(self, tx: Tx, workspace: str, used: Sequence[tuple[str, int]]) -> None:
        """Note when keys were used last."""
        for key_id, at in used:
            await queries.use_key(tx, workspace, key_id, at)

    async def uses(self, tx: Tx, workspace: str) -> dict[str, int]:
        """When each key was used last, to a minute or so."""
        return await queries.uses(tx, workspace)

    async def _row(self, tx: Tx, workspace: str) -> Row:
        row = await queries.workspace(tx, workspace)
        if row is None:
            raise NotFound("There is no such workspace.")
        return row

    async def _write_key(
        self, tx: Tx, who: Principal, name: str, expires_at: int | None, by: str, generation: int
    ) -> tuple[str, str]:
        token = new_token(who.workspace_id)
        await queries.add(
            tx, "keys", workspace_id=who.workspace_id, id=token.key_id, name=name, actor_type=who.actor_type.value,
            actor_id=who.actor_id, role=who.role.value, tools=None if who.tools is None else dumps(sorted(who.tools)).decode(),
            digest=self._cipher.digest(_PURPOSE, token.text.encode()), created_at=self._clock.now(), created_by=by,
            expires_at=expires_at, revoked_at=None, generation=generation, on_behalf_of=who.on_behalf_of,
        )  # fmt: skip
        return token.key_id, token.text

    def _found(self, roster: Roster, principal: Principal) -> Principal | None:
        if principal.key_id.startswith(_VISITOR):
            return principal if self.is_shared(roster.workspace) else None
        key = roster.keys.get(principal.key_id)
        if key is not None and not self.is_valid(key):
            return None
        return roster.principal(principal.key_id)

    def _genuine(self, key: Key, token: Token) -> bool:
        if self._checked.get(token.text) is token:
            return True
        if not self._cipher.same(self._cipher.digest(_PURPOSE, token.text.encode()), key.digest):
            return False
        if len(self._checked) >= _KNOWN_TOKENS:
            self._checked.clear()
        self._checked[token.text] = token
        return True


def as_operator(actor_id: str) -> str:
    """How other workspaces name one who operates."""
    return f"operator:{actor_id}"


def _raise_taken(tx: Tx, error: Exception, name: str) -> None:
    """Raises `Conflict` where an error says that the name is taken."""
    if isinstance(tx.translated(error), Clash):
        raise Conflict(
            f"There is a workspace {name} already; choose another name.", reason="name_taken", name=name
        ) from error
