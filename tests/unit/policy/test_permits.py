"""What a role may do apart from calls, against a table written by hand; an agent only reads, whatever its role."""

import itertools

import pytest

from toolcrib.contracts.principal import ActorType, Permission, Principal, Role
from toolcrib.policy.service import permits, sees

PEOPLE = {
    #                     owner  admin  member viewer
    "tools:read":        "yes    yes    yes    yes",
    "tools:write":       "yes    yes    yes    no",
    "enablement:write":  "yes    yes    no     no",
    "executions:read":   "yes    yes    yes    yes",
    "executions:cancel": "yes    yes    yes    no",
    "secrets:read":      "yes    yes    yes    yes",
    "secrets:write":     "yes    yes    no     no",
    "keys:read":         "yes    yes    no     no",
    "keys:write":        "yes    yes    no     no",
    "workspace:read":    "yes    yes    yes    yes",
    "workspace:write":   "yes    no     no     no",
    "members:read":      "yes    yes    no     no",
    "members:write":     "yes    yes    no     no",
    "grants:read":       "yes    yes    no     no",
    "suspensions:write": "yes    yes    no     no",
    "hosts:write":       "yes    yes    no     no",
    "security:read":     "yes    yes    no     no",
    "limits:write":      "yes    yes    no     no",
    "approvals:decide":  "yes    yes    yes    no",
    "approvals:write":   "yes    yes    no     no",
    "house:write":       "no     no     no     no",
}  # fmt: skip
AGENTS = {"tools:read", "executions:read", "workspace:read"}
LOOKS = {
    "tools:read",
    "executions:read",
    "secrets:read",
    "keys:read",
    "workspace:read",
    "members:read",
    "grants:read",
    "security:read",
}
ROLES = ("owner", "admin", "member", "viewer")


def test_the_table_has_every_permission_and_every_role():
    assert set(PEOPLE) == {permission.value for permission in Permission}
    assert set(ROLES) == {role.value for role in Role}


@pytest.mark.parametrize(("permission", "role", "actor"), list(itertools.product(PEOPLE, ROLES, ActorType)))
def test_a_role_permits_what_the_table_says(permission, role, actor):
    by_role = PEOPLE[permission].split()[ROLES.index(role)] == "yes"
    expected = by_role and (actor is not ActorType.AGENT or permission in AGENTS)
    assert permits(Principal("w", actor, "who", Role(role), "key"), Permission(permission)) is expected


@pytest.mark.parametrize("role", ROLES)
def test_no_agent_manages_anything(role):
    agent = Principal("w", ActorType.AGENT, "who", Role(role), "key")
    assert {p.value for p in Permission if permits(agent, p)} == AGENTS


@pytest.mark.parametrize(("role", "actor"), list(itertools.product(ROLES, ActorType)))
def test_a_key_that_is_limited_to_tools_only_reads(role, actor):
    limited = Principal("w", actor, "who", Role(role), "key", frozenset({"a"}))
    assert {p.value for p in Permission if permits(limited, p)} == AGENTS


def test_a_limited_key_sees_its_tools_alone():
    limited = Principal("w", ActorType.USER, "who", Role.OWNER, "key", frozenset({"a"}))
    assert (sees(limited, "a"), sees(limited, "b")) == (True, False)
    assert sees(Principal("w", ActorType.USER, "who", Role.VIEWER, "key"), "b")


def test_the_house_is_the_operators_alone():
    operator = Principal("w", ActorType.USER, "who", Role.OWNER, "key", operator=True)
    assert {p for p in Permission if permits(operator, p)} == set(Permission)
    agent = Principal("w", ActorType.AGENT, "who", Role.OWNER, "key", operator=True)
    assert not permits(agent, Permission.HOUSE_WRITE)


@pytest.mark.parametrize(("role", "permission"), list(itertools.product(ROLES, PEOPLE)))
def test_who_only_looks_changes_nothing(role, permission):
    looks = Principal("w", ActorType.USER, "who", Role(role), "key", looks_only=True, read_only=True)
    by_role = PEOPLE[permission].split()[ROLES.index(role)] == "yes"
    assert permits(looks, Permission(permission)) is (by_role and permission in LOOKS)


def test_in_a_read_only_workspace_its_people_are_still_seen_to():
    owner = Principal("w", ActorType.USER, "who", Role.OWNER, "key", read_only=True)
    assert permits(owner, Permission.WORKSPACE_WRITE)
    assert permits(owner, Permission.MEMBERS_WRITE)
