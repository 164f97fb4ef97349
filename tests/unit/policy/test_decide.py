"""The decision against a table written by hand: each combination stands in exactly one row, and each row is met."""

import itertools

import pytest

from toolcrib.contracts.decision import Allow, Decision, Deny
from toolcrib.contracts.principal import ActorType, Principal, Role
from toolcrib.policy.service import ToolFacts, decide

NAME = "tides.next"
KEYS = {
    "every tool": None,
    "this tool": frozenset({NAME, "x"}),
    "others": frozenset({"x"}),
    "none": frozenset(),
}
SCOPES = {"own": ("w1", False), "global": ("global", True), "foreign": ("w2", False)}
ROLES = [role.value for role in Role]
ACTORS = [actor.value for actor in ActorType]
# What holds in any order but one: scope, then key, then role, then enabled, then sunset. The kind of actor decides nothing.
TABLE = [
    # scope             key                      role                  enabled   answer
    ("foreign",         "*",                     "*",                  "*",      "NOT_FOUND by scope"),
    ("own|global",      "others|none",           "*",                  "*",      "FORBIDDEN by key"),
    ("own|global",      "every tool|this tool",  "viewer",             "*",      "FORBIDDEN by role"),
    ("own|global",      "every tool|this tool",  "owner|admin|member", "off",    "TOOL_DISABLED by enabled"),
    ("own|global",      "every tool|this tool",  "owner|admin|member", "ended",  "TOOL_SUNSET by sunset"),
    ("own|global",      "every tool|this tool",  "owner|admin|member", "on|last", "allowed"),
]  # fmt: skip
NOW = 1_000
# Enabled or not, and enabled on its last day or past it.
STATES = {"on": (True, None), "off": (False, None), "last": (True, NOW + 1), "ended": (True, NOW)}
CASES = list(itertools.product(SCOPES, KEYS, ROLES, STATES, ACTORS))


def rows_for(scope: str, key: str, role: str, enabled: str) -> list[str]:
    asked = (scope, key, role, enabled)
    return [
        answer
        for *cells, answer in TABLE
        if all(cell == "*" or value in cell.split("|") for cell, value in zip(cells, asked, strict=True))
    ]


def made(scope: str, key: str, role: str, enabled: str, actor: str) -> Decision:
    principal = Principal("w1", ActorType(actor), "who", Role(role), "key", KEYS[key])
    return decide(principal, ToolFacts(NAME, *SCOPES[scope], *STATES[enabled]), NOW)


def told(decision: Decision) -> str:
    if isinstance(decision, Allow):
        return "allowed"
    return f"{decision.code} by {decision.reasons[-1].rule}"


@pytest.mark.parametrize(("scope", "key", "role", "enabled", "actor"), CASES)
def test_the_decision_is_the_one_of_the_table(scope, key, role, enabled, actor):
    assert [told(made(scope, key, role, enabled, actor))] == rows_for(scope, key, role, enabled)


def test_every_row_of_the_table_is_met():
    assert {told(made(*case)) for case in CASES} == {answer for *_, answer in TABLE}


def test_a_refusal_names_every_rule_asked_up_to_the_one_that_failed():
    decision = made("own", "every tool", "member", "off", "agent")
    assert isinstance(decision, Deny)
    assert [(reason.rule, reason.holds) for reason in decision.reasons] == [
        ("scope", True),
        ("key", True),
        ("role", True),
        ("enabled", False),
    ]


def test_a_refusal_says_which_tool_and_what_helps():
    decision = made("own", "every tool", "owner", "off", "user")
    assert isinstance(decision, Deny)
    assert decision.message == (
        "The tool tides.next is disabled in this workspace. "
        "An admin enables it with PUT /api/v1/tools/tides.next/enablement."
    )


def test_a_refusal_without_remedy_says_the_rule_alone():
    decision = made("foreign", "every tool", "owner", "on", "user")
    assert isinstance(decision, Deny)
    assert decision.message == "The tool tides.next belongs to this workspace or to all."


def test_decisions_say_whether_they_allow():
    assert made("own", "every tool", "owner", "on", "user").allowed
    assert not made("own", "none", "owner", "on", "user").allowed
