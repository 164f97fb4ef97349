"""Schemas in plain form: which part each reference means, what is refused, and that every reader follows the same."""

from typing import Any

import orjson
import pytest
from jsonschema_specifications import REGISTRY

from toolcrib.contracts.schema import compile_schema, schema_faults
from toolcrib.contracts.schema_plain import plain
from toolcrib.contracts.schema_refs import meta_schemas
from toolcrib.contracts.schema_rules import Reading

NEWEST = "https://json-schema.org/draft/2020-12/schema"
D2019 = "https://json-schema.org/draft/2019-09/schema"
D7 = "http://json-schema.org/draft-07/schema#"
D6 = "http://json-schema.org/draft-06/schema"
D4 = "http://json-schema.org/draft-04/schema#"
NUMBER = {"type": "integer"}
HELD = {
    "$id": "http://example.com/all/root.json",
    "$defs": {
        "a": {"$id": "a.json", **NUMBER},
        "b": {"$id": "sub/b.json", "$anchor": "here", **NUMBER, "$defs": {"c d": {"$anchor": "deep", **NUMBER}}},
        "u": {"$id": "urn:example:u", "$dynamicAnchor": "u", **NUMBER},
    },
}  # fmt: skip


def told(document: Any) -> list[tuple[str, str]]:
    return [(fault.path, fault.message) for fault in schema_faults(document)]


def takes(document: Any, *values: Any) -> list[bool]:
    schema = compile_schema(document)
    return [schema.is_valid(value) for value in values]


@pytest.mark.parametrize(
    "ref",
    [
        "a.json", "./a.json", "a.json#", "http://example.com/all/a.json", "HTTP://EXAMPLE.com/all/a.json#", "/all/a.json", "//example.com/all/a.json",
        "../all/a.json", "sub/b.json", "sub/b.json#here", "sub/b.json#/$defs/c%20d", "sub/b.json#deep", "urn:example:u", "urn:example:u#u",
        "root.json#/$defs/a", "#/$defs/a", "#/$defs/b/$defs/c%20d", "http://example.com/all/root.json#/$defs/u", "root.json#/$defs/b/$defs/c d",
    ],
)  # fmt: skip
@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
def test_a_reference_may_name_what_stands_in_the_document_in_every_way(keyword: str, ref: str):
    document = {**HELD, "items": {keyword: ref}}
    assert takes(document, [1], ["x"]) == [True, False]
    assert compile_schema(document).faults(["x"])[0].message == 'must be of type "integer"'


@pytest.mark.parametrize(
    "ref",
    [
        "b.json", "http://example.com/all/sub/a.json", "https://example.com/all/a.json", "http://example.com:80/all/a.json", "a.json?", "urn:example:U",
        "a.json#here", "#here", "sub/b.json#/$defs/no", "a.json#/type", "http://other/", "file:///etc/passwd", "//evil/all/a.json", "::", "a b", 5, None,
    ],
)  # fmt: skip
@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef", "$recursiveRef"])
def test_whatever_else_it_names_is_refused_at_its_place(keyword: str, ref: object):
    assert [path for path, _ in told({**HELD, "items": {keyword: ref}})] == [f"/items/{keyword}"]


def test_an_empty_reference_means_the_document():
    assert takes({"items": {"$ref": ""}, "type": "array"}, [[]], [1]) == [True, False]


def test_a_reference_is_read_where_it_stands():
    document = {
        "$id": "http://x/",
        "$defs": {
            "a": {"$id": "in/a", "$ref": "n", "$defs": {"n": {"$id": "n", "const": 1}}},
            "n": {"$id": "n", "const": 2},
        },
        "prefixItems": [{"$ref": "in/a"}, {"$ref": "n"}, {"$ref": "in/n"}],
    }
    assert takes(document, [1, 2, 1], [2, 2, 1], [1, 1, 1], [1, 2, 2]) == [True, False, False, False]


def test_a_pointer_starts_at_the_schema_with_the_address():
    document = {
        "$defs": {"a": {"$id": "x:a", "$defs": {"n": NUMBER}, "$ref": "#/$defs/n"}, "n": {"type": "string"}}
    }
    assert takes({**document, "$ref": "x:a"}, 1, "x") == [True, False]


