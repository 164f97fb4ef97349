"""What a view and a subject decide, against tables written by hand."""

from dataclasses import replace

import pytest

from toolcrib.contracts.decision import Deny
from toolcrib.contracts.principal import ActorType, Principal, Role
from toolcrib.contracts.view import View
from toolcrib.policy.service import UNKNOWN, CallFacts, ToolFacts, decide, explain, shows

WHO = Principal("w1", ActorType.USER, "who", Role.MEMBER, "key", None)
TOOL = ToolFacts("company_get", "global", True, True, effects="write")
OPEN = View("open", {"company_get": {}})
READS = View("reads", {"company_get": {}}, read_only=True)
ABOUT = View("about", {"company_get": {"companyId": "subject"}}, subject="company")
OTHER = View("other", {"folder_get": {}})
TABLE = [
    # view    the call's subject  the tool's subjects      effects   strayed     what decides
    (None,    None,      (),                      "write",  (),         None),
    (None,    None,      ("company",),            "write",  (),         "subject"),
    (None,    UNKNOWN,   ("company",),            "write",  (),         None),
    (None,    "company", ("company",),            "write",  (),         None),
    (None,    "company", ("folder", "company"),   "write",  (),         None),
    (None,    "case",    ("folder", "company"),   "write",  (),         "subject"),
    (None,    "company", ("company",),            "write",  ("id",),    "bound"),
    (OPEN,    None,      (),                      "write",  (),         None),
    (OPEN,    "case",    (),                      "write",  (),         None),
    (READS,   None,      (),                      "read",   (),         None),
    (READS,   None,      (),                      "write",  (),         "view_reads"),
    (READS,   None,      (),                      "destructive", (),    "view_reads"),
    (ABOUT,   "company", (),                      "write",  (),         None),
    (ABOUT,   "company", ("company",),            "write",  (),         None),
    (ABOUT,   "company", ("folder",),             "write",  (),         "subject"),
    (ABOUT,   "company", (),                      "write",  ("id",),    "bound"),
    (ABOUT,   UNKNOWN,   (),                      "write",  (),         None),
    (ABOUT,   None,      (),                      "write",  (),         "view_subject"),
    (ABOUT,   "folder",  (),                      "write",  ("id",),    "view_subject"),
    (OTHER,   None,      (),                      "write",  (),         "view"),
]  # fmt: skip
OF_THE_WORKSPACE = replace(TOOL, workspace_id="w1", is_global=False)
CODES = {"view": "FORBIDDEN", "view_reads": "FORBIDDEN"}


@pytest.mark.parametrize(("view", "subject", "subjects", "effects", "strayed", "rule"), TABLE)
def test_the_decision_is_the_one_of_the_table(view, subject, subjects, effects, strayed, rule):
    tool, call = replace(TOOL, subjects=subjects, effects=effects), CallFacts(view, subject, strayed)
    decision = decide(WHO, tool, 0, call)
    failed = [reason.rule for reason in explain(WHO, tool, 0, call) if not reason.holds]
    assert failed[:1] == ([] if rule is None else [rule])
    if rule is None:
        assert decision.allowed
    else:
        assert isinstance(decision, Deny)
        assert (decision.reasons[-1].rule, decision.code) == (rule, CODES.get(rule, "SUBJECT_MISMATCH"))


@pytest.mark.parametrize(
    ("view", "tool", "listed"),
    [
        (OTHER, TOOL, False),
        (READS, TOOL, False),
        (ABOUT, replace(TOOL, subjects=("folder",)), False),
        (ABOUT, TOOL, True),
        (ABOUT, replace(TOOL, enabled=False), True),
    ],
)
def test_a_list_of_a_view_shows_what_can_be_called_there(view, tool, listed):
    assert shows(decide(WHO, tool, 0, CallFacts(view, view.subject or UNKNOWN))) is listed


def test_the_reasons_name_the_view_its_subject_and_what_strayed():
    tool = replace(TOOL, subjects=("company", "folder"))
    told = {one.rule: one for one in explain(WHO, tool, 0, CallFacts(ABOUT, "case", ("companyId",)))}
    assert "about" in told["view"].remedy
    assert "type company" in told["view_subject"].message
    assert "company, folder" in told["subject"].message
    assert "companyId" in told["bound"].message


def test_a_tool_of_the_workspace_is_in_no_view_whatever_it_is_called():
    assert decide(WHO, OF_THE_WORKSPACE, 0).allowed
    decision = decide(WHO, OF_THE_WORKSPACE, 0, CallFacts(OPEN))
    assert isinstance(decision, Deny)
    assert decision.reasons[-1].rule == "view"
