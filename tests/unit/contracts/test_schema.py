"""Users' schemas: what is accepted, how values are judged against them, and how a fault reads."""

import json
from collections.abc import Iterator
from datetime import date

import pytest

from tests.support.corpora import corpus
from tests.support.json_schema_suite import DRAFTS, Group, Suite
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.schema import SchemaRefused, close_root, compile_schema, schema_faults

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
        "units": {"enum": ["c", "f"]},
        "at": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "uniqueItems": True},
    },
    "required": ["city"],
    "additionalProperties": False,
}


def paths(document: object) -> list[str]:
    return [fault.path for fault in schema_faults(document)]


def message(document: object) -> str:
    return "; ".join(fault.message for fault in schema_faults(document))


def test_an_ordinary_schema_has_no_faults():
    assert schema_faults(WEATHER) == []


@pytest.mark.parametrize("document", [[], "x", None, 1])
def test_a_schema_is_an_object_or_a_boolean(document: object):
    assert "must be a JSON object, true or false" in message(document)


def test_true_takes_all_and_false_nothing():
    assert compile_schema(True).faults({"a": 1}) == []  # the schema is called so
    assert compile_schema(False).faults({"a": 1}) == [Fault("", "is not allowed here")]


def test_a_fault_is_written_as_path_and_message():
    assert Fault("/a", "is wrong").as_json() == {"path": "/a", "message": "is wrong"}


def test_a_refused_schema_says_why():
    with pytest.raises(SchemaRefused, match="/type: is not valid JSON Schema") as refused:
        compile_schema({"type": "nope"})
    assert refused.value.faults == schema_faults({"type": "nope"})


def test_what_the_meta_schema_refuses_is_named_by_its_place():
    assert paths({"properties": {"a/b": {"minLength": -1}}}) == ["/properties/a~1b/minLength"]


def test_what_is_no_json_is_refused():
    assert "not plain JSON" in message({"default": object()})
    assert "not plain JSON" in message({"default": date(2026, 11, 21)})


def test_each_draft_has_its_own_way_to_name_a_part():
    named = {"$anchor": "a", "$id": "urn:example:a", "items": {"$ref": "#a"}}
    assert schema_faults(named) == []
    assert "names no anchor" in message({"$schema": DRAFTS["draft7"], **named})
    assert "must name a part" in message(
        {"$schema": DRAFTS["draft4"], **named, "items": {"$ref": "urn:example:a"}}
    )


def test_an_id_is_an_address():
    assert "is not an address" in message({"$id": "::::"})


def test_at_most_a_hundred_faults_of_a_schema_are_listed():
    assert len(schema_faults({"allOf": [{"$ref": "elsewhere"}] * 150})) == 100
    assert len(schema_faults({"allOf": [{"$ref": "#/no"}] * 150})) == 100


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"description": "x" * 65_536}, "larger than 64 KB"),
        ({"properties": {f"p{n}": {} for n in range(1_001)}}, "more than 1000 subschemas"),
        ({"$vocabulary": {}}, "vocabularies"),
        ({"$schema": "https://example.com/mine"}, "at the root only"),
        ({"$schema": 7}, "at the root only"),
        ({"items": {"$schema": DRAFTS["draft7"]}}, "at the root only"),
        ({"$defs": {"a": {"$id": "b", "$schema": DRAFTS["draft7"]}}}, "at the root only"),
    ],
)
def test_what_goes_beyond_the_rules_is_refused(document: dict, reason: str):
    assert reason in message(document)


def test_depth_is_bounded():
    document: dict = {}
    for _ in range(15):
        document = {"properties": {"a": document}}
    assert schema_faults(document) == []
    assert "32 levels" in message({"allOf": [{"allOf": [document]}]})


@pytest.mark.parametrize("uri", [*DRAFTS.values(), "https://json-schema.org/draft/2019-09/schema#"])
def test_each_standard_draft_is_taken_with_or_without_its_hash(uri: str):
    assert schema_faults({"$schema": uri, "type": "string"}) == []
    assert schema_faults({"$schema": uri.rstrip("#"), "type": "string"}) == []
    assert schema_faults({"$schema": uri.rstrip("#") + "#", "type": "string"}) == []


