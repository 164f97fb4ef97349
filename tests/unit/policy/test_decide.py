"""The decision against a table written by hand: each combination stands in exactly one row, and each row is met."""

import itertools
from dataclasses import replace

import pytest

from toolcrib.contracts.decision import Allow, Decision, Deny
from toolcrib.contracts.principal import ActorType, Held, Principal, Role
from toolcrib.policy.service import ToolFacts, decide, explain, shows

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
NOW = 1_000
# What the tool does and requires beside what the principal is and holds.
TERMS = {
    "reads": {"effects": "read"},
    "writes": {"effects": "write"},
    "for admins": {"effects": "read", "roles": ("admin",)},
    "for nobody": {"effects": "read", "roles": ("captain",)},
    "for pros": {"effects": "read", "grants": ("pro",)},
}
HOLDS = {
    "nothing": {},
    "read-only": {"read_only": True},
    "pro": {"grants": frozenset({Held("pro", NOW + 1)})},
    "pro once": {"grants": frozenset({Held("pro", NOW), Held("other")})},
}
# Scope, then key, read-only, role, the tool's roles, its grants, enabled, sunset. The kind of actor decides nothing.
KEYED = "every tool|this tool"
CALLS = "owner|admin|member"
UNPRO = "nothing|read-only|pro once"
LOOKS = "reads|for admins|for nobody|for pros"
TABLE = [
    # scope        key            role            terms                holds        state       answer
    ("foreign",    "*",           "*",            "*",                 "*",         "*",        "NOT_FOUND by scope"),
    ("own|global", "others|none", "*",            "*",                 "*",         "*",        "FORBIDDEN by key"),
    ("own|global", KEYED,         "*",            "writes",            "read-only", "*",        "FORBIDDEN by read_only"),
    ("own|global", KEYED,         "viewer",       "writes",            "nothing|pro|pro once", "*",       "FORBIDDEN by role"),
    ("own|global", KEYED,         "viewer",       LOOKS,               "*",         "*",        "FORBIDDEN by role"),
    ("own|global", KEYED,         CALLS,          "for nobody",        "*",         "*",        "FORBIDDEN by roles"),
    ("own|global", KEYED,         "member",       "for admins",        "*",         "*",        "FORBIDDEN by roles"),
    ("own|global", KEYED,         CALLS,          "for pros",          UNPRO,       "*",        "FORBIDDEN by grants"),
    ("own|global", KEYED,         CALLS,          "reads",             "*",         "off",      "TOOL_DISABLED by enabled"),
    ("own|global", KEYED,         CALLS,          "reads",             "*",         "ended",    "TOOL_SUNSET by sunset"),
    ("own|global", KEYED,         CALLS,          "reads",             "*",         "on|last",  "allowed"),
    ("own|global", KEYED,         CALLS,          "writes",            "nothing|pro|pro once", "off",     "TOOL_DISABLED by enabled"),
    ("own|global", KEYED,         CALLS,          "writes",            "nothing|pro|pro once", "ended",   "TOOL_SUNSET by sunset"),
    ("own|global", KEYED,         CALLS,          "writes",            "nothing|pro|pro once", "on|last", "allowed"),
    ("own|global", KEYED,         "owner|admin",  "for admins",        "*",         "off",      "TOOL_DISABLED by enabled"),
    ("own|global", KEYED,         "owner|admin",  "for admins",        "*",         "ended",    "TOOL_SUNSET by sunset"),
    ("own|global", KEYED,         "owner|admin",  "for admins",        "*",         "on|last",  "allowed"),
    ("own|global", KEYED,         CALLS,          "for pros",          "pro",       "off",      "TOOL_DISABLED by enabled"),
    ("own|global", KEYED,         CALLS,          "for pros",          "pro",       "ended",    "TOOL_SUNSET by sunset"),
    ("own|global", KEYED,         CALLS,          "for pros",          "pro",       "on|last",  "allowed"),
]  # fmt: skip
# Enabled or not, and enabled on its last day or past it.
STATES = {"on": (True, None), "off": (False, None), "last": (True, NOW + 1), "ended": (True, NOW)}
CASES = list(itertools.product(SCOPES, KEYS, ROLES, TERMS, HOLDS, STATES))


def rows_for(*asked: str) -> list[str]:
    return [
        answer
        for *cells, answer in TABLE
        if all(cell == "*" or value in cell.split("|") for cell, value in zip(cells, asked, strict=True))
    ]