@pytest.mark.parametrize("draft", [D7, D6])
def test_the_older_drafts_ignore_an_id_beside_a_reference(draft: str):
    document = {
        "$schema": draft,
        "definitions": {"a": {"$id": "http://x/b/n", "const": 1}, "n": {"$id": "http://x/n", "const": 2}},
        "allOf": [
            {"$id": "http://x/", "allOf": [{"$id": "b/", "$ref": "n"}]},
            {"$id": "#no", "$ref": "http://x/n"},
        ],
    }
    assert takes(document, 1, 2) == [False, True]
    assert "no anchor" in told({**document, "items": {"$ref": "#no"}})[0][1]


@pytest.mark.parametrize(("draft", "own"), [(D7, "$id"), (D6, "$id"), (D4, "id")])
def test_in_the_older_drafts_an_id_may_be_an_anchor(draft: str, own: str):
    held = {
        "a": {own: "http://x/a", "definitions": {"n": {own: "#n", **NUMBER}}},
        "n": {own: "#n", "type": "string"},
    }
    document = {"$schema": draft, "definitions": held}
    assert takes({**document, "allOf": [{"$ref": "http://x/a#n"}]}, 1, "x") == [True, False]
    assert takes({**document, "allOf": [{"$ref": "#n"}]}, 1, "x") == [False, True]  # fmt: skip


def test_a_word_that_another_draft_knows_names_nothing():
    assert "must name a part" in told({"$defs": {"a": {"id": "x:a"}}, "$ref": "x:a"})[0][1]
    assert "must name a part" in told({"$schema": D4, "definitions": {"a": {"$id": "x:a"}}, "$ref": "x:a"})[0][1]  # fmt: skip
    assert takes({"$schema": D7, "$dynamicRef": "#", "$recursiveRef": "#", "$id": "x:a", **NUMBER}, 1) == [
        True
    ]
    assert takes({"properties": {"id": {"id": "any", **NUMBER}}}, {"id": 1}, {"id": "x"}) == [True, False]


@pytest.mark.parametrize(
    ("held", "where", "reason"),
    [
        ({"a": {"$id": "x:a"}, "b": {"$id": "x:a"}}, "$id", "stands twice"),
        ({"a": {"$id": "n"}, "b": {"$id": "./n#"}}, "$id", "stands twice"),
        ({"a": {"$id": ""}}, "$id", "stands twice"),
        ({"a": {"$anchor": "n"}, "b": {"$anchor": "n"}}, "$anchor", "stands twice"),
        ({"a": {"$anchor": "n"}, "b": {"$dynamicAnchor": "n"}}, "nchor", "stands twice"),
        ({"a": {"$id": "x:a#n"}}, "$id", "fragment"),
        ({"a": {"$id": "#n"}}, "$id", "fragment"),
        ({"a": {"$id": "a b"}}, "$id", "not an address"),
        ({"a": {"$id": NEWEST}}, "$id", "the standard's own"),
        ({"a": {"$id": D7}}, "$id", "the standard's own"),
        ({"a": {"$id": "HTTPS://JSON-SCHEMA.ORG/x"}}, "$id", "the standard's own"),
        ({"a": {"$id": "http://json-schema.org", "$defs": {"b": {"$id": "draft-07/schema"}}}}, "$id", "the standard's own"),
    ],
)  # fmt: skip
def test_a_name_that_could_mislead_is_refused(held: dict, where: str, reason: str):
    found = told({"$defs": held})
    assert len(found) == 1
    assert found[0][0].endswith(where)
    assert reason in found[0][1]


def test_the_root_may_not_take_an_address_of_the_standard_either():
    assert told({"$id": NEWEST, "$ref": "#/$defs/a", "$defs": {"a": {}}})[0][0] == "/$id"


def test_one_part_may_have_an_anchor_of_both_kinds():
    assert takes({"$defs": {"a": {"$anchor": "n", "$dynamicAnchor": "n", **NUMBER}}, "$ref": "#n"}, 1, "x") == [True, False]  # fmt: skip


