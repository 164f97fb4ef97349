"""People at the counter: members of a workspace, and invitations to become one."""

from collections.abc import Sequence

from toolcrib.contracts.errors import Conflict, Forbidden, NotFound, Unauthorized, Unavailable
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.principal import ActorType, Permission, Principal, Role
from toolcrib.identity.issuers import Claims
from toolcrib.identity.service import (
    Invitation,
    Member,
    NewMember,
    Roster,
    no_invitation,
    person_id,
)
from toolcrib.kit.db import HOUSE, DatabaseUnavailable, Tx
from toolcrib.ledger.service import ChangeFact
from toolcrib.policy.service import permits

from .change import Change, Changes
from .facts import Snapshots, Stores
from .keys import refuse_last_owner

_MOST_OF_TEXT = 256


class Members:
    """What can be done with members and invitations."""

    def __init__(self, stores: Stores, changes: Changes, snapshots: Snapshots) -> None:
        self._stores = stores
        self._identity = stores.identity
        self._changes = changes
        self._snapshots = snapshots

    async def list(self, principal: Principal, limit: int, after: str | None) -> Sequence[Member]:
        """Members by id."""
        facts = await self._changes.permitted(principal, Permission.MEMBERS_READ)
        there = sorted(
            (one for one in facts.roster.members.values() if not one.removed), key=lambda one: one.id
        )
        return [one for one in there if after is None or one.id > after][:limit]

    async def add(self, principal: Principal, wanted: NewMember) -> Member:
        """Make a person a member, by what the issuer of their tokens calls them. Raises `Conflict` for one who is."""

        async def put(change: Change) -> Member:
            _refuse_wider(change, wanted.role)
            known = change.roster.members.get(person_id(wanted.issuer, wanted.subject))
            if known is not None and not known.removed:
                raise Conflict("This person is a member already.", reason="member", member=known.id)
            return await self._put(change, EventType.MEMBER_ADDED, wanted, known)

        return await self._changes.change(principal, Permission.MEMBERS_WRITE, put, also=(HOUSE,))

    async def update(
        self,
        principal: Principal,
        member: str,
        *,
        name: str | None = None,
        role: Role | None = None,
        read_only: bool | None = None,
    ) -> Member:
        """Give a member another name, role or reach. Raises `NotFound`; `Forbidden` for a role wider than one's own."""

        async def put(change: Change) -> Member:
            known = _there(change.roster, member)
            wanted = NewMember(
                known.issuer, known.subject, known.name if name is None else name, role or known.role,
                known.read_only if read_only is None else read_only,
            )  # fmt: skip
            _refuse_wider(change, known.role, wanted.role)
            if known.role is Role.OWNER and (wanted.role is not Role.OWNER or wanted.read_only):
                refuse_last_owner(self._identity, change.roster, member)
            return await self._put(change, EventType.MEMBER_CHANGED, wanted, known)

        return await self._changes.change(principal, Permission.MEMBERS_WRITE, put, also=(HOUSE,))

    async def remove(self, principal: Principal, member: str) -> None:
        """End a membership and revoke the keys on the member's behalf. Raises `NotFound`."""

        async def end(change: Change) -> None:
            known = _there(change.roster, member)
            _refuse_wider(change, known.role)
            if known.role is Role.OWNER:
                refuse_last_owner(self._identity, change.roster, member)
            await self._identity.people.remove_member(change.tx, change.scope, member, change.generation)
            revoked = [
                key.id
                for key in change.roster.keys.values()
                if key.principal.on_behalf_of == f"user:{member}" and not key.revoked
            ]
            for key_id in revoked:
                await self._identity.revoke(change.tx, change.scope, key_id, change.generation)
            await change.tell(EventType.MEMBER_REMOVED, member, {"keys": revoked})

        await self._changes.change(principal, Permission.MEMBERS_WRITE, end, also=(HOUSE,))

    async def invite(self, principal: Principal, name: str, role: Role) -> tuple[Invitation, str]:
        """An invitation with its text: whoever signs in and brings it within a week is a member."""

        async def make(change: Change) -> tuple[Invitation, str]:
            _refuse_wider(change, role)
            made, text = await self._identity.people.invite(
                change.tx, change.scope, name, role, principal.actor_id
            )
            await change.tell(EventType.INVITATION_CREATED, made.id, {"role": role.value})
            return made, text

        return await self._changes.change(principal, Permission.MEMBERS_WRITE, make)

    async def invitations(self, principal: Principal, limit: int, after: str | None) -> Sequence[Invitation]:
        """Invitations that may still be accepted, by id."""
        await self._changes.permitted(principal, Permission.MEMBERS_READ)

        async def read(tx: Tx) -> Sequence[Invitation]:
            return await self._identity.people.invitations(tx, principal.workspace_id, after or "", limit)

        try:
            return await self._stores.db.read((principal.workspace_id,), read)
        except DatabaseUnavailable as error:
            raise Unavailable from error

    async def take_back(self, principal: Principal, invitation: str) -> None:
        """Take an invitation back. Raises `NotFound`."""

        async def end(change: Change) -> None:
            await self._identity.people.close_invitation(change.tx, change.scope, invitation)
            await change.tell(EventType.INVITATION_REVOKED, invitation)

        await self._changes.change(principal, Permission.MEMBERS_WRITE, end)

    async def accept(self, claims: Claims, text: str) -> tuple[str, str, Role]:
        """Become a member by an invitation: the workspace's id and name, and the role there. Who is one already keeps the
        wider role. Raises `NotFound` for an invitation that is not there any more, or whose maker could not make it now.
        """
        token = self._identity.people.invitation_token(text)
        if not (_is_plain(claims.issuer) and _is_plain(claims.subject)):
            raise Unauthorized
        if await self._snapshots.of(token.workspace_id) is None:
            raise no_invitation()

        async def enter(change: Change) -> tuple[str, str, Role]:
            made, roster = await self._identity.people.accepted(change.tx, token), change.roster
            if not self._still_invites(roster, made):
                raise no_invitation()
            known = roster.members.get(person_id(claims.issuer, claims.subject))
            held = known if known is not None and not known.removed else None
            role = made.role if held is None else max(made.role, held.role, key=lambda one: one.reach)
            called = (one for one in (claims.name, claims.email) if one and _is_plain(one))
            name = next(called, made.name)
            wanted = NewMember(claims.issuer, claims.subject, name, role, bool(held and held.read_only))
            member = await self._identity.people.put_member(
                change.tx, change.scope, wanted, known, made.created_by, change.generation
            )
            actor = Principal(change.scope, ActorType.USER, f"user:{member}", role, "")
            told = {"member": member, "role": role.value}
            fact = ChangeFact(change.scope, change.seq, EventType.INVITATION_ACCEPTED, made.id, told)
            await self._stores.ledger.tell(change.tx, actor, fact)
            return change.scope, roster.workspace.name, role

        house = self._identity.house(token.workspace_id)
        return await self._changes.change(house, Permission.MEMBERS_WRITE, enter, also=(HOUSE,))

    def _still_invites(self, roster: Roster, made: Invitation) -> bool:
        """Whether its maker could make this invitation now: who was removed does not come back by one of their own."""
        maker = self._identity.acting(roster, made.created_by)
        if maker is None or maker.suspended or roster.workspace.suspended:
            return False
        return permits(maker, Permission.MEMBERS_WRITE) and maker.role.reach >= made.role.reach

    async def _put(self, change: Change, kind: EventType, wanted: NewMember, known: Member | None) -> Member:
        member = await self._identity.people.put_member(
            change.tx, change.scope, wanted, known, change.principal.actor_id, change.generation
        )
        await change.tell(kind, member, {"role": wanted.role.value, "read_only": wanted.read_only})
        return await self._identity.people.member(change.tx, change.scope, member)


def _is_plain(text: str) -> bool:
    """Whether every database and every terminal takes a text that an issuer wrote."""
    return 0 < len(text) <= _MOST_OF_TEXT and text.isprintable()


def _there(roster: Roster, member: str) -> Member:
    known = roster.members.get(member)
    if known is None or known.removed:
        raise NotFound("There is no such member.")
    return known


def _refuse_wider(change: Change, *roles: Role) -> None:
    for role in roles:
        if role.reach > change.principal.role.reach:
            raise Forbidden(f"Only an {role} makes, changes and removes members with the role {role}.")