def asked(
    scope: str, key: str, role: str, terms: str, holds: str, state: str, actor: str = "user"
) -> tuple[Principal, ToolFacts, int]:
    principal = Principal("w1", ActorType(actor), "who", Role(role), "key", KEYS[key], **HOLDS[holds])
    return principal, ToolFacts(NAME, *SCOPES[scope], *STATES[state], **TERMS[terms]), NOW


def made(*case: str) -> Decision:
    return decide(*asked(*case))


def told(decision: Decision) -> str:
    if isinstance(decision, Allow):
        return "allowed"
    return f"{decision.code} by {decision.reasons[-1].rule}"


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("scope", SCOPES)
def test_the_decision_is_the_one_of_the_table(scope, actor):
    cases = [case for case in CASES if case[0] == scope]
    assert {case: [told(made(*case, actor))] for case in cases} == {case: rows_for(*case) for case in cases}


def test_one_who_is_suspended_calls_nothing_whatever_else_holds():
    for case in CASES:
        principal, tool, now = asked(*case)
        decision = decide(replace(principal, suspended=True), tool, now)
        assert told(decision) == ("NOT_FOUND by scope" if case[0] == "foreign" else "FORBIDDEN by suspended")


@pytest.mark.parametrize(
    ("beyond", "rule"), [("host_suspended", "host"), ("workspace_hosts", "workspace_hosts")]
)
def test_what_the_workspace_lets_nobody_call_is_not_called_whatever_state_it_is_in(beyond, rule):
    for case in CASES:
        principal, tool, now = asked(*case)
        usual, (terms, state) = told(made(*case)), case[3::2]
        decision = told(decide(principal, replace(tool, beyond=beyond), now))
        passes = usual == "allowed" or usual.endswith(("by enabled", "by sunset"))
        assert decision == (f"EGRESS_DENIED by {rule}" if passes else usual), (terms, state)


def test_every_row_of_the_table_is_met():
    assert {told(made(*case)) for case in CASES} == {answer for *_, answer in TABLE}


def test_what_is_explained_is_what_is_decided():
    """The first rule that does not hold is the one that decides; where all hold, the call may be made."""
    for case in CASES:
        failed = [reason.rule for reason in explain(*asked(*case)) if not reason.holds]
        decision = made(*case)
        assert [decision.reasons[-1].rule] == failed[:1] if isinstance(decision, Deny) else failed == []


def test_a_list_leaves_out_what_is_foreign_limited_away_or_more_than_reading():
    shown = {told(made(*case)) for case in CASES if shows(made(*case))}
    hidden = {told(made(*case)) for case in CASES if not shows(made(*case))}
    assert hidden == {"NOT_FOUND by scope", "FORBIDDEN by key", "FORBIDDEN by read_only"}
    assert shown == {answer for *_, answer in TABLE} - hidden


def test_a_refusal_names_every_rule_asked_up_to_the_one_that_failed():
    decision = made("own", "every tool", "member", "reads", "nothing", "off", "agent")
    assert isinstance(decision, Deny)
    assert [(reason.rule, reason.holds) for reason in decision.reasons] == [
        ("scope", True),
        ("suspended", True),
        ("key", True),
        ("read_only", True),
        ("view", True),
        ("view_reads", True),
        ("role", True),
        ("roles", True),
        ("grants", True),
        ("host", True),
        ("workspace_hosts", True),
        ("enabled", False),
    ]


def test_a_refusal_says_what_is_missing():
    assert (
        "requires these grants: pro"
        in made("own", "every tool", "owner", "for pros", "nothing", "on").message
    )
    assert (
        "one of these roles: admin"
        in made("own", "every tool", "member", "for admins", "nothing", "on").message
    )


def test_a_refusal_says_which_tool_and_what_helps():
    decision = made("own", "every tool", "owner", "reads", "nothing", "off")
    assert isinstance(decision, Deny)
    assert decision.message == (
        "The tool tides.next is disabled in this workspace. "
        "An admin enables it with PUT /api/v1/tools/tides.next/enablement."
    )


def test_a_refusal_without_remedy_says_the_rule_alone():
    decision = made("foreign", "every tool", "owner", "reads", "nothing", "on")
    assert isinstance(decision, Deny)
    assert decision.message == "The tool tides.next belongs to this workspace or to all."


def test_decisions_say_whether_they_allow():
    assert made("own", "every tool", "owner", "reads", "nothing", "on").allowed
    assert not made("own", "none", "owner", "reads", "nothing", "on").allowed