def test_a_part_beyond_the_keywords_may_be_referred_to_and_keeps_its_own_references():
    document = {
        "$id": "x:root",
        "components": {"a": {"items": {"$ref": "x:n"}, "b": {"$ref": "#/components/c"}}, "c": NUMBER},
        "$defs": {"n": {"$id": "x:n", **NUMBER}, "copy0": {"type": "string"}},
        "properties": {"a": {"$ref": "#/components/a"}, "b": {"$ref": "x:root#/components/a/b"}, "c": {"$ref": "#/components/a/items"}},
    }  # fmt: skip
    document["properties"]["d"] = {"$ref": "#/$defs/copy0"}
    assert takes(document, {"a": [1], "b": 1, "c": 1, "d": "x"}, {"d": 1}) == [True, False]
    assert takes(document, {"a": ["x"]}, {"b": "x"}, {"c": "x"}) == [False, False, False]
    assert plain(document).document["components"] == document["components"]


def test_what_is_compared_with_keeps_its_words():
    literal = {"$id": "x:no", "$ref": "nowhere", "$anchor": "a"}
    assert takes({"$id": "x:a", "enum": [literal], "default": literal}, literal, {}) == [True, False]


def test_a_part_beyond_the_keywords_names_nothing():
    for own in ({"$id": "x:a"}, {"$anchor": "a"}, {"items": {"$dynamicAnchor": "a"}}):
        found = told({"components": {"a": own}, "items": {"$ref": "#/components/a"}})
        assert [path.startswith("/components/a") for path, _ in found] == [True]
        assert "neither id nor anchor" in found[0][1]


def test_true_and_false_may_be_referred_to():
    document = {"$id": "x:a", "$defs": {"no": False}, "properties": {"a": {"$ref": "#/$defs/no"}, "b": {"$ref": "#/held"}}, "held": True}  # fmt: skip
    assert takes(document, {"b": 1}, {"a": 1}) == [True, False]


def tree(name: str, **parts: Any) -> dict[str, Any]:
    return {"$id": f"x:{name}", "$dynamicAnchor": "node", **parts}


TREE = tree("tree", type="object", properties={"children": {"items": {"$dynamicRef": "#node"}}, "v": True})


def test_a_dynamic_reference_means_the_outermost_on_the_way():
    strict = tree("strict", **{"$ref": "x:tree", "unevaluatedProperties": False, "$defs": {"t": TREE}})
    assert takes(strict, {"children": [{"v": 1}]}, {"children": [{"w": 1}]}) == [True, False]
    loose = {
        "$defs": {"s": strict},
        "properties": {"strict": {"$ref": "x:strict"}, "any": {"$ref": "x:tree"}},
    }
    assert takes(loose, {"any": {"children": [{"w": 1}]}}, {"strict": {"children": [{"w": 1}]}}) == [
        True,
        False,
    ]
    assert Reading(plain(loose).document).faults == []


def test_a_dynamic_reference_to_a_plain_anchor_means_that_one():
    inner = {"$id": "x:in", "$dynamicRef": "#node", "$defs": {"n": {"$anchor": "node", **NUMBER}}}
    outer = tree("out", properties={"a": {"$ref": "x:in"}}, **{"$defs": {"i": inner, "t": TREE}})
    assert takes(outer, {"a": 1}, {"a": {}}) == [True, False]


def test_a_fault_in_a_copy_is_told_where_it_was_written():
    broken = tree("strict", **{"$ref": "x:tree", "$defs": {"t": TREE | {"pattern": "(?=a)"}}})
    found = told({"$defs": {"s": broken}, "anyOf": [{"$ref": "x:strict"}, {"$ref": "x:tree"}]})
    assert found == [("/$defs/s/$defs/t/pattern", found[0][1])]
    beyond = {"$id": "x:a", "held": {"pattern": "(?=a)"}, "items": {"$ref": "#/held"}}
    assert [path for path, _ in told(beyond)] == ["/held/pattern"]
    copied = plain({"$id": "x:a", "held": {}, "$ref": "#/held"})
    assert copied.written("/$defs/copy0") == "/held"
    assert copied.written("/$defs/copy0/not") == "/held/not"
    assert copied.written("/$defs/copy00") == "/$defs/copy00"


