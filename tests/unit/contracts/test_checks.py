"""What every contract must hold: schemas, examples, aliases, the end of its life, the subject it names."""

import pytest

from toolcrib.contracts.checks import contract_faults
from toolcrib.contracts.contract import parse_contract

LEAST = {
    "name": "tides.next",
    "description": "d",
    "input_schema": {
        "type": "object",
        "properties": {"harbour": {"type": "string"}},
        "required": ["harbour"],
        "additionalProperties": False,
    },
    "output_schema": {"type": "object", "properties": {"height": {"type": "number"}}},
    "api": {"base_url": "https://tides.example"},
}


def faults(**parts):
    return {fault.path: fault.message for fault in contract_faults(parse_contract(LEAST | parts))}


def test_a_whole_contract_has_no_fault():
    assert faults(
        aliases=["get_tide"],
        examples=[{"input": {"harbour": "oslo"}, "output": {"height": 0.8}, "description": "low"}],
        requires={"grants": ["pro"], "roles": ["admin"], "subject": {"type": "harbour", "argument": "harbour"}},
        deprecated={"since": "1.3.0", "sunset": "2027-03-01", "use": "tides.forecast"},
        impact={"when": {"required": ["harbour"]}},
        errors=[{"code": "LIMITED", "when": {"schema": {"required": ["Note"]}}}, {"code": "NEVER"}],
    ) == {}  # fmt: skip


def test_a_contract_without_an_output_schema_has_no_fault():
    assert faults(output_schema=None, examples=[{"input": {"harbour": "oslo"}, "output": 7}]) == {}


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"input_schema": {"$ref": "http://x/y"}}, "/input_schema/$ref"),
        ({"output_schema": {"pattern": "(?=x)"}}, "/output_schema/pattern"),
        ({"impact": {"when": {"type": "nope"}}}, "/impact/when/type"),
        ({"errors": [{"code": "A"}, {"code": "B", "when": {"schema": {"$ref": "x"}}}]}, "/errors/1/when/schema/$ref"),
        ({"aliases": ["Get Tide"]}, "/aliases/0"),
        ({"aliases": ["get_tide", "executions"]}, "/aliases/1"),
        ({"aliases": ["tides.next"]}, "/aliases/0"),
        ({"aliases": ["get_tide", "get_tide"]}, "/aliases/1"),
        ({"deprecated": {"since": "soon"}}, "/deprecated/since"),
        ({"deprecated": {"sunset": "2027-02-30"}}, "/deprecated/sunset"),
        ({"deprecated": {"sunset": "20270301"}}, "/deprecated/sunset"),
        ({"deprecated": {"use": "Another Tool"}}, "/deprecated/use"),
        ({"requires": {"subject": {"type": "harbour", "argument": "port"}}}, "/requires/subject/argument"),
        ({"examples": [{"input": {"harbour": 7}}]}, "/examples/0/input/harbour"),
        ({"examples": [{"input": {"harbour": "oslo"}}, {"input": {}}]}, "/examples/1/input"),
        ({"examples": [{"input": {"harbour": "oslo"}, "output": {"height": "low"}}]}, "/examples/0/output/height"),
        ({"examples": [{"input": {"harbour": "oslo"}, "output": None}]}, "/examples/0/output"),
    ],
)  # fmt: skip
def test_a_fault_is_told_where_it_stands(parts, place):
    assert set(faults(**parts)) == {place}


def test_examples_of_a_broken_schema_are_not_judged():
    assert set(faults(input_schema={"$ref": "x"}, examples=[{"input": {}, "output": []}])) == {
        "/input_schema/$ref",
        "/examples/0/output",
    }


@pytest.mark.parametrize("subject", [{"type": "harbour"}, {"type": "harbour", "argument": "port"}])
def test_a_subjects_argument_may_be_any_input_of_an_open_schema(subject):
    assert faults(input_schema={"type": "object"}, requires={"subject": subject}) == {}


def test_a_subject_of_a_broken_schema_is_not_judged():
    broken = {"type": "object", "properties": 5, "additionalProperties": False}
    subject = {"type": "harbour", "argument": "port"}
    assert set(faults(input_schema=broken, requires={"subject": subject})) == {"/input_schema/properties"}


def test_all_faults_are_told_at_once():
    found = faults(
        input_schema={"$ref": "x"}, output_schema={"$ref": "y"}, aliases=["A"], deprecated={"use": "B"}
    )
    assert set(found) == {"/input_schema/$ref", "/output_schema/$ref", "/aliases/0", "/deprecated/use"}


def test_no_name_has_the_form_of_an_id():
    like_an_id = "tool_" + "0" * 32
    assert list(faults(name=like_an_id, aliases=[like_an_id])) == ["/name", "/aliases/0"]


def test_a_role_that_nobody_can_have_is_a_fault():
    found = faults(requires={"roles": ["member", "captain"]})
    assert found == {"/requires/roles/1": "is no role; use one of owner, admin, member, viewer"}