@pytest.mark.parametrize(
    "ref", ["http://169.254.169.254/", "file:///etc/passwd", "other.json", "//host/x", "a b", "a#/b", 5]
)
@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef", "$recursiveRef"])
def test_a_reference_stays_inside_the_schema(keyword: str, ref: object):
    assert paths({"properties": {"a": {keyword: ref}}}) == [f"/properties/a/{keyword}"]


@pytest.mark.parametrize(
    "ref", ["#/$defs/no", "#no", "#/$defs/a/allOf/00", "#/$defs/a/allOf/5", "#/$defs/~2", "#/type/0"]
)
def test_a_reference_names_something(ref: str):
    document = {"$defs": {"a": {"allOf": [{}]}}, "type": "object", "items": {"$ref": ref}}
    assert paths(document) == ["/items/$ref"]


@pytest.mark.parametrize(
    "ref", ["#/$defs/a", "#/$defs/odd~1~0%20name", "#here", "#/components/a", "#/allOf/0", "#/$defs/yes"]
)
def test_local_references_are_followed(ref: str):
    number = {"type": "integer"}
    held = {"a": number, "odd/~ name": number, "b": {"$anchor": "here", **number}, "yes": True}
    document = {"$defs": held, "components": {"a": number}, "allOf": [{}], "items": {"$ref": ref}}
    schema = compile_schema(document)
    assert schema.is_valid([1])
    assert schema.is_valid(["x"]) is (ref in {"#/allOf/0", "#/$defs/yes"})


def test_a_property_may_be_called_like_a_keyword():
    document = {"properties": {"$ref": {"type": "string"}, "$id": {"type": "integer"}, "pattern": {}}}
    assert schema_faults(document) == []
    assert schema_faults({"enum": [{"$ref": "http://x/"}], "default": {"$id": "http://y/"}}) == []


def test_the_root_may_have_an_id_and_local_references_keep_their_meaning():
    schema = compile_schema({"$id": "http://localhost/x", "$defs": {"a": {"const": 1}}, "$ref": "#/$defs/a"})
    assert [schema.is_valid(1), schema.is_valid(2)] == [True, False]


def test_an_old_draft_names_parts_by_a_fragment():
    document = {"$schema": DRAFTS["draft7"], "definitions": {"a": {"$id": "#a", "const": 1}}}
    assert compile_schema(document | {"allOf": [{"$ref": "#a"}]}).is_valid(1)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?=a)b", "look-around"),
        ("(?<!a)b", "look-around"),
        (r"(a)\1", "back-references"),
        ("(a{1000}){1000}", "counted repetitions"),
        ("(", "not a regular expression"),
    ],
)
def test_a_pattern_without_a_bound_is_refused_by_its_place(pattern: str, reason: str):
    assert paths({"items": {"pattern": pattern}}) == ["/items/pattern"]
    assert reason in message({"items": {"pattern": pattern}})
    assert paths({"patternProperties": {pattern: True}}) == [f"/patternProperties/{pattern}"]


@pytest.mark.parametrize(
    "pattern", [r"^\d{4}-\d{2}$", r"\p{L}+", "^(a|b)*$", "^.{1,1000}$", "^[^@]+@[^@]+$", "[(]"]
)
def test_a_pattern_of_linear_time_is_taken(pattern: str):
    assert schema_faults({"pattern": pattern}) == []


def test_real_patterns_are_taken_unless_they_look_around():
    folder = corpus("security")
    patterns = json.loads((folder / "openapi_patterns.json").read_text()) if folder else [r"^\w+$", "(?!a)b"]
    refused = [pattern for pattern in patterns if schema_faults({"pattern": pattern})]
    assert refused
    assert [pattern for pattern in refused if "(?" not in pattern] == []


def test_the_number_of_patterns_is_bounded():
    assert "200 patterns" in message({"anyOf": [{"pattern": f"a{n}"} for n in range(201)]})
    assert "large pattern" in message({"anyOf": [{"pattern": f"^.{{1,700}}{n}$"} for n in range(9)]})


