"""What breaks callers, told by its path: input may only widen, output only narrow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.contracts.compatibility import Bump, bump_between, compare, next_version
from toolcrib.contracts.schema import compile_schema

CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "n": {"type": "integer", "minimum": 1, "maximum": 9}},
    "required": ["a"],
    "additionalProperties": False,
}


def contract(input_schema=CLOSED, **parts):
    return {
        "name": "t",
        "description": "T.",
        "version": "1.0.0",
        "input_schema": input_schema,
        "api": {"method": "GET"},
    } | parts


def schema(**parts):
    return CLOSED | parts


def with_property(name, inner, **parts):
    return schema(properties=CLOSED["properties"] | {name: inner}, **parts)


def paths(difference):
    return [fault.path for fault in difference.breaking]


@pytest.mark.parametrize(
    ("new", "path"),
    [
        (with_property("b", {}, required=["a", "b"]), "/input_schema/required"),
        (schema(properties={"a": {"type": "string"}}), "/input_schema/properties/n"),
        (with_property("a", {"type": "integer"}), "/input_schema/properties/a/type"),
        (with_property("a", {"type": "string", "minLength": 1}), "/input_schema/properties/a/minLength"),
        (with_property("a", {"type": "string", "pattern": "x"}), "/input_schema/properties/a/pattern"),
        (with_property("a", {"type": "string", "enum": ["x"]}), "/input_schema/properties/a/enum"),
        (with_property("a", {"type": "string", "const": "x"}), "/input_schema/properties/a/const"),
        (with_property("a", {"anyOf": [{"type": "string"}], "type": "string"}), "/input_schema/properties/a/anyOf"),
        (with_property("a", False), "/input_schema/properties/a"),
        (with_property("n", {"type": "integer", "minimum": 2, "maximum": 9}), "/input_schema/properties/n/minimum"),
        (with_property("n", {"type": "integer", "minimum": 1, "maximum": 8}), "/input_schema/properties/n/maximum"),
    ],
)  # fmt: skip
def test_input_that_narrows_breaks(new, path):
    difference = compare(contract(), contract(new))
    assert (difference.bump, paths(difference)) == (Bump.MAJOR, [path])


@pytest.mark.parametrize(
    "new",
    [
        with_property("b", {"type": "string"}),
        schema(required=[]),
        schema(additionalProperties=True),
        schema(additionalProperties={"type": "string"}),
        with_property("a", {"type": ["string", "null"]}),
        with_property("a", True),
        with_property("a", {}),
        with_property("n", {"type": "number", "minimum": 0, "maximum": 10}),
        with_property("a", {"type": "string", "description": "An A."}),
    ],
)
def test_input_that_widens_is_an_addition(new):
    difference = compare(contract(), contract(new))
    assert (difference.bump, paths(difference)) == (Bump.MINOR, [])


def test_what_an_open_object_did_not_declare_was_no_promise():
    open_ = {"type": "object", "properties": {}}
    assert (
        compare(contract(open_), contract({**open_, "properties": {"b": {"type": "string"}}})).bump
        is Bump.MINOR
    )
    closed = {**open_, "additionalProperties": False}
    assert paths(compare(contract(open_), contract(closed))) == ["/input_schema/additionalProperties"]


@pytest.mark.parametrize(
    ("old", "new", "broken"),
    [
        ({"properties": {"x": {"type": "number"}}}, {"properties": {}}, ["/output_schema/properties/x"]),
        (
            {"properties": {"x": {}}, "required": ["x"]},
            {"properties": {"x": {}}},
            ["/output_schema/required"],
        ),
        ({"type": "integer"}, {"type": ["integer", "null"]}, ["/output_schema/type"]),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}, ["/output_schema/enum"]),
        ({"items": {"type": "string"}}, {"items": {"type": "object"}}, ["/output_schema/items/type"]),
        ({"maximum": 5}, {"maximum": 6}, ["/output_schema/maximum"]),
        ({}, None, ["/output_schema"]),
        (
            {"properties": {"x": {}}},
            {"properties": {"x": {}, "y": {"type": "string"}}, "required": ["y"]},
            [],
        ),
        ({"type": "number"}, {"type": "integer"}, []),
        (None, {"type": "number"}, []),
    ],
)
def test_output_that_widens_breaks(old, new, broken):
    difference = compare(contract(output_schema=old), contract(output_schema=new))
    assert (paths(difference), difference.bump) == (broken, Bump.MAJOR if broken else Bump.MINOR)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ({"effects": "read"}, {"effects": "write"}, "/effects"),
        ({}, {"api": {"method": "DELETE"}}, "/effects"),
        ({"idempotent": True}, {"idempotent": False}, "/idempotent"),
        ({"aliases": ["old"]}, {"aliases": []}, "/aliases"),
    ],
)
def test_conduct_that_grows_worse_breaks(old, new, path):
    assert paths(compare(contract(**old), contract(**new))) == [path]


def test_a_choice_that_grows_is_an_addition():
    old, new = {"enum": ["a"]}, {"enum": ["a", "b"]}
    assert compare(contract(with_property("a", old)), contract(with_property("a", new))).bump is Bump.MINOR


def test_an_alias_that_stays_or_becomes_the_name_is_kept():
    old = contract(aliases=["t2", "x"])
    assert compare(old, contract(aliases=["x"], name="t2")).breaking == ()


@pytest.mark.parametrize(
    ("parts", "bump"),
    [
        ({}, Bump.NONE),
        ({"version": "9.0.0"}, Bump.NONE),
        ({"description": "Other."}, Bump.PATCH),
        ({"effects": "read"}, Bump.PATCH),
        ({"errors": [{"code": "X"}]}, Bump.MINOR),
        ({"aliases": ["other"]}, Bump.MINOR),
    ],
)
def test_the_least_bump(parts, bump):
    assert compare(contract(), contract(**parts)).bump is bump


def test_versions_grow_part_by_part():
    assert [next_version("1.2.3", bump) for bump in Bump] == ["1.2.3", "1.2.4", "1.3.0", "2.0.0"]
    assert [bump_between("1.2.3", new) for new in ("1.2.3", "1.2.2", "1.2.10", "1.10.0", "2.0.0")] == [
        None, None, Bump.PATCH, Bump.MINOR, Bump.MAJOR,
    ]  # fmt: skip


PARTS = st.sampled_from(
    [{"type": "string"}, {"type": "string", "maxLength": 3}, {"type": "integer"}, {"type": "integer", "minimum": 5},
     {"type": "number"}, {"enum": ["a", 1]}, {"enum": ["a"]}, {}, {"type": ["string", "integer"]}]
)  # fmt: skip
OBJECTS = st.builds(
    lambda properties, needed, open_: {
        "type": "object", "properties": properties, "required": sorted(needed & properties.keys()), "additionalProperties": open_,
    },
    st.dictionaries(st.sampled_from("abc"), PARTS),
    st.sets(st.sampled_from("abc")),
    st.sampled_from([False, {"type": "string"}]),
)  # fmt: skip


VALUES = st.dictionaries(
    st.sampled_from("abcd"), st.sampled_from(["a", "zz", "zzzz", 1, 4, 5, 6, 1.5, None, True]), max_size=3
)


@given(OBJECTS, st.sampled_from("abc"), PARTS, st.booleans(), st.lists(VALUES, min_size=5))
def test_what_is_called_compatible_takes_all_that_was_taken(old, name, part, opened, values):
    new = old | {"properties": old["properties"] | {name: part}, "required": old["required"][1:]}
    new |= {"additionalProperties": True} if opened else {}
    if not compare(contract(old), contract(new)).breaking:
        before, after = compile_schema(old), compile_schema(new)
        assert [value for value in values if before.is_valid(value) and not after.is_valid(value)] == []


def named(inner, **parts):
    """A member that says what it is by an address that only its own base makes whole."""
    held = {
        "text": {"$id": "http://x/text/kind", "type": "string"},
        "any": {"$id": "http://x/any/kind"},
    }
    return CLOSED | {"properties": {"a": {"$id": inner, "$ref": "kind"}}, "$defs": held} | parts


def test_what_is_referred_to_counts_and_not_how_it_is_written():
    old = contract(named("http://x/any/"))
    assert not compare(old, contract(named("http://x/any/", **{"$id": "http://y/"}))).breaking
    assert not compare(old, contract(named("http://x/any/sub/../"))).breaking
    breaking = compare(old, contract(named("http://x/text/"))).breaking
    assert [fault.path for fault in breaking] == ["/input_schema/properties/a/$ref"]
    old = contract(output_schema=named("http://x/text/"))
    assert not compare(old, contract(output_schema=named("http://x/text/", **{"$id": "http://y/"}))).breaking
    breaking = compare(old, contract(output_schema=named("http://x/any/"))).breaking
    assert [fault.path for fault in breaking] == ["/output_schema/properties/a/$ref"]


OPEN = {"type": "object", "additionalProperties": True}
LIST = {"type": "array", "items": {"type": "integer"}}
CONTAINS = {"type": "array", "contains": {"type": "string"}}
STRICT = {"type": "object", "unevaluatedProperties": False}


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ({**CLOSED, "patternProperties": {"^x": {}}}, CLOSED, "/patternProperties"),
        (with_property("b", {**LIST, "prefixItems": [{"type": "string"}]}), with_property("b", LIST), "/properties/b/prefixItems"),
        (with_property("b", {**CONTAINS, "minContains": 0}), with_property("b", CONTAINS), "/properties/b/minContains"),
        ({**STRICT, "allOf": [{"properties": {"a": {}}}]}, STRICT, "/allOf"),
        ({**STRICT, "properties": {"a": {}, "b": {}}}, {**STRICT, "properties": {"a": {}}}, "/properties"),
        (with_property("b", {"enum": [1, 2]}), with_property("b", {"enum": [True, 2]}), "/properties/b/enum"),
        (with_property("b", {"const": 0}), with_property("b", {"const": False}), "/properties/b/const"),
    ],
)  # fmt: skip
def test_what_goes_may_narrow_too(old, new, path):
    assert paths(compare(contract(old), contract(new))) == [f"/input_schema{path}"]


def test_what_goes_and_leaves_nothing_stricter_widens():
    old = {**OPEN, "patternProperties": {"^x": {"type": "string"}}}
    assert compare(contract(old), contract(OPEN)).bump is Bump.MINOR


def test_true_and_one_are_two_values():
    one, true = contract(dummy={"output": [{"ok": 1}]}), contract(dummy={"output": [{"ok": True}]})
    assert compare(one, true).bump is Bump.PATCH
    assert compare(one, contract(dummy={"output": [{"ok": 1.0}]})).bump is Bump.NONE


WHEN = {"when": {"required": ["amount"]}}


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ({"impact": "normal"}, {"impact": "high"}, "/impact"),
        ({"impact": "high"}, {}, "/impact"),
        ({"impact": "high"}, {"impact": WHEN}, "/impact"),
        ({"effects": "destructive"}, {"effects": "write"}, "/effects"),
        ({"effects": "write"}, {"effects": "destructive"}, "/effects"),
    ],
)
def test_a_call_that_would_be_shown_and_was_made_or_was_shown_and_would_be_made_breaks(old, new, path):
    assert paths(compare(contract(**old), contract(**new))) == [path]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"effects": "destructive"}, {"effects": "write", "impact": "high"}),
        ({"effects": "destructive", "impact": WHEN}, {"effects": "destructive"}),
        ({}, {"impact": "normal"}),
    ],
)
def test_calls_that_are_shown_as_before_break_nothing(old, new):
    assert compare(contract(**old), contract(**new)).bump is Bump.PATCH
