"""The accepted forms of a config: what each becomes, and where its faults are told."""

import copy

import pytest

from toolcrib.contracts.contract import parse_contract
from toolcrib.contracts.errors import Invalid
from toolcrib.contracts.forms import normal_form

LEAST = {
    "name": "tides.next",
    "description": "d",
    "input_schema": {},
    "api": {"base_url": "https://x.example"},
}


def normal(**parts):
    return normal_form(LEAST | parts).document


def told(submitted):
    """Every fault by its place, wherever it is found."""
    try:
        form = normal_form(submitted)
    except Invalid as refused:
        return {fault["path"]: fault["message"] for fault in refused.details["errors"]}
    try:
        parse_contract(form.document)
    except Invalid as refused:
        return {fault["path"]: fault["message"] for fault in form.told(refused).details["errors"]}
    return {}


@pytest.mark.parametrize("version", [1, 1.0, "1", "1.0", "1.0.0"])
def test_a_version_has_three_parts(version):
    assert normal(version=version)["version"] == "1.0.0"


@pytest.mark.parametrize("version", ["one", None, True, "1.0.0-beta"])
def test_what_is_no_version_is_refused(version):
    assert set(told(LEAST | {"version": version})) == {"/version"}


def test_a_free_text_name_is_a_title_and_its_slug_the_name():
    made = normal(name="Get Weather")
    assert (made["name"], made["title"]) == ("get_weather", "Get Weather")
    assert normal(name="Get Weather", title="The weather")["title"] == "The weather"


@pytest.mark.parametrize("name", ["天気", "search", "42"])
def test_a_text_without_a_name_in_it_is_refused(name):
    assert set(told(LEAST | {"name": name})) == {"/name"}


def test_a_name_that_is_no_text_is_left_to_the_contract():
    assert set(told(LEAST | {"name": 7})) == {"/name"}


def test_roots_without_a_type_are_objects():
    made = normal(input_schema={"properties": {"a": {}}}, output_schema={"properties": {"b": {}}})
    assert made["input_schema"] == {"properties": {"a": {}}, "type": "object", "additionalProperties": False}
    assert made["output_schema"] == {"properties": {"b": {}}, "type": "object"}


@pytest.mark.parametrize("schema", [{}, {"type": "array", "items": {}}, {"anyOf": [{"type": "null"}]}])
def test_an_output_that_names_no_properties_may_be_anything(schema):
    assert normal(output_schema=schema)["output_schema"] == schema


def test_what_was_sent_is_left_as_it_was():
    submitted = LEAST | {"name": "Get Weather", "version": 1, "output_schema": {"properties": {}}}
    before = copy.deepcopy(submitted)
    normal_form(submitted)
    assert submitted == before


def test_a_refusal_without_places_stays_as_it_is():
    refused = Invalid("No provider runs it.")
    assert normal_form(LEAST).told(refused) is refused


def test_a_fault_is_told_at_the_place_that_was_sent():
    form = normal_form(
        {"name": "t", "url": "https://x.example", "type": "api", "headers": {"X": 1}, "input_schema": {}}
    )
    with pytest.raises(Invalid) as refused:
        parse_contract(form.document)
    assert form.told(refused.value).details["errors"][0]["path"] == "/headers/X"