def test_a_schema_compiled_once_does_not_follow_later_changes():
    document = {"type": "integer"}
    schema = compile_schema(document)
    document["type"] = "string"
    assert schema.is_valid(1)
    assert "integer" in schema.faults("x")[0].message


def test_all_faults_are_listed_with_their_place():
    value = {"days": 99, "units": "k", "tags": ["ok", "NO", "NO"], "extra/~": 1}
    assert {(fault.path, fault.message) for fault in compile_schema(WEATHER).faults(value)} == {
        ("", '"city" is a required property'),
        ("/days", "must be at most 14"),
        ("/units", 'must be one of ["c","f"]'),
        ("/tags", "must not hold one item twice"),
        ("/tags/1", 'must match the pattern "^[a-z]+$"'),
        ("/tags/2", 'must match the pattern "^[a-z]+$"'),
        ("/extra~1~0", "is not a declared property"),
    }


def test_a_valid_value_has_no_faults():
    assert compile_schema(WEATHER).faults({"city": "Oslo", "at": None}) == []


def test_alternatives_are_told_apart():
    found = compile_schema(WEATHER).faults({"city": "Oslo", "at": 5})
    assert [fault.message for fault in found] == [
        'must be of type "string" (alternative 1 of anyOf)',
        'must be of type "null" (alternative 2 of anyOf)',
    ]


@pytest.mark.parametrize(
    ("schema", "value", "path", "text"),
    [
        ({"additionalProperties": False}, {"a": 1}, "", "is not allowed here"),
        ({"properties": {"a": False}}, {"a": 1}, "/a", "is not allowed here"),
        ({"unevaluatedProperties": False, "properties": {"b": {}}}, {"a": 1}, "/a", "is not allowed here"),
        (
            {"patternProperties": {"^x": {}}, "additionalProperties": False},
            {"a": 1},
            "",
            "has a property that is not declared",
        ),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "", '"b" is a required property'),
        ({"contains": {"const": 2}}, [1], "", 'must hold an item that matches {"const":2}'),
        ({"not": {"type": "integer"}}, 1, "", 'must not match {"type":"integer"}'),
        ({"oneOf": [{}, {}]}, 1, "", "must match one alternative only"),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, "", "must have at most 1 characters"),
        ({"enum": ["x" * 500]}, 1, "", f'must be one of ["{"x" * 198}…'),
        (
            {"$schema": DRAFTS["draft7"], "contentMediaType": "application/json"},
            "{",
            "",
            "does not match the schema's rule contentMediaType",
        ),
    ],
)
def test_each_rule_has_its_words(schema: dict, value: object, path: str, text: str):
    assert compile_schema(schema).faults(value) == [Fault(path, text)]


@pytest.mark.parametrize(
    "rule",
    [{"type": "integer"}, {"enum": [1]}, {"not": {"type": "string"}}, {"maxLength": 2}, {"pattern": "^x"}],
)
def test_a_fault_never_quotes_the_value(rule: dict):
    found = compile_schema({"properties": {"a": rule}}).faults({"a": "hunter2"})
    assert len(found) == 1
    assert "hunter2" not in found[0].message


def test_at_most_a_hundred_faults_are_listed():
    assert len(compile_schema({"items": {"type": "string"}}).faults([1] * 500)) == 100
    assert (
        len(
            compile_schema({"properties": {"a": {}}, "additionalProperties": False}).faults(
                {f"k{n}": 1 for n in range(500)}
            )
        )
        == 100
    )


def test_a_fault_far_below_a_long_key_is_shown_at_the_place_that_holds_the_key():
    schema = compile_schema({"properties": {"a": {"additionalProperties": {"type": "string"}}}})
    assert schema.faults({"a": {"k" * 2_000: 1}}) == [Fault("/a", 'must be of type "string"')]


def test_a_large_value_that_does_not_match_gets_one_fault():
    found = compile_schema({"items": {"type": "string"}}).faults(["x"] * 100_000 + [1])
    assert [fault.path for fault in found] == [""]
    assert "too large to list" in found[0].message


