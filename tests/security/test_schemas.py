"""B18 and T3 at the door: a schema fetches nothing, and neither it nor a value for it eats the server's time."""

import json

import pytest

from tests.security.errors import error_of, is_error
from tests.support.corpora import corpus
from tests.support.ports import LOOPBACK

BAR = 0.05  # seconds of CPU for one call
SLACK = 10
KEYWORDS = [
    "$ref",
    "$schema",
    "$id",
    "$dynamicRef",
    "$recursiveRef",
    "$anchor",
    "$dynamicAnchor",
    "$vocabulary",
]


def remotes(port):
    """Addresses outside the document, in every way of naming them."""
    return [
        f"http://{LOOPBACK}:{port}/s.json", f"http://{LOOPBACK}:{port}/s.json#/a", f"https://{LOOPBACK}:{port}/s.json", f"HTTP://{LOOPBACK}:{port}/",
        f"//{LOOPBACK}:{port}/s.json", f"http://user@{LOOPBACK}:{port}/s.json", f"http://{LOOPBACK}.:{port}/", f"http://localhost:{port}/%73.json",
        "file:///etc/passwd", "file:///etc/hostname#", "file:/etc/passwd", "file://localhost/etc/passwd", "FILE:///etc/passwd", "/etc/passwd",
        "other.json", "other.json#/a", "../other.json", "urn:example:s", f"jar:http://{LOOPBACK}:{port}!/", f"ftp://{LOOPBACK}:{port}/s",
        f"http://{LOOPBACK}:{port}/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema?x", "http://[::1]:1/", f"gopher://{LOOPBACK}:{port}/",
    ]  # fmt: skip


def places(keyword, value):
    """The reference at the root, and wherever else a reader might follow it."""
    poison = {keyword: value}
    yield poison | {"type": "object"}
    yield {"type": "object", "properties": {"a": poison}}
    yield {"type": "object", "properties": {"a": {"items": {"anyOf": [poison, {"type": "string"}]}}}}
    yield {"type": "object", "$defs": {"d": poison}, "properties": {"a": {"$ref": "#/$defs/d"}}}
    yield {"type": "object", "additionalProperties": poison}
    yield {"type": "object", "if": poison, "then": {}}
    yield {"type": "object", "$defs": {"unused": poison}}


def register(house, **parts):
    return house.client.call("POST", "/api/v1/tools", house.config("/never", **parts))


@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef", "$recursiveRef", "$schema"])
@pytest.mark.parametrize("of", ["input_schema", "output_schema"])
def test_a_schema_that_names_another_document_is_refused_and_nothing_fetched(house, canary, keyword, of):
    before = canary.accepts
    for value in remotes(canary.port):
        for schema in places(keyword, value):
            reply = register(house, **{of: schema})
            assert is_error(reply, "VALIDATION_ERROR"), (schema, reply.body[:300])

    assert canary.accepts == before


@pytest.mark.parametrize("of", ["input_schema", "output_schema"])
def test_a_name_is_a_name_and_nothing_is_fetched_by_it(house, canary, of):
    before = canary.accepts
    replies = [
        register(house, **{of: schema})
        for value in remotes(canary.port)
        for schema in places("$id", value)
        if "json-schema.org" not in value and "#/" not in value
    ]
    assert {reply.status for reply in replies} == {201}
    assert {house.execute(reply.json["name"]).status for reply in replies} == {200}
    assert canary.accepts == before


def test_a_document_that_holds_one_name_lends_it_to_no_other(house, canary):
    before = canary.accepts
    held = {"$id": f"http://{LOOPBACK}:{canary.port}/held.json", "$anchor": "a", "type": "integer"}
    for value in remotes(canary.port):
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            schema = {"type": "object", "$defs": {"h": held}, "properties": {"a": {keyword: value}}}
            assert is_error(register(house, input_schema=schema), "VALIDATION_ERROR"), value

    assert canary.accepts == before


