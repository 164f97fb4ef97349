"""The contract's JSON shape: what is taken, and every fault with its JSON Pointer."""

from typing import Any

import pytest

from toolcrib.contracts.contract import normal_version, parse_contract
from toolcrib.contracts.errors import Invalid

API = {"base_url": "https://tides.example"}
LEAST: dict[str, Any] = {"name": "tides.next", "description": "d", "input_schema": {}, "api": API}


def faults(**parts: Any) -> dict[str, str]:
    document = {name: value for name, value in (LEAST | parts).items() if value is not ...}
    with pytest.raises(Invalid) as refused:
        parse_contract(document)
    return {fault["path"]: fault["message"] for fault in refused.value.details["errors"]}


def places(**parts: Any) -> set[str]:
    return set(faults(**parts))


def test_the_least_contract_has_the_usual_values():
    contract = parse_contract(LEAST)
    assert (contract.version, contract.enabled, contract.kind, contract.scope) == (
        "1.0.0",
        True,
        "http",
        "workspace",
    )
    assert (contract.api.method, contract.api.path, contract.api.timeout) == ("GET", "", 30)
    assert (contract.api.auth.method, contract.idempotent, contract.errors) == ("none", False, [])


@pytest.mark.parametrize("name", ["name", "description", "input_schema", "api"])
def test_what_must_be_there_is_named_when_it_is_missing(name):
    assert faults(**{name: ...}) == {f"/{name}": "Field required"}


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"name": ""}, "/name"),
        ({"name": "n" * 129}, "/name"),
        ({"name": 7}, "/name"),
        ({"title": "t" * 513}, "/title"),
        ({"description": "d" * 8193}, "/description"),
        ({"description": None}, "/description"),
        ({"version": 1}, "/version"),
        ({"enabled": "yes"}, "/enabled"),
        ({"enabled": 1}, "/enabled"),
        ({"kind": "graphql"}, "/kind"),
        ({"scope": "tenant"}, "/scope"),
        ({"input_schema": []}, "/input_schema"),
        ({"output_schema": "x"}, "/output_schema"),
        ({"effects": "none"}, "/effects"),
        ({"idempotent": 0}, "/idempotent"),
        ({"side_effects": "s" * 2049}, "/side_effects"),
        ({"tags": "sea"}, "/tags"),
        ({"tags": [1]}, "/tags/0"),
        ({"tags": ["t"] * 65}, "/tags"),
        ({"metadata": []}, "/metadata"),
        ({"surprise": 1}, "/surprise"),
        ({"a/b~c": 1}, "/a~1b~0c"),
        ({"api": "https://x"}, "/api"),
        ({"api": {}}, "/api/base_url"),
        ({"api": API | {"base_url": ""}}, "/api/base_url"),
        ({"api": API | {"base_url": "h" * 2049}}, "/api/base_url"),
        ({"api": API | {"path": "p" * 2049}}, "/api/path"),
        ({"api": API | {"method": "get"}}, "/api/method"),
        ({"api": API | {"method": "HEAD"}}, "/api/method"),
        ({"api": API | {"headers": {"X": 1}}}, "/api/headers/X"),
        ({"api": API | {"params": {"q": None}}}, "/api/params/q"),
        ({"api": API | {"params": {str(n): "" for n in range(513)}}}, "/api/params"),
        ({"api": API | {"max_request": 0}}, "/api/max_request"),
        ({"api": API | {"max_reply": "1"}}, "/api/max_reply"),
        ({"api": API | {"proxy": "x"}}, "/api/proxy"),
        ({"api": API | {"auth": {"method": "digest"}}}, "/api/auth/method"),
        ({"api": API | {"auth": {"secret": "s3cret"}}}, "/api/auth/secret"),
        ({"mapping": {"input_to_params": {"a": 1}}}, "/mapping/input_to_params/a"),
        ({"mapping": {"input_to_path": {}}}, "/mapping/input_to_path"),
        ({"errors": [{"code": "lower"}]}, "/errors/0/code"),
        ({"errors": [{"code": "X" * 65}]}, "/errors/0/code"),
        ({"errors": [{"code": "OK"}, {}]}, "/errors/1/code"),
        ({"errors": [{"code": "X", "http_status": 200}]}, "/errors/0/http_status"),
        ({"errors": [{"code": "X", "http_status": 600}]}, "/errors/0/http_status"),
        ({"errors": [{"code": "X", "when": {"status": "404"}}]}, "/errors/0/when/status"),
        ({"errors": [{"code": "X", "description": "d" * 513}]}, "/errors/0/description"),
        ({"errors": [{"code": "X"}] * 129}, "/errors"),
        ({"errors": [{"code": "X", "when": {"body": "x"}}]}, "/errors/0/when/body"),
        ({"errors": [{"code": "X", "when": {"schema": True}}]}, "/errors/0/when/schema"),
        ({"aliases": "a"}, "/aliases"),
        ({"aliases": ["a", 1]}, "/aliases/1"),
        ({"aliases": ["a"] * 33}, "/aliases"),
        ({"impact": "low"}, "/impact"),
        ({"impact": {}}, "/impact"),
        ({"impact": {"when": True}}, "/impact"),
        ({"impact": {"when": {}, "else": {}}}, "/impact"),
        ({"impact": ["high"]}, "/impact"),
        ({"requires": {"grants": "pro"}}, "/requires/grants"),
        ({"requires": {"roles": ["a b"]}}, "/requires/roles/0"),
        ({"requires": {"subject": {"argument": "id"}}}, "/requires/subject/type"),
        ({"requires": {"keys": []}}, "/requires/keys"),
        ({"deprecated": True}, "/deprecated"),
        ({"deprecated": {"why": "x"}}, "/deprecated/why"),
        ({"examples": [{"output": 1}]}, "/examples/0/input"),
        ({"examples": [{"input": []}]}, "/examples/0/input"),
        ({"examples": [{"input": {}}] * 33}, "/examples"),
        ({"mapping": {"raw": "yes"}}, "/mapping/raw"),
    ],
)  # fmt: skip
def test_each_fault_is_named_by_its_pointer(parts, place):
    assert places(**parts) == {place}