def test_a_dynamic_reference_stands_beside_a_plain_one():
    both = {"$defs": {"a": {"$dynamicAnchor": "a", "minimum": 1}, "b": {"maximum": 3}}, "$ref": "#/$defs/b", "$dynamicRef": "#a"}  # fmt: skip
    assert takes(both, 0, 2, 4) == [False, True, False]
    assert takes({**both, "allOf": [{"not": {"const": 2}}]}, 0, 1, 2, 4) == [False, True, False, False]
    assert told({**both, "allOf": 5})


def test_draft_2019_09_recurses_to_the_outermost_that_allows_it():
    inner = {
        "$id": "x:in",
        "$recursiveAnchor": True,
        "type": ["array", "integer"],
        "items": {"$recursiveRef": "#"},
    }
    outer = {
        "$schema": D2019,
        "$id": "x:out",
        "$recursiveAnchor": True,
        "$ref": "x:in",
        "$defs": {"i": inner},
        "not": {"const": 7},
    }
    assert takes(outer, [[1]], [[7]]) == [True, False]
    assert takes({**outer, "$recursiveAnchor": False}, [[1]], [[7]]) == [True, True]
    assert takes({"$schema": D2019, "items": {"$recursiveRef": "#"}, "type": "array"}, [[]], [1]) == [
        True,
        False,
    ]


@pytest.mark.parametrize("draft", [NEWEST, D2019, D7, D6, D4])
@pytest.mark.parametrize("end", ["", "#"])
def test_the_meta_schema_of_the_draft_may_be_referred_to(draft: str, end: str):
    document = {"$schema": draft, "properties": {"s": {"$ref": draft.rstrip("#") + end}}}
    good = {"s": {"type": "object", "properties": {"a": {"minLength": 1}}}}
    bad = {"s": {"properties": {"a": {"minLength": -1}}}}
    assert takes(document, good, bad, {"s": {"type": "nope"}}) == [True, False, False]
    assert compile_schema(document).faults(bad)


def test_the_meta_schema_of_another_draft_may_not():
    assert "must name a part" in told({"$schema": D7, "items": {"$ref": NEWEST}})[0][1]
    assert "must name a part" in told({"items": {"$ref": D7}})[0][1]


@pytest.mark.parametrize("draft", [NEWEST, D2019, D7, D6, D4])
def test_the_meta_schemas_are_those_of_the_standard(draft: str):
    held = meta_schemas(draft.rstrip("#"))
    assert held == {address: REGISTRY[address].contents for address in held}


def test_a_meta_schema_of_ones_own_extends_the_standards():
    own = {"$id": "x:m", "$dynamicAnchor": "meta", "$ref": NEWEST, "properties": {"kind": {"const": "mine"}}}
    document = {"$defs": {"m": own}, "properties": {"own": {"$ref": "x:m"}, "any": {"$ref": NEWEST}}}
    assert takes(document, {"own": {"items": {"kind": "mine"}}}, {"any": {"items": {"kind": 1}}}) == [
        True,
        True,
    ]
    assert takes(document, {"own": {"items": {"kind": 1}}}, {"own": {"items": {"type": 1}}}) == [False, False]


VOCABULARY = "https://json-schema.org/draft/2020-12/vocab"


def own_dialect(**vocabulary: bool) -> dict[str, Any]:
    chosen = {f"{VOCABULARY}/{name}": needed for name, needed in vocabulary.items()}
    meta = {"$id": "x:meta", "$schema": NEWEST, "$vocabulary": chosen, "$dynamicAnchor": "meta"}
    return {
        "$schema": "x:meta",
        "$defs": {"m": meta, "n": {"$id": "x:n", "$schema": NEWEST, "items": {"minimum": 5}}},
    }


def test_a_document_may_leave_out_vocabularies_by_a_meta_schema_that_it_holds():
    document = own_dialect(core=True, applicator=True) | {
        "properties": {"a": {"minimum": 5}, "b": False, "c": {"$ref": "x:n"}}
    }
    assert takes(document, {"a": 1}, {"b": 1}, {"c": [1]}) == [True, False, False]
    assert takes(document | own_dialect(validation=True), {"a": 1, "b": 1}) == [True]
    inherits = own_dialect(applicator=True)
    inherits["$defs"]["i"] = {"$id": "x:i", "minimum": 5, "not": {"$ref": "x:n"}}
    assert takes(inherits | {"$ref": "x:i"}, [1], [7]) == [True, False]