def test_a_document_that_names_itself_leads_nowhere_but_into_itself(house, canary):
    before = canary.accepts
    itself = f"http://{LOOPBACK}:{canary.port}/s.json"
    refused = ["other.json", "#/$defs/none", "s.json#/none", "s.json#none", "?a", "/", "in/s.json", f"{itself}?a", f"{itself}/", f"https{itself[4:]}",
               f"http://localhost:{canary.port}/s.json", f"http://user@{LOOPBACK}:{canary.port}/s.json", f"//{LOOPBACK}/s.json", "%73.json"]  # fmt: skip
    taken = ["s.json#/x", "#/x", f"{itself}#/x", f"//{LOOPBACK}:{canary.port}/s.json#/x", "in/../s.json#/x", "s.json#n"]  # fmt: skip
    for reference in refused + taken:
        part = {"type": "integer"}
        schema = {"$id": itself, "properties": {"a": {"$ref": reference}}, "x": part, "$defs": {"n": {"$anchor": "n"} | part}}  # fmt: skip
        reply = register(house, input_schema=schema)
        assert reply.status == (400 if reference in refused else 201), reference
        if reference in taken:
            assert house.execute(reply.json["name"], {"a": 1}).status == 200
            assert is_error(house.execute(reply.json["name"], {"a": "x"}), "VALIDATION_ERROR")

    assert canary.accepts == before


def test_what_a_document_says_of_a_meta_schemas_address_is_refused(house, canary):
    before = canary.accepts
    for address in (
        "https://json-schema.org/draft/2020-12/schema",
        "http://json-schema.org/draft-07/schema#",
    ):
        for schema in places("$id", address):
            assert is_error(register(house, input_schema=schema), "VALIDATION_ERROR"), schema

    assert canary.accepts == before


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_a_keyword_of_the_wrong_type_is_refused(house, keyword):
    for value in (1, None, [], {}, [f"http://{LOOPBACK}/"], {"x": "file:///etc/passwd"}):
        reply = register(house, input_schema={"type": "object", "properties": {"a": {keyword: value}}})
        assert reply.status == 400 or keyword == "$vocabulary", (keyword, value, reply.body[:300])


def test_a_refusal_quotes_nothing_of_the_machine(house):
    reply = register(house, input_schema={"$ref": "file:///etc/passwd"})

    assert b"root:" not in reply.body
    assert all(error["path"].startswith("/input_schema") for error in error_of(reply)["details"]["errors"])


def test_references_inside_the_document_work(house, canary):
    before = canary.accepts
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/d"}},
        "$defs": {"d": {"type": "integer"}},
    }
    name = house.tool(
        "/local-ref", input_schema=schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    )

    assert house.execute(name, {"a": 1}).status == 200
    assert is_error(house.execute(name, {"a": "x"}), "VALIDATION_ERROR")
    assert canary.accepts == before


def nested(levels, keyword):
    """2 KB of schema that a naive validator takes 2^levels steps for."""
    defs = {
        f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
        for n in range(levels)
    }
    return {
        "type": "object",
        "properties": {"v": {"$ref": "#/$defs/d0"}},
        "$defs": defs | {f"d{levels}": {"type": "integer"}},
    }


def wide(count):
    return {
        "type": "object",
        "properties": {f"p{n}": {"type": "string", "minLength": 1} for n in range(count)},
    }


def deep(levels):
    schema = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"v": schema}}
    return schema


def tree():
    node = {"type": "object", "properties": {"l": {"$ref": "#/$defs/n"}, "r": {"$ref": "#/$defs/n"}}}
    return {"type": "object", "properties": {"v": {"$ref": "#/$defs/n"}}, "$defs": {"n": node}}


def addressed(levels, keyword):
    """The same 2 KB, each part with an address of its own, and the last with a secret way back."""
    defs = {
        f"d{n}": {"$id": f"/in/{n}", keyword: [{"$ref": f"{n + 1}"}, {"$dynamicRef": f"/in/{n + 1}#"}]}
        for n in range(levels)
    }
    last = {"$id": f"/in/{levels}", "type": "integer"}
    return {"type": "object", "properties": {"v": {"$ref": "in/0"}}, "$defs": defs | {"last": last}}


def crossing(levels):
    """A reference at the end that means another part on each of 2^levels ways to it."""
    defs = {
        f"{side}{n}": {
            "$id": f"x:{side}{n}",
            "$dynamicAnchor": f"n{n}",
            "properties": {key: {"$ref": f"x:{key}{n + 1}"} for key in "lr"},
        }
        for n in range(levels)
        for side in "lr"
    }
    ends = {
        f"{side}{levels}": {
            "$id": f"x:{side}{levels}",
            "items": {"allOf": [{"$dynamicRef": f"x:l{n}#n{n}"} for n in range(levels)]},
        }
        for side in "lr"
    }
    return {
        "type": "object",
        "properties": {"l": {"$ref": "x:l0"}, "r": {"$ref": "x:r0"}},
        "$defs": defs | ends,
    }


