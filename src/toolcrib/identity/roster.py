"""Who belongs to a workspace, as of one generation: its keys, members, grants and suspensions, and the principals they make."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from toolcrib.contracts.principal import ActorType, Held, Principal, Role
from toolcrib.kit.db import Row
from toolcrib.kit.json import loads_own

PERSON = "person:"
DEFAULT_WORKSPACE = "default"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace as others may see it; up to `shared_until` it is open to the operator's eyes (UTC in microseconds). Its tools
    call these `hosts` only, or any where it names none.
    """

    id: str
    name: str
    created_at: int = 0
    read_only: bool = False
    shared_until: int = 0
    suspended: bool = False
    hosts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as others may see it. Its principal stands for the key alone, before grants and members are asked."""

    id: str
    name: str
    principal: Principal
    digest: bytes
    created_at: int
    created_by: str
    expires_at: int | None
    revoked: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a workspace, by what the issuer of their tokens calls them."""

    id: str
    issuer: str
    subject: str
    name: str
    role: Role
    read_only: bool
    created_at: int
    created_by: str
    removed: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """An entitlement of a workspace, or of one actor in it."""

    id: str
    name: str
    actor_id: str | None
    created_at: int
    created_by: str
    expires_at: int | None
    ended: bool


@dataclass(frozen=True, slots=True)
class Roster:
    """One workspace; `suspended` holds actors and upstream hosts, each with its kind."""

    workspace: Workspace
    keys: Mapping[str, Key] = field(default_factory=dict)
    members: Mapping[str, Member] = field(default_factory=dict)
    grants: Mapping[str, Grant] = field(default_factory=dict)
    suspended: frozenset[tuple[str, str]] = frozenset()
    _known: dict[str, Principal] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, workspace: str) -> "Roster":
        """A workspace of which nothing is known yet."""
        return cls(Workspace(workspace, ""))

    def principal(self, key_id: str) -> Principal | None:
        """The principal of a key or of a person; None where there is none any more. What has an end of its own in time is
        for the caller to look at.
        """
        found = self._known.get(key_id) or self._made(key_id)
        if found is not None:
            self._known[key_id] = found
        return found

    def _made(self, key_id: str) -> Principal | None:
        if key_id.startswith(PERSON):
            return self._of_member(key_id)
        key = self.keys.get(key_id)
        if key is None or key.revoked:
            return None
        who = key.principal
        if who.on_behalf_of is None:
            return self._standing(who)
        person = self._of_member(PERSON + who.on_behalf_of.removeprefix("user:"))
        if person is None:
            return None
        role = min(who.role, person.role, key=lambda one: one.reach)
        return self._standing(replace(who, role=role, looks_only=person.looks_only))

    def _of_member(self, key_id: str) -> Principal | None:
        member = self.members.get(key_id.removeprefix(PERSON))
        if member is None or member.removed:
            return None
        actor = f"user:{member.id}"
        made = Principal(
            self.workspace.id, ActorType.USER, actor, member.role, key_id, looks_only=member.read_only
        )
        return self._standing(made)

    def _standing(self, who: Principal) -> Principal:
        """With what the workspace as a whole says of everybody in it."""
        actors = {None, who.actor_id, who.on_behalf_of}
        held = frozenset(
            Held(grant.name, grant.expires_at)
            for grant in self.grants.values()
            if not grant.ended and grant.actor_id in actors
        )
        operator = self.workspace.name == DEFAULT_WORKSPACE and who.role is Role.OWNER and _manages(who)
        read_only = who.looks_only or self.workspace.read_only
        suspended = any(("actor", actor) in self.suspended for actor in actors)
        return replace(who, read_only=read_only, grants=held, operator=operator, suspended=suspended)


def person_key(member: str) -> str:
    """What stands for a key where a person signed in."""
    return PERSON + member


def is_member(who: Principal) -> bool:
    """Whether this is a person who signed in, and not the holder of a key."""
    return who.key_id.startswith(PERSON)


def laid_over(known: Roster, workspace: Row, changed: Mapping[str, Any]) -> Roster:
    """A roster with what changed laid over what is known."""
    lifted = {(row["kind"], row["name"]) for row in changed["suspensions"]}
    now = {(row["kind"], row["name"]) for row in changed["suspensions"] if row["lifted_at"] is None}
    return Roster(
        read_workspace(workspace),
        {**known.keys, **{row["id"]: _key(row) for row in changed["keys"]}},
        {**known.members, **{row["id"]: read_member(row) for row in changed["members"]}},
        {**known.grants, **{row["id"]: _grant(row) for row in changed["grants"]}},
        (known.suspended - lifted) | now,
    )


def read_workspace(row: Row) -> Workspace:
    """A workspace's row in our words."""
    hosts = None if row["hosts"] is None else tuple(_texts(loads_own(row["hosts"].encode())))
    return Workspace(
        row["id"], row["name"], row["created_at"], bool(row["read_only"]), row["shared_until"], row["suspended_at"] is not None, hosts
    )  # fmt: skip


def _key(row: Row) -> Key:
    tools = None if row["tools"] is None else frozenset(_texts(loads_own(row["tools"].encode())))
    principal = Principal(
        row["workspace_id"], ActorType(row["actor_type"]), row["actor_id"], Role(row["role"]), row["id"], tools, row["on_behalf_of"]
    )  # fmt: skip
    return Key(
        row["id"], row["name"], principal, bytes(row["digest"]), row["created_at"], row["created_by"], row["expires_at"],
        row["revoked_at"] is not None,
    )  # fmt: skip


def read_member(row: Row) -> Member:
    """A member's row in our words."""
    return Member(
        row["id"], row["issuer"], row["subject"], row["name"], Role(row["role"]), bool(row["read_only"]), row["created_at"],
        row["created_by"], row["removed_at"] is not None,
    )  # fmt: skip


def _grant(row: Row) -> Grant:
    return Grant(
        row["id"], row["name"], row["actor_id"], row["created_at"], row["created_by"], row["expires_at"], row["ended_at"] is not None
    )  # fmt: skip


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value]


def _manages(who: Principal) -> bool:
    """An agent and a key limited to some tools manage nothing, whatever their role."""
    return who.actor_type is not ActorType.AGENT and who.tools is None