@pytest.mark.parametrize(
    "meta",
    [
        {"$vocabulary": {"x:other": True}, "$schema": NEWEST},
        {"$vocabulary": {}},
        {"$vocabulary": {}, "$schema": D7},
        {"$vocabulary": 5, "$schema": NEWEST},
        {"$schema": NEWEST},
        {},
    ],
)
def test_a_dialect_that_is_not_understood_is_refused(meta: dict):
    assert told({"$schema": "x:meta", "$defs": {"m": {"$id": "x:meta", **meta}}})


def test_a_dialect_elsewhere_or_its_own_is_refused():
    assert told({"$schema": "x:meta"})
    assert told({"$schema": "x:meta", "$id": "x:meta", "$vocabulary": {}})
    assert told({"$id": "x:a", "$schema": 5})
    assert schema_faults({"$schema": NEWEST, "$ref": f"{NEWEST}#/$defs/anchorString", "$id": "x:a"})


@pytest.mark.parametrize(
    "document",
    [{"type": "string"}, {"$ref": "#/$defs/a", "$defs": {"a": {"id": 1}}}, {"items": {"$ref": "#"}}],
)
def test_what_is_plain_is_left_as_it_is(document: dict):
    assert plain(document).document == document


def test_what_is_no_schema_has_no_plain_form():
    assert plain({"a": object()}).faults
    assert plain({"$ref": "elsewhere"}).document == {"$ref": "elsewhere"}


@pytest.mark.parametrize(
    "word", ["$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$dynamicRef", "$recursiveRef"]
)
def test_no_name_is_left_for_the_library(word: str):
    value = True if word == "$recursiveAnchor" else "#" if word.endswith("Ref") else "x"
    found = plain(
        {"$schema": D2019 if "recursive" in word else NEWEST, "items": {word: value}, "$id": "http://x/y"}
    )
    assert word.encode() not in orjson.dumps(found.document)
    assert Reading({"items": {word: value}}).faults[0].path == f"/items/{word}"


def test_no_id_of_draft_4_is_left_for_the_library():
    document = {
        "$schema": D4,
        "definitions": {
            "a": {"id": "x:a", "allOf": [{"$ref": "#/definitions/n"}], "definitions": {"n": NUMBER}}
        },
    }
    assert takes({**document, "allOf": [{"$ref": "#/definitions/a"}]}, 1, "x") == [True, False]
    assert b'"id"' not in orjson.dumps(plain(document).document)


@pytest.mark.parametrize("ref", ["x:a", "a", "#a", "", 5])
def test_a_reading_follows_pointers_only(ref: object):
    assert [fault.path for fault in Reading({"$ref": ref}).faults] == ["/$ref"]


def test_the_ways_of_a_dynamic_reference_are_bounded():
    held = {
        f"{side}{n}": tree(f"{side}{n}", allOf=[{"$ref": f"x:a{n + 1}"}, {"$ref": f"x:b{n + 1}"}])
        for n in range(40)
        for side in "ab"
    }
    ends = {f"{side}40": tree(f"{side}40", items={"$dynamicRef": "#node"}) for side in "ab"}
    starts = {f"p{n}": {"$ref": f"x:a{n}"} for n in range(40)}
    assert "too many ways" in told({"$defs": held | ends, "properties": starts})[0][1]


def test_what_is_copied_is_bounded_in_size():
    lists = {f"l{n}": {"$ref": "#/held/" + "/".join(["a"] * n)} for n in range(1, 12)}
    held: Any = {"enum": ["x" * 50_000]}
    for _ in range(12):
        held = {"a": held}
    assert "refers to too much" in told({"$id": "x:a", "held": held, "properties": lists})[0][1]


def test_subschemas_are_counted_before_they_are_followed():
    assert (
        "more than 1000"
        in told({"$id": "x:a", "properties": {f"p{n}": {"$ref": "#"} for n in range(1_100)}})[0][1]
    )


def test_where_parts_are_held_wrongly_the_meta_schema_says_so():
    assert told({"$defs": 5, "held": {}, "$ref": "#/held", "$id": "x:a"})[0][0] == "/$defs"
