"""People at the counter: members of a workspace, and invitations to become one."""

from collections.abc import Sequence

from toolcrib.contracts.errors import Conflict, Forbidden, NotFound, Unavailable
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.names import HOUSE
from toolcrib.contracts.principal import ActorType, Permission, Principal, Role
from toolcrib.identity.service import Claims, Invitation, Member, NewMember, Roster, person_id
from toolcrib.kit.db import DatabaseUnavailable, Tx
from toolcrib.ledger.service import ChangeFact

from .change import Change, Changes
from .facts import Snapshots, Stores
from .keys import refuse_last_owner


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
        _refuse_wider(principal, wanted.role)

        async def put(change: Change) -> Member:
            known = (await self._roster(change)).members.get(person_id(wanted.issuer, wanted.subject))
            if known is not None and not known.removed:
                raise Conflict("This person is a member already.", reason="member", member=known.id)
            member = await self._put(change, wanted, known)
            told = {"name": wanted.name, "role": wanted.role.value, "read_only": wanted.read_only}
            await change.tell(EventType.MEMBER_ADDED, member, told)
            return await self._member(change, member)

        return await self._changes.change(principal, Permission.MEMBERS_WRITE, put, also=(HOUSE,))

    async def update(
        self,
        principal: Principal,
        member: str,
        *,
        name: str | None,
        role: Role | None,
        read_only: bool | None,
    ) -> Member:
        """Give a member another name, role or reach. Raises `NotFound`; `Forbidden` for a role wider than one's own."""
        _refuse_wider(principal, role)

        async def put(change: Change) -> Member:
            roster = await self._roster(change)
            known = _there(roster, member)
            _refuse_wider(principal, known.role)
            wanted = NewMember(
                known.issuer, known.subject, known.name if name is None else name, role or known.role,
                known.read_only if read_only is None else read_only,
            )  # fmt: skip
            if known.role is Role.OWNER and (wanted.role is not Role.OWNER or wanted.read_only):
                refuse_last_owner(self._identity, roster, member)
            await self._put(change, wanted, known)
            told = {"name": wanted.name, "role": wanted.role.value, "read_only": wanted.read_only}
            await change.tell(EventType.MEMBER_CHANGED, member, told)
            return await self._member(change, member)

        return await self._changes.change(principal, Permission.MEMBERS_WRITE, put, also=(HOUSE,))

    async def remove(self, principal: Principal, member: str) -> None:
        """End a membership; keys on the member's behalf end with it. Raises `NotFound`."""

        async def end(change: Change) -> None:
            roster = await self._roster(change)
            known = _there(roster, member)
            _refuse_wider(principal, known.role)
            if known.role is Role.OWNER:
                refuse_last_owner(self._identity, roster, member)
            await self._identity.people.remove_member(change.tx, change.scope, member, change.generation)
            await change.tell(EventType.MEMBER_REMOVED, member)

        await self._changes.change(principal, Permission.MEMBERS_WRITE, end, also=(HOUSE,))

    async def invite(self, principal: Principal, name: str, role: Role) -> tuple[Invitation, str]:
        """An invitation with its text: whoever signs in and brings it within a week is a member."""
        _refuse_wider(principal, role)

        async def make(change: Change) -> tuple[Invitation, str]:
            made, text = await self._identity.people.invite(
                change.tx, change.scope, name, role, principal.actor_id
            )
            await change.tell(EventType.INVITATION_CREATED, made.id, {"name": name, "role": role.value})
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
        wider role. Raises `NotFound` for an invitation that is not there any more.
        """
        token = self._identity.people.invitation_token(text)
        facts = await self._snapshots.of(token.workspace_id)
        if facts is None:
            raise NotFound("There is no such invitation, or it was used or has ended; ask for another.")
        house = self._identity.house(token.workspace_id)

        async def enter(change: Change) -> tuple[str, str, Role]:
            made = await self._identity.people.accepted(change.tx, token)
            roster = await self._roster(change)
            known = roster.members.get(person_id(claims.issuer, claims.subject))
            held = [known.role] if known is not None and not known.removed else []
            role = max([made.role, *held], key=lambda one: one.reach)
            wanted = NewMember(
                claims.issuer,
                claims.subject,
                claims.name or claims.email or made.name,
                role,
                known is not None and known.read_only,
            )
            member = await self._put(change, wanted, known)
            actor = Principal(change.scope, ActorType.USER, f"user:{member}", role, "")
            fact = ChangeFact(
                change.scope,
                change.seq,
                EventType.INVITATION_ACCEPTED,
                made.id,
                {"member": member, "role": role.value},
            )
            await self._stores.ledger.tell(change.tx, actor, fact)
            return change.scope, roster.workspace.name, role

        return await self._changes.change(house, Permission.MEMBERS_WRITE, enter, also=(HOUSE,))

    async def _put(self, change: Change, wanted: NewMember, known: Member | None) -> str:
        return await self._identity.people.put_member(
            change.tx, change.scope, wanted, known, change.principal.actor_id, change.generation
        )

    async def _roster(self, change: Change) -> Roster:
        return await self._identity.load(change.tx, change.scope, Roster.of(change.scope), -1)

    async def _member(self, change: Change, member: str) -> Member:
        return (await self._roster(change)).members[member]


def _there(roster: Roster, member: str) -> Member:
    known = roster.members.get(member)
    if known is None or known.removed:
        raise NotFound("There is no such member.")
    return known


def _refuse_wider(principal: Principal, role: Role | None) -> None:
    if role is not None and role.reach > principal.role.reach:
        raise Forbidden(f"Only an {role} makes, changes and removes members with the role {role}.")
