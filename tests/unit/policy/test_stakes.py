"""Which calls wait, and who may agree to them, against tables written by hand."""

import dataclasses

import pytest

from toolcrib.contracts.approval import Approval, ApprovalState
from toolcrib.contracts.decision import Allow, Deny, NeedsApproval
from toolcrib.contracts.principal import ActorType, Principal, Role
from toolcrib.contracts.schema import compile_schema
from toolcrib.policy.service import CallFacts, ToolFacts, decide, explain
from toolcrib.policy.stakes import NONE, ApprovalRule, WorkspaceRules, objection

TOOL = ToolFacts("gate.open", "w", is_global=False, enabled=True, effects="write")
WHEN = {"required": ["sum"], "properties": {"sum": {"minimum": 100}}}


def rule(**parts):
    when = parts.get("when")
    return ApprovalRule("r", compiled=None if when is None else compile_schema(when), **parts)


@pytest.mark.parametrize(
    ("parts", "given", "waits"),
    [
        ({"tool": "gate.open"}, {}, True),
        ({"tool": "gate.open"}, None, True),
        ({"tool": "gate.shut"}, {}, False),
        ({"effects": ("write",)}, {}, True),
        ({"effects": ("read", "destructive")}, {}, False),
        ({"tool": "gate.open", "effects": ("destructive",)}, {}, False),
        ({"tool": "gate.open", "when": WHEN}, {"sum": 100}, True),
        ({"tool": "gate.open", "when": WHEN}, {"sum": 99}, False),
        ({"tool": "gate.open", "when": WHEN}, None, False),
    ],
)
def test_a_rule_concerns_calls_of_all_that_it_names(parts, given, waits):
    stakes = WorkspaceRules({"r": rule(**parts)}).at_stake(TOOL, given, high=False)
    assert stakes.reasons == (("the rule r of this workspace",) if waits else ())
    assert stakes.second is False


def test_a_contract_and_rules_add_up():
    rules = WorkspaceRules({"r": rule(tool="gate.open", second=True)})
    stakes = rules.at_stake(TOOL, {}, high=True)
    assert stakes.reasons == ("its impact is high", "the rule r of this workspace")
    assert stakes.second is True
    assert stakes.document() == [["r", "gate.open", [], None, True]]
    assert WorkspaceRules().at_stake(TOOL, {}, high=True).rules == ()
    assert WorkspaceRules().at_stake(TOOL, {}, high=False) is NONE
    assert WorkspaceRules({"r": rule(tool="x", when=WHEN)}).at_stake(TOOL, {}, high=False).document() == []
    of_when = WorkspaceRules({"r": rule(tool="gate.open", when=WHEN)}).at_stake(
        TOOL, {"sum": 100}, high=False
    )
    assert of_when.document() == [["r", "gate.open", [], WHEN, False]]


def test_conditions_are_looked_at_within_bounds_and_match_beyond_them():
    many = {
        f"r{n}": ApprovalRule(f"r{n}", effects=("write",), when=WHEN, compiled=compile_schema(WHEN))
        for n in range(10)
    }
    rules = WorkspaceRules(many)
    assert len(rules.at_stake(TOOL, {"sum": 1}, high=False).rules) == 2
    assert len(rules.at_stake(TOOL, {"sum": 1}, size=65_537, high=False).rules) == 10
    assert len(rules.at_stake(TOOL, {"sum": 1}, size=65_536, high=False).rules) == 2
    assert rules.at_stake(TOOL, None, high=False).rules == ()


def test_a_decision_needs_an_approval_only_where_all_else_holds():
    who = Principal("w", ActorType.AGENT, "agent:a", Role.MEMBER, "k")
    asked = CallFacts(stakes=("its impact is high",))
    decision = decide(who, TOOL, 0, asked)
    assert isinstance(decision, NeedsApproval)
    assert [reason.rule for reason in decision.reasons if not reason.holds] == ["approval"]
    assert isinstance(decide(who, TOOL, 0, dataclasses.replace(asked, approved=True)), Allow)
    viewer = dataclasses.replace(who, role=Role.VIEWER)
    for approved in (False, True):
        assert isinstance(decide(viewer, TOOL, 0, dataclasses.replace(asked, approved=approved)), Deny)
    assert explain(who, TOOL, 0)[-1].holds is True


def asked_by(actor_type="agent", actor="agent:a", on_behalf_of=None, *, second=False):
    return Approval(
        "apr", "w", "exe", ApprovalState.PENDING, "t", "gate.open", "1.0.0", actor_type, actor, on_behalf_of, "k", (), second,
        "d", 0, 1, None, None, None,
    )  # fmt: skip


def person(name="user:ann", role=Role.MEMBER, kind=ActorType.USER, tools=None):
    return Principal("w", kind, name, role, "k", tools)


OWN = asked_by("user", "user:ann")
FOR_ANN = asked_by(on_behalf_of="user:ann")
NOBODYS, SERVICES = asked_by(), asked_by("service", "service:s")
TWICE = asked_by(on_behalf_of="user:ann", second=True)
OWN_TWICE = asked_by("user", "user:ann", second=True)
ANN, BOB = person(), person("user:bob")
ADMIN, OWNER = person("user:adm", Role.ADMIN), person("user:own", Role.OWNER)
ANN_ADMIN = person(role=Role.ADMIN)
AGREES = {
    # who                                            own  for ann  nobody's  service's  for ann, second  own, second
    "ann": (ANN, "yes yes no no no no"),
    "bob": (BOB, "no no no no no no"),
    "an admin": (ADMIN, "no no yes yes yes yes"),
    "an owner": (OWNER, "no no yes yes yes yes"),
    "ann as an admin": (ANN_ADMIN, "yes yes yes yes no no"),
    "an agent": (person("agent:a", Role.OWNER, ActorType.AGENT), "no no no no no no"),
    "a service": (person("service:s", Role.OWNER, ActorType.SERVICE), "no no no no no no"),
    "the house": (person("system", Role.OWNER, ActorType.SYSTEM), "no no no no no no"),
    "a limited key": (
        person("user:ann", Role.OWNER, tools=frozenset({"gate.open"})),
        "no no no no no no",
    ),
}


@pytest.mark.parametrize("who", AGREES)
@pytest.mark.parametrize("case", range(6))
def test_who_agrees_to_what(who, case):
    approval = (OWN, FOR_ANN, NOBODYS, SERVICES, TWICE, OWN_TWICE)[case]
    principal, table = AGREES[who]
    assert (objection(principal, approval) is None) == (table.split()[case] == "yes")
