"""Which blocks a contract of each kind holds, and what may be tried again."""

from typing import Any

import pytest

from toolcrib.contracts.contract import parse_contract
from toolcrib.contracts.errors import Invalid

API = {"base_url": "https://tides.example"}
LEAST: dict[str, Any] = {"name": "tides.next", "description": "d", "input_schema": {}}
PYTHON = LEAST | {"kind": "python", "python": {"pack": "tides", "function": "tides.next"}}
DUMMY = LEAST | {"kind": "dummy"}


def faults(document: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        parse_contract(document)
    return {fault["path"]: fault["message"] for fault in refused.value.details["errors"]}


@pytest.mark.parametrize(
    ("document", "places"),
    [
        (LEAST | {"api": None}, {"/api"}),
        (LEAST | {"kind": "python"}, {"/python"}),
        (LEAST | {"kind": "python", "python": None}, {"/python"}),
        (PYTHON | {"api": API}, {"/api"}),
        (PYTHON | {"mapping": {}, "dummy": {}}, {"/mapping", "/dummy"}),
        (PYTHON | {"python": {"pack": "tides"}}, {"/python/function"}),
        (PYTHON | {"secrets": ["not a name"]}, {"/secrets/0"}),
        (LEAST | {"api": API, "secrets": ["KEY"]}, {"/secrets"}),
        (LEAST | {"api": API, "python": PYTHON["python"]}, {"/python"}),
        (DUMMY | {"api": API}, {"/api"}),
        (DUMMY | {"dummy": {"delay": -1}}, {"/dummy/delay"}),
        (DUMMY | {"dummy": {"fail": {"code": "no code"}}}, {"/dummy/fail/code"}),
        (LEAST | {"kind": 7}, {"/kind"}),
        (LEAST | {"api": API, "retries": 11}, {"/retries"}),
        (LEAST | {"api": API, "retries": -1}, {"/retries"}),
        (LEAST | {"api": API, "backoff": 31}, {"/backoff"}),
        (LEAST | {"api": API, "timeout": 0}, {"/timeout"}),
        ({"kind": "python"}, {"/python", "/name", "/description", "/input_schema"}),
    ],
)
def test_each_fault_of_a_kind_is_named_by_its_pointer(document, places):
    assert set(faults(document)) == places


def test_a_block_of_another_kind_says_whose_it_is():
    assert faults(PYTHON | {"api": API}) == {"/api": "belongs to kind http; this tool is of kind python"}


def test_only_what_reads_or_is_idempotent_may_be_tried_again():
    post = LEAST | {"api": API | {"method": "POST"}, "retries": 1}
    assert "/retries" in faults(post)
    assert parse_contract(post | {"idempotent": True}).repeatable
    assert parse_contract(post | {"effects": "read"}).repeatable
    assert parse_contract(LEAST | {"api": API, "retries": 1}).repeatable
    assert "/retries" in faults(DUMMY | {"retries": 1})


def test_what_is_stored_shows_no_block_of_another_kind():
    assert parse_contract(PYTHON).document().keys() & {"api", "mapping", "dummy", "python", "secrets"} == {
        "python",
        "secrets",
    }
    assert parse_contract(DUMMY).document().keys() & {"api", "mapping", "python", "secrets"} == set()
    assert parse_contract(LEAST | {"api": API}).document().keys() & {"python", "secrets", "dummy"} == set()


def test_only_an_http_tool_has_an_upstream():
    assert parse_contract(LEAST | {"api": API}).upstream.base_url == "https://tides.example"
    with pytest.raises(LookupError):
        _ = parse_contract(DUMMY).upstream


def test_whatever_is_no_http_tool_writes_unless_it_says_otherwise():
    assert parse_contract(DUMMY).effect == "write"
    assert parse_contract(DUMMY | {"effects": "read"}).effect == "read"