@pytest.mark.parametrize("impact", ["normal", "high", {"when": {"required": ["force"]}}])
def test_an_impact_is_a_word_or_a_schema_over_the_input(impact):
    assert parse_contract(LEAST | {"impact": impact}).impact == impact


@pytest.mark.parametrize("timeout", [0, -1, 3601, "4", True, None])
def test_a_timeout_is_a_number_of_seconds_up_to_an_hour(timeout):
    assert all(place.startswith("/api/timeout") for place in places(api=API | {"timeout": timeout}))


@pytest.mark.parametrize("path", [[], [1.5], {"a": "b"}, ["a"] * 65])
def test_a_response_path_is_a_text_or_a_short_list(path):
    assert all(
        place.startswith("/mapping/response_path") for place in places(mapping={"response_path": path})
    )


@pytest.mark.parametrize("code", ["NOT_FOUND", "INTERNAL_ERROR", "UNAUTHORIZED"])
def test_a_tool_declares_no_code_of_the_house(code):
    assert faults(errors=[{"code": "MINE"}, {"code": code}]) == {
        "/errors/1/code": "this code is the house's own; choose another, such as HARBOUR_NOT_FOUND"
    }


def test_all_faults_are_told_at_once():
    assert places(name=..., enabled="x", api={"base_url": 1, "method": "x"}) == {
        "/name", "/enabled", "/api/base_url", "/api/method",
    }  # fmt: skip


def test_no_fault_quotes_what_was_sent():
    told = str(faults(api=API | {"auth": {"method": "s3cr3t-value", "secret_ref": ["s3cr3t-value"]}}))
    assert "s3cr3t" not in told


@pytest.mark.parametrize(
    ("method", "effects", "effect"),
    [
        ("GET", None, "read"),
        ("DELETE", None, "destructive"),
        ("POST", None, "write"),
        ("PATCH", None, "write"),
        ("POST", "read", "read"),
        ("GET", "destructive", "destructive"),
    ],
)
def test_the_effect_is_as_declared_or_follows_the_method(method, effects, effect):
    assert parse_contract(LEAST | {"api": API | {"method": method}, "effects": effects}).effect == effect


@pytest.mark.parametrize(
    ("submitted", "version"),
    [
        (1, "1.0.0"),
        (2.5, "2.5.0"),
        ("1", "1.0.0"),
        ("1.2", "1.2.0"),
        ("1.2.3", "1.2.3"),
        ("0.0.0", "0.0.0"),
        ("10.20.30", "10.20.30"),
    ],
)
def test_a_version_is_read_as_three_parts(submitted, version):
    assert normal_version(submitted) == version


@pytest.mark.parametrize(
    "submitted",
    [True, None, [], "", "v1", "1.", "01", "1.02", "1.2.3.4", "1.2.3-beta", "-1", -1, "1\n", "1 ", "9" * 10, 1e30, float("nan"), "\u0661"],
)  # fmt: skip
def test_what_is_no_version_is_none(submitted):
    assert normal_version(submitted) is None
