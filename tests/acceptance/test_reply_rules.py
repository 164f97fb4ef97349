"""The rules of a reply, line by line as the toolset's own description has them, through a real server."""

import itertools
import json
from typing import Any

import pytest

from tests.acceptance.rows.lab import Lab, sqlite_lab

QUOTE = {"Global Quote": {"01. symbol": "IBM", "05. price": "241.5000", "07. day": None}}
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with sqlite_lab(tmp_path_factory.mktemp("rules")) as lab:
        lab.serve()
        yield lab


def answer(desk: Lab, reply: Any, schema: Any = None, **mapping: Any) -> Any:
    """The output, or the code of the error."""
    client = desk.client(desk.servers[0])
    name = f"rule{next(_numbers)}"
    config: dict[str, Any] = {
        "name": name,
        "description": "A rule",
        "input_schema": {},
        "api": {"base_url": desk.upstream.url, "path": "say", "params": {"json": json.dumps(reply)}},
        "mapping": mapping,
    }
    config |= {} if schema is None else {"output_schema": schema}
    made = client.call("POST", "/api/v1/tools", config)
    assert made.status == 201, made.body
    found = client.call("POST", f"/api/v1/tools/{name}/execute", {}).json
    return found["output"] if found["success"] else found["error"]["code"]


def fields(**types: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": kind} for name, kind in types.items()}}


def requiring(name: str, kind: str) -> dict[str, Any]:
    return fields(**{name: kind}) | {"required": [name]}


PATHS = {
    "the whole remaining path as a literal key first": ({"a.b": 1, "a": {"b": 2}}, "a.b", 1),
    "then the longest literal prefix": ({"a.b": {"c": 1}, "a": {"b.c": 2}}, "a.b.c", 1),
    "then the path is split": ({"a": {"b": {"c": 3}}}, "a.b.c", 3),
    "a key that ends where a dot stands": (QUOTE, "Global Quote.05. price", "241.5000"),
    "an explicit list of keys": (QUOTE, ["Global Quote", "05. price"], "241.5000"),
    "a JSON Pointer": (QUOTE, "/Global Quote/05. price", "241.5000"),
    "list indexes by number": ({"days": [{"high": 1}, {"high": 2}]}, "days.1.high", 2),
    "list indexes by number in a list": ({"days": [{"high": 1}, {"high": 2}]}, ["days", 1, "high"], 2),
}


@pytest.mark.parametrize("rule", PATHS)
def test_a_path_finds_its_key(desk, rule):
    reply, path, expected = PATHS[rule]
    assert answer(desk, reply, response_to_output={"found": path}) == {"found": expected}
    assert answer(desk, reply, response_path=path) == expected


VALUES = {
    "number from decimal text": ("number", "241.5000", 241.5),
    "number from integral text": ("number", "7", 7),
    "integer from integral text": ("integer", "3", 3),
    "integer from integral decimal text": ("integer", "3.0", 3),
    "integer from text that is not integral is refused": ("integer", "3.7", "INVALID_OUTPUT"),
    "integer from a number that is not integral is refused": ("integer", 3.7, "INVALID_OUTPUT"),
    "text that is no number is refused": ("number", "n/a", "INVALID_OUTPUT"),
    "booleans are left alone": ("boolean", True, True),
    "text is no boolean": ("boolean", "true", "INVALID_OUTPUT"),
    "dates are left alone": ("string", "2026-11-21", "2026-11-21"),
    "text stays text where text is wanted": ("string", "5", "5"),
    "a number is no text": ("string", 5, "INVALID_OUTPUT"),
    "null is no number": ("number", None, "INVALID_OUTPUT"),
    "null where null may stand": (["number", "null"], None, None),
}


@pytest.mark.parametrize("rule", VALUES)
def test_a_value_is_converted_or_refused(desk, rule):
    kind, given, expected = VALUES[rule]
    wanted = expected if expected == "INVALID_OUTPUT" else {"v": expected}
    assert answer(desk, {"v": given}, fields(v=kind)) == wanted


def test_missing_fields_of_the_output_are_left_out(desk):
    mapping = {"price": "05. price", "volume": "06. volume"}
    made = answer(
        desk, QUOTE, fields(price="number"), response_path="Global Quote", response_to_output=mapping
    )
    assert made == {"price": 241.5}


def test_a_required_field_that_is_missing_is_an_invalid_output(desk):
    mapping = {"volume": "06. volume"}
    schema = requiring("volume", "integer")
    assert answer(desk, QUOTE, schema, response_to_output=mapping) == "INVALID_OUTPUT"


@pytest.mark.parametrize(
    "path", ["Nothing", "Global Quote.09. none", ["Global Quote", 1], "/Global Quote/05"]
)
def test_a_response_path_that_does_not_exist_is_an_error_and_not_an_empty_object(desk, path):
    assert answer(desk, QUOTE, response_path=path) == "MAPPING_FAILED"


def test_an_output_that_does_not_fit_its_schema_fails_though_nothing_was_converted(desk):
    assert answer(desk, ["a"], fields()) == "INVALID_OUTPUT"


def test_a_reply_that_is_no_json_is_an_upstream_error_unless_its_text_is_wanted(desk):
    client = desk.client(desk.servers[0])
    base = {
        "description": "d",
        "input_schema": {},
        "api": {"base_url": desk.upstream.url, "path": "say", "params": {"json": "{"}},
    }
    client.call("POST", "/api/v1/tools", base | {"name": "text.refused"})
    client.call("POST", "/api/v1/tools", base | {"name": "text.kept", "mapping": {"raw": True}})
    refused = client.call("POST", "/api/v1/tools/text.refused/execute", {})
    kept = client.call("POST", "/api/v1/tools/text.kept/execute", {})
    assert (refused.status, refused.json["error"]["code"]) == (502, "UPSTREAM_ERROR")
    assert kept.json["output"] == {"raw_response": "{", "status_code": 200}