def loop(keyword):
    return {
        "type": "object",
        "properties": {"v": {"$ref": "#/$defs/a"}},
        "$defs": {"a": {keyword: [{"$ref": "#/$defs/a"}]}},
    }


BOMBS = {
    "anyOf of two equal references, 28 deep": (nested(28, "anyOf"), {"v": "x"}),
    "oneOf of two equal references, 28 deep": (nested(28, "oneOf"), {"v": 1}),
    "allOf of two equal references, 28 deep": (nested(28, "allOf"), {"v": 1}),
    "anyOf of two addresses, 28 deep": (addressed(28, "anyOf"), {"v": "x"}),
    "allOf of two addresses, 12 deep": (addressed(12, "allOf"), {"v": 1}),
    "a name with many meanings": (crossing(16), {"l": {"r": []}}),
    "a name with some meanings": (crossing(4), {"l": {"r": {"l": {"r": [1]}}}}),
    "the meta-schema": (
        {"type": "object", "properties": {"v": {"$ref": "https://json-schema.org/draft/2020-12/schema"}}},
        {"v": json.loads('{"allOf":[' * 15 + "{}" + "]}" * 15)},
    ),
    "anyOf, 12 deep": (nested(12, "anyOf"), {"v": "x"}),
    "5,000 properties": (wide(5_000), {"p1": "x"}),
    "900 properties and a value for each": (wide(900), {f"p{n}": "" for n in range(900)}),
    "10 MB of description": ({"type": "object", "description": "x" * 10_000_000}, {}),
    "100 KB of enum": ({"type": "object", "properties": {"v": {"enum": [f"word {n}" for n in range(9_000)]}}}, {"v": "none"}),
    "200 levels": (deep(200), {"v": {"v": {}}}),
    "a tree that refers to itself": (tree(), {"v": {"l": {"l": {"r": {}}}}}),
    "allOf that refers to itself": (loop("allOf"), {"v": 1}),
    "anyOf that refers to itself": (loop("anyOf"), {"v": 1}),
    "uniqueItems over many": (
        {"type": "object", "properties": {"v": {"type": "array", "uniqueItems": True}}},
        {"v": [{"a": n, "b": [n]} for n in range(20_000)]},
    ),
    "contains over many": (
        {"type": "object", "properties": {"v": {"contains": {"anyOf": [{"const": [n]} for n in range(400)]}}}},
        {"v": [[-n] for n in range(1, 5_000)]},
    ),
    "many patterns over many keys": (
        {"type": "object", "patternProperties": {f"^(a|b)*{n}(a|b)*$": {"type": "integer"} for n in range(200)}},
        {"ab" * 50 + str(n): "x" for n in range(500)},
    ),
    "dependent schemas in a chain": (
        {"type": "object", "dependentSchemas": {f"p{n}": {"required": [f"p{n + 1}"]} for n in range(900)}},
        {f"p{n}": 1 for n in range(900)},
    ),
    "multipleOf of a tiny fraction": (
        {"type": "object", "properties": {"v": {"items": {"multipleOf": 1e-300}}}},
        {"v": [1e300 + n for n in range(2_000)]},
    ),
    "not of not": ({"type": "object", "properties": {"v": json.loads('{"not":' * 30 + "{}" + "}" * 30)}}, {"v": 1}),
    "propertyNames with a pattern": (
        {"type": "object", "propertyNames": {"pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}},
        {"a" * 30 + str(n): 1 for n in range(2_000)},
    ),
    "unevaluatedProperties over many branches": (
        {"type": "object", "unevaluatedProperties": False, "anyOf": [{"properties": {f"p{n}": True}} for n in range(400)]},
        {f"p{n}": 1 for n in range(400)},
    ),
}  # fmt: skip

REDOS = {
    r"^((?=a)a+)+$": "a" * 40 + "!", r"^(a+)+(?!b)!?$": "a" * 40 + "?", r"^(?:(a)|(?=a)a)+\1!$": "a" * 40, r"^((?<=.|^)a+)+$": "a" * 40 + "!",
    r"^(a+)+$": "a" * 40 + "!", r"^(a|a)*$": "a" * 40 + "!", r"^(a|a?)+$": "a" * 40 + "!", r"^(a|aa)+$": "a" * 60 + "!",
    r"(a*)*b": "a" * 5_000, r"^(([a-z])+.)+[A-Z]([a-z])+$": "a" * 60, r"^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+$": "a" * 60 + "!",
    r"(.*a){20}": "a" * 200, r"(x+x+)+y": "x" * 60, r"^(\w+\s?)*$": "word " * 40 + "!", r"\s+$": " " * 50_000 + "x", r".*.*.*.*=.*": "x" * 5_000,
    r"^(?=(a+))\1*$": "a" * 40, r"(?!a)b": "b", r"(a)\1": "aa", r"(?<=a)b": "ab", r"a{1,1000}{1,1000}": "a" * 2_000, r"((a{1,100}){1,100}){1,100}": "a",
    r"[\s\S]{1000}{1000}": "x", r"(\p{L}|\p{N}){500}": "é" * 600, "(" * 500 + ")" * 500: "", r"^(a?){500}a{500}$": "a" * 500, "a" * 60_000: "a",
    r"(?i)^(\w|é|\d){300}$": "é" * 301, r"(.+)+\d\d\d$": "1" * 5_000, r"^((ab)*)+$": "ab" * 2_000 + "c", r"(0|1|2|3|4|5|6|7|8|9)*x": "7" * 20_000,
    r"[": "x", r"(": "x", r"*": "x", r"\q": "x", r"(?P<a>x)": "x", r"\u{110000}": "x", r"(?R)": "x", r"(?{system})": "x", "\x00": "x", r"\p{Nope}": "x",
}  # fmt: skip


@pytest.mark.parametrize("which", BOMBS)
def test_a_bomb_is_refused_at_save_or_costs_next_to_nothing(each_house, which):
    schema, given = BOMBS[which]
    _refused_or_cheap(each_house, schema, given)


def test_a_pattern_is_refused_at_save_or_costs_next_to_nothing(house):
    for pattern, text in REDOS.items():
        schema = {"type": "object", "properties": {"v": {"type": "string", "pattern": pattern}}}
        _refused_or_cheap(house, schema, {"v": text})


def test_real_patterns_are_refused_at_save_or_cost_next_to_nothing(house):
    borrowed = corpus("security")
    patterns = (
        json.loads((borrowed / "openapi_patterns.json").read_text("utf-8"))
        if borrowed
        else [r"^[a-z]{1,20}$", r"^\d{4}-\d\d$"]
    )
    taken = 0
    for pattern in patterns:
        schema = {"type": "object", "properties": {"v": {"type": "string", "pattern": pattern}}}
        taken += _refused_or_cheap(house, schema, {"v": "aA1-_. /:" * 2_000})

    assert taken >= len(patterns) * 0.7  # a house that refuses everything proves nothing


def test_a_bomb_in_an_output_schema_is_no_cheaper_way(house):
    for which, (schema, value) in BOMBS.items():
        reply = register(house, output_schema=schema)
        if reply.status == 201:
            house.stage.answers["/never"] = json.dumps(value).encode()
            before = house.cpu()
            house.execute(reply.json["name"])
            assert house.cpu() - before <= BAR * SLACK, which
        else:
            assert is_error(reply, "VALIDATION_ERROR"), (which, reply.body[:300])


def test_validate_is_no_cheaper_way(house):
    for which, (schema, given) in BOMBS.items():
        reply = register(house, input_schema=schema)
        if reply.status == 201:
            before = house.cpu()
            path = f"/api/v1/tools/{reply.json['name']}/validate"
            assert house.client.call("POST", path, {"input": given}).status in {200, 400}, which
            assert house.cpu() - before <= BAR * SLACK, which


def _refused_or_cheap(house, schema, given):
    """Whether it was saved; then each call is cheap, a good one and a bad one."""
    before = house.cpu()
    reply = register(house, input_schema=schema)
    assert house.cpu() - before <= 0.2 * SLACK, "saving it took too long"
    if reply.status != 201:
        assert is_error(reply, "VALIDATION_ERROR"), reply.body[:300]
        return False
    for value in (given, {"v": None}, {}):
        before = house.cpu()
        answer = house.execute(reply.json["name"], value)
        assert answer.status in {200, 400}, (schema, answer.body[:300])
        assert house.cpu() - before <= BAR * SLACK, (str(schema)[:200], house.cpu() - before)
    return True