def test_a_root_with_an_id_changes_no_fault():
    rules = {"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "integer"}}}
    for document in (rules, {"$id": "urn:example:a", **rules}, {"$id": "http://localhost/a", **rules}):
        assert compile_schema(document).faults({"a": "x"}) == [Fault("/a", 'must be of type "integer"')]


def test_what_the_rest_of_a_schema_leaves_over_is_told_part_by_part():
    rules = {"prefixItems": [{}], "unevaluatedItems": {"type": "string"}}
    assert compile_schema(rules).faults([1, "x", 2]) == [Fault("/2", 'must be of type "string"')]


def test_a_guard_lets_nothing_by_that_it_cannot_judge():
    guard = compile_schema({"items": {"uniqueItems": True}})
    assert guard.may_match([[1, 2]])
    assert not guard.may_match([[1, 1]])
    endless = [[{"a": n, "b": [n]} for n in range(20_000)]] * 3
    assert not guard.is_valid(endless)
    assert guard.may_match(endless)


def test_formats_are_notes_not_rules():
    assert compile_schema({"$schema": DRAFTS["draft7"], "format": "date"}).is_valid("no date")


@pytest.mark.parametrize(
    ("document", "closed"),
    [
        ({}, {"type": "object", "additionalProperties": False}),
        (
            {"properties": {"a": {}}},
            {"properties": {"a": {}}, "type": "object", "additionalProperties": False},
        ),
        ({"type": "object", "additionalProperties": True}, {"type": "object", "additionalProperties": True}),
        ({"type": "object", "additionalProperties": {}}, {"type": "object", "additionalProperties": {}}),
        (
            {"type": "object", "unevaluatedProperties": False},
            {"type": "object", "unevaluatedProperties": False},
        ),
        ({"type": "string"}, {"type": "string"}),
        ({"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a", "type": "object"}),
        ({"allOf": [{}]}, {"allOf": [{}], "type": "object"}),
        ({"anyOf": [{}]}, {"anyOf": [{}], "type": "object"}),
        ({"oneOf": [{}]}, {"oneOf": [{}], "type": "object"}),
    ],
)
def test_a_silent_root_becomes_a_closed_object(document: dict, closed: dict):
    before = json.dumps(document)
    assert close_root(document) == closed
    assert json.dumps(document) == before


def suite() -> Iterator[Group]:
    folder = corpus("json-schema-test-suite")
    own = [{"data": {"city": "Oslo"}, "valid": True}, {"data": {"days": 1}, "valid": False}]
    for draft, uri in DRAFTS.items():
        yield from Suite(folder).groups(draft) if folder else [Group(draft, {**WEATHER, "$schema": uri}, own)]


def test_values_are_judged_as_the_published_suite_says():
    wrong, judged = [], 0
    for group in suite():
        schema = compile_schema(group.schema)
        for test in group.tests:
            judged += 1
            found = schema.faults(test["data"])
            if schema.is_valid(test["data"]) is not test["valid"] or (not found) is not test["valid"]:
                wrong.append((group.name, test["data"]))
    assert wrong == []
    assert judged >= (2_844 if corpus("json-schema-test-suite") else 6)


def real_tools() -> Iterator[tuple[str, dict]]:
    mcp, tau2 = corpus("mcp_tools"), corpus("tau2")
    if mcp is None or tau2 is None:
        yield "get_weather", WEATHER
        return
    for line in (mcp / "livemcp_tools.jsonl").read_text().splitlines():
        entry = json.loads(line)
        for tool in entry.get("tools") or [entry]:
            yield tool["name"], tool.get("inputSchema") or tool["input_schema"]
    for tool in json.loads((tau2 / "retail" / "tools.json").read_text()):
        inner = tool.get("function", tool)
        yield inner["name"], inner.get("parameters") or inner.get("inputSchema") or inner["input_schema"]


def test_schemas_of_real_tools_are_accepted_open_and_closed():
    refused = {
        name
        for name, document in real_tools()
        if schema_faults(document) + schema_faults(close_root(document))
    }
    assert refused <= {
        "read_pdf"
    }  # writes `exclusiveMinimum: true`, which only draft 4 knows, and names no draft
