"""Who is let into a workspace, and with what: members, invitations, grants, suspensions."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from toolcrib.contracts.errors import Invalid, NotFound
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.principal import Role
from toolcrib.kit.cipher import Cipher
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Row, Tx

from . import queries
from .roster import Member, read_member
from .tokens import INVITATION, Token, new_token, parse_token

INVITED = "invitations"
_INVITED_US = 7 * 86_400_000_000
_PERSON_HEX = 20


@dataclass(frozen=True, slots=True)
class NewMember:
    """What a person shall be in a workspace; `subject` is what the issuer of their tokens calls them."""

    issuer: str
    subject: str
    name: str
    role: Role
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class NewGrant:
    """An entitlement of a workspace, or of one actor in it; `expires_at` is UTC microseconds."""

    name: str
    actor_id: str | None = None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that may still be accepted; times are UTC microseconds."""

    id: str
    name: str
    role: Role
    created_at: int
    created_by: str
    expires_at: int


def person_id(issuer: str, subject: str) -> str:
    """The id of a person, the same in every workspace."""
    return hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()[:_PERSON_HEX]


def is_person_id(text: str) -> bool:
    """Whether a text could be the id of a person; no key's actor may have such a name."""
    return len(text) == _PERSON_HEX and set(text) <= set("0123456789abcdef")


class People:
    """Writes what a workspace says of people and actors; `Roster` is what is read of it."""

    def __init__(self, cipher: Cipher, clock: Clock) -> None:
        self._cipher = cipher
        self._clock = clock

    async def put_member(
        self, tx: Tx, workspace: str, wanted: NewMember, known: Member | None, by: str, generation: int
    ) -> str:
        """Make a person a member, or another kind of member; answers the id."""
        member = person_id(wanted.issuer, wanted.subject)
        values = {
            "name": wanted.name,
            "role": wanted.role.value,
            "read_only": int(wanted.read_only),
            "generation": generation,
        }
        if known is None:
            await queries.add(
                tx, "members", workspace_id=workspace, id=member, issuer=wanted.issuer, subject=wanted.subject,
                created_at=self._clock.now(), created_by=by, removed_at=None, **values,
            )  # fmt: skip
        else:
            await queries.set_member(tx, workspace, member, **values)
        await queries.enter_home(tx, member, workspace)
        return member

    async def member(self, tx: Tx, workspace: str, member: str) -> Member:
        """A member as it was written in this transaction."""
        return read_member(await queries.member(tx, workspace, member))

    async def remove_member(self, tx: Tx, workspace: str, member: str, generation: int) -> None:
        """End a membership. Raises `NotFound`."""
        if not await queries.end(tx, "members", workspace, member, self._clock.now(), generation):
            raise NotFound("There is no such member.")
        await queries.leave_home(tx, member, workspace)

    async def homes(self, tx: Tx, person: str) -> Sequence[str]:
        """The workspaces in which a person is a member, by id."""
        return await queries.homes_of(tx, person)

    async def invite(self, tx: Tx, workspace: str, name: str, role: Role, by: str) -> tuple[Invitation, str]:
        """A new invitation with its text, which is shown this once: whoever brings it within a week is a member."""
        token, now = new_token(workspace, INVITATION), self._clock.now()
        made = Invitation(token.key_id, name, role, now, by, now + _INVITED_US)
        await queries.add(
            tx, "invitations", workspace_id=workspace, id=made.id, name=name, role=role.value,
            digest=self._cipher.digest(INVITED, token.text.encode()), created_at=now, created_by=by,
            expires_at=made.expires_at, closed_at=None,
        )  # fmt: skip
        return made, token.text

    async def invitations(self, tx: Tx, workspace: str, after: str, most: int) -> Sequence[Invitation]:
        """Invitations that may still be accepted, by id."""
        return [
            _invitation(row)
            for row in await queries.open_invitations(tx, workspace, self._clock.now(), after, most)
        ]

    async def close_invitation(self, tx: Tx, workspace: str, invitation: str) -> None:
        """Take an invitation back, or note that it was accepted. Raises `NotFound`."""
        if not await queries.end(tx, "invitations", workspace, invitation, self._clock.now(), 0):
            raise NotFound("There is no such invitation.")

    def invitation_token(self, text: str) -> Token:
        """What the text of an invitation says it is. Raises `NotFound`."""
        token = parse_token(text, INVITATION)
        if token is None:
            raise no_invitation()
        return token

    async def accepted(self, tx: Tx, token: Token) -> Invitation:
        """The invitation of this text, which is closed by it. Raises `NotFound`."""
        row = await queries.invitation(tx, token.workspace_id, token.key_id)
        digest = self._cipher.digest(INVITED, token.text.encode())
        if row is None or row["closed_at"] is not None or row["expires_at"] <= self._clock.now():
            raise no_invitation()
        if not self._cipher.same(digest, bytes(row["digest"])):
            raise no_invitation()
        await self.close_invitation(tx, token.workspace_id, token.key_id)
        return _invitation(row)

    async def add_grant(self, tx: Tx, workspace: str, wanted: NewGrant, by: str, generation: int) -> str:
        """Give an entitlement to a workspace, or to one actor in it; answers the grant's id."""
        refuse_past(wanted.expires_at, self._clock.now())
        grant = f"grant_{secrets.token_hex(8)}"
        await queries.add(
            tx, "grants", workspace_id=workspace, id=grant, name=wanted.name, actor_id=wanted.actor_id, created_at=self._clock.now(),
            created_by=by, expires_at=wanted.expires_at, ended_at=None, generation=generation,
        )  # fmt: skip
        return grant

    async def end_grant(self, tx: Tx, workspace: str, grant: str, generation: int) -> None:
        """Take an entitlement back. Raises `NotFound`."""
        if not await queries.end(tx, "grants", workspace, grant, self._clock.now(), generation):
            raise NotFound("There is no such grant.")

    async def suspend(self, tx: Tx, workspace: str, kind: str, name: str, by: str, generation: int) -> None:
        """Suspend an actor or an upstream host."""
        await queries.suspend(
            tx, workspace=workspace, kind=kind, name=name, now=self._clock.now(), by=by, made=generation
        )

    async def lift(self, tx: Tx, workspace: str, kind: str, name: str, generation: int) -> None:
        """Lift a suspension. Raises `NotFound`."""
        if not await queries.lift(tx, workspace, kind, name, self._clock.now(), generation):
            raise NotFound("There is no such suspension.")


def refuse_past(expires_at: int | None, now: int) -> None:
    """Raises `Invalid` for an end that has come already."""
    if expires_at is not None and expires_at <= now:
        fault = Fault("/expires_at", "give a later time, or leave it out")
        raise Invalid.because("expires_at is in the past.", [fault])


def _invitation(row: Row) -> Invitation:
    return Invitation(
        row["id"], row["name"], Role(row["role"]), row["created_at"], row["created_by"], row["expires_at"]
    )


def no_invitation() -> NotFound:
    """The answer for an invitation that is not there, and for one that is good no more."""
    return NotFound("There is no such invitation, or it was used or has ended; ask for another.")
