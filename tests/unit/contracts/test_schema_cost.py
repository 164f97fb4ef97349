"""The budget of schemas and values, one example each; how long the worst ones take is measured in `tests/security`."""

import pytest

from toolcrib.contracts.schema import compile_schema, schema_faults

TOO_MUCH = "is too large or too deep for this schema"


def doubled(levels, keyword="allOf"):
    chain = {f"a{n}": {keyword: [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(levels)}
    return {"$defs": chain | {f"a{levels}": {"type": "integer"}}, "$ref": "#/$defs/a0"}


def chained(length):
    chain = {f"c{n}": {"$ref": f"#/$defs/c{n + 1}"} for n in range(length)}
    return {"$defs": chain | {f"c{length}": {"items": {"$ref": "#/$defs/c0"}}}, "$ref": "#/$defs/c0"}


def nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"$ref": "#"}, "or itself, to one value"),
        (chained(200), "more than 64 subschemas"),
        (
            {
                "allOf": [{"$ref": "#/$defs/c30"}, {"not": {"not": {"not": {"$ref": "#/$defs/c0"}}}}],
                "$defs": chained(62)["$defs"],
            },
            "more than 64 subschemas",
        ),
        (doubled(28), "too much work"),
        (
            {
                "$defs": chained(60)["$defs"],
                "properties": {f"p{n}": {"items": {"$ref": f"#/$defs/c{n % 60}"}} for n in range(400)},
                "patternProperties": {f"{n}": {} for n in range(60)},
            },
            "combines too many subschemas",
        ),
    ],
    ids=["itself", "a chain", "a chain from above", "doubled", "all with all"],
)
def test_a_schema_that_could_cost_too_much_is_refused(document, reason):
    assert [reason in fault.message for fault in schema_faults(document)] == [True]


@pytest.mark.parametrize(
    ("document", "value"),
    [
        (doubled(11), 1),
        ({"items": {"enum": ["a", *range(1_500)]}}, [1499.0] * 10),
        ({"uniqueItems": True, "items": {"properties": {"a": {}}}}, [{"a": n} for n in range(100)]),
        ({"properties": {"a": {"pattern": "x+"}}, "additionalProperties": {"type": "string"}}, {"a": "x" * 900, "b": "y"}),
        ({"unevaluatedProperties": False, "allOf": [{"properties": {"a": {}}, "allOf": [{"properties": {"b": {}}}]}]}, {"a": 1, "b": 2}),
        ({"items": {"multipleOf": 3}}, [3, 6, 9]),
        ({"items": {"multipleOf": 0.5}}, [1.5, 2]),
        ({"items": {"multipleOf": 1e-300}}, [0]),
        ({"items": {"type": "integer", "const": 2**63}}, [2**63]),
        ({"items": {"type": "number"}}, [5e-324, 1e300]),
        (
            {
                "$defs": {"u": {"unevaluatedProperties": False, "properties": {"a": {}}}},
                "unevaluatedProperties": False,
                "allOf": [{"$ref": "#/$defs/u"}, {"$ref": "#/$defs/u"}],
            },
            {"a": 1},
        ),
    ],
    ids=["doubled", "mixed enum", "unique items", "texts", "the rest", "whole steps", "small steps", "tiny steps", "long integers", "tiny numbers", "the rest of one part twice"],
)  # fmt: skip
def test_a_value_within_the_budget_is_judged(document, value):
    assert compile_schema(document).is_valid(value)
    assert compile_schema(document).faults(value) == []


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ({"items": {"enum": ["a", *range(1_500)]}}, [1499.0] * 190_000),
        ({"additionalProperties": {"enum": ["a", *range(1_500)]}}, {f"k{n}": 1499.0 for n in range(100_000)}),
        ({"items": {"items": {"allOf": [{"type": "string", "pattern": "(a|b)*c"}] * 200}}}, [["ab" * 900] * 300] * 30),
        ({"uniqueItems": True, "$defs": {"u": {"uniqueItems": True, "items": {"$ref": "#/$defs/u"}}}, "items": {"$ref": "#/$defs/u"}}, [[n] for n in range(90_000)]),
    ],
    ids=["many", "many keys", "long texts", "many in many"],
)  # fmt: skip
def test_a_value_beyond_the_budget_is_refused_unjudged(document, value):
    schema = compile_schema(document)
    assert not schema.is_valid(value)
    assert [fault.message for fault in schema.faults(value)] == [TOO_MUCH]


def test_a_value_of_more_nodes_than_are_counted_is_refused():
    schema = compile_schema({"type": "array"})
    assert [fault.message for fault in schema.faults([0] * 3_000_000)] == ["is too large for this schema"]


def test_a_value_deeper_than_any_is_refused():
    schema = compile_schema({})
    assert "levels deep" in schema.faults(nested(400))[0].message


def test_a_short_text_needs_no_counting():
    schema = compile_schema({"items": {"type": "integer"}})
    assert schema.is_valid([1, 2], size=5)
    assert not schema.is_valid(["a"], size=5)


def test_faults_too_many_to_list_are_told_as_that():
    schema = compile_schema({"items": {"anyOf": [{"type": "string"}] * 900}})
    assert "too large to list where" in schema.faults([1] * 100)[0].message
