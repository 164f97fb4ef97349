"""References between the schemas of one document: every reader and the library take them for the same, at the same price.

The budget is reckoned on one reading of a schema. Were there a way of writing a reference that the library took
otherwise, the way would lead past the budget, so every form is tried on every bomb.
"""

import random
from typing import Any

import jsonschema_rs
import pytest

from tests.security.test_schema_bombs import GROWING, REFUSED, doubled, timed, within_bar
from toolcrib.contracts.schema import compile_schema, schema_faults
from toolcrib.contracts.schema_cost import Cost
from toolcrib.contracts.schema_plain import plain
from toolcrib.contracts.schema_rules import Reading, look_up

ROOT = "http://example.com/all/root.json"
FORMS: dict[str, tuple[dict[str, str], str, str]] = {
    # how the part {n} is called, how it is referred to, and how the root is
    "relative": ({"$id": "{n}.json"}, "{n}.json", "root.json"),
    "dotted": ({"$id": "in/../{n}.json"}, "./in/../{n}.json#", "../all/root.json"),
    "absolute": ({"$id": "http://example.com/all/{n}.json"}, "http://example.com/all/{n}.json", ROOT),
    "host": ({"$id": "//example.com/{n}"}, "//EXAMPLE.com/{n}", "//example.com/all/root.json"),
    "path": ({"$id": "/{n}"}, "/{n}#", "/all/root.json"),
    "other host": ({"$id": "https://127.0.0.1:1/{n}?q"}, "https://127.0.0.1:1/{n}?q", ROOT),
    "urn": ({"$id": "urn:example:{n}"}, "urn:example:{n}", ROOT),
    "anchor": ({"$anchor": "n-{n}"}, "#n-{n}", "#"),
    "anchor of another": ({"$id": "{n}", "$anchor": "here"}, "{n}#here", "root.json#"),
    "dynamic anchor": ({"$id": "{n}", "$dynamicAnchor": "n-{n}"}, "{n}#n-{n}", "root.json"),
    "pointer": ({"$id": "{n}"}, "root.json#/$defs/{n}", "root.json#"),
    "encoded pointer": ({"$id": "{n}"}, "root.json#/%24defs/{n}", "root.json#"),
}  # fmt: skip


def named(part: Any, form: str, keyword: str = "$ref") -> Any:
    """The same schema, with every part called and referred to in one form."""
    names, ref, root = FORMS[form]
    if isinstance(part, list):
        return [named(one, form, keyword) for one in part]
    if not isinstance(part, dict):
        return part
    made = {key: named(held, form, keyword) for key, held in part.items()}
    for name, held in made.get("$defs", {}).items():
        held.update({key: text.format(n=name) for key, text in names.items()})
    if isinstance(made.get("$ref"), str):
        before = made.pop("$ref")
        made[keyword] = root if before == "#" else ref.format(n=before.removeprefix("#/$defs/"))
    return made


def bombs(table: dict[str, tuple]) -> list[str]:
    """Those that refer to parts, and not to a part by a name of their own."""
    found = {name: str(document) for name, (document, _) in table.items() if "default" not in document}
    return [name for name, text in found.items() if "$ref" in text and "$dynamicAnchor" not in text]


@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bomb", bombs(REFUSED))
def test_a_bomb_is_refused_for_the_same_reason_in_every_form(bomb: str, form: str, keyword: str):
    document, reason = REFUSED[bomb]
    with timed() as spent:
        faults = schema_faults({"$id": ROOT, **named(document, form, keyword)})
    assert within_bar(spent())
    assert reason in faults[0].message


@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("growing", bombs(GROWING))
def test_a_reference_costs_the_same_in_every_form(growing: str, form: str, keyword: str):
    document, _ = GROWING[growing]
    written = {"$id": ROOT, **named(document, form, keyword)}
    assert schema_faults(written) == []
    assert cost_of(written) == cost_of(document)


def cost_of(document: dict) -> list[int]:
    return Cost(Reading(plain(document).document)).rates


@pytest.mark.parametrize(
    ("draft", "own"),
    [("http://json-schema.org/draft-07/schema#", "$id"), ("http://json-schema.org/draft-04/schema#", "id")],
)
@pytest.mark.parametrize(("name", "ref"), [("#{n}", "#{n}"), ("urn:x:{n}", "urn:x:{n}"), ("{n}", "/{n}")])
def test_the_names_of_older_drafts_are_no_cheaper_way(draft: str, own: str, name: str, ref: str):
    def old(levels: int) -> dict:
        parts = doubled(levels, "anyOf")["$defs"]
        held = {n: renamed(part, ref) | {own: name.format(n=n)} for n, part in parts.items()}
        return {"$schema": draft, "definitions": held, "allOf": [{"$ref": ref.format(n="a0")}]}

    assert "too much work" in schema_faults(old(28))[0].message
    assert schema_faults(old(6)) == []


def renamed(part: dict, ref: str) -> dict:
    found = part.get("anyOf", [])
    return part | {
        "anyOf": [{"$ref": ref.format(n=one["$ref"].removeprefix("#/$defs/"))} for one in found] or [{}]
    }


def branching(levels: int, *, starts: bool) -> dict:
    """Two ways on from each level, and at the end a reference that means another part on each of 2^levels ways."""
    held = {
        f"{side}{n}": {
            "$id": f"x:{side}{n}",
            "$dynamicAnchor": f"n{n}",
            "properties": {key: {"$ref": f"x:{key}{n + 1}"} for key in "ab"},
        }
        for n in range(levels)
        for side in "ab"
    }
    ends = {
        f"{side}{levels}": {
            "$id": f"x:{side}{levels}",
            "items": {"allOf": [{"$dynamicRef": f"x:a{n}#n{n}"} for n in range(levels)]},
        }
        for side in "ab"
    }
    begin = {key: {"$ref": f"x:{key}0"} for key in "ab"}
    return {"$defs": held | ends, "properties": begin if starts else {"a": begin["a"]}}


@pytest.mark.parametrize("levels", [2, 3, 9, 20, 60, 150])
@pytest.mark.parametrize("starts", [True, False])
def test_the_ways_to_a_dynamic_reference_are_counted_before_the_library_takes_them(levels: int, starts: bool):
    with timed() as spent:
        faults = schema_faults(branching(levels, starts=starts))
    assert within_bar(spent())
    assert bool(faults) is (levels >= 9)


def test_the_ways_are_told_as_what_is_too_many():
    assert "too many ways" in schema_faults(branching(5, starts=True))[0].message


HOSTILE = {
    "long addresses": {
        "$id": f"http://x/{'a/' * 900}",
        "allOf": [{"$ref": f"{'../b/' * 5}{n}"} for n in range(900)],
    },
    "an address of 40 KB": {
        "$id": f"http://x/{'a/' * 20_000}",
        "allOf": [{"$ref": "b"} for _ in range(900)],
    },
    "dots": {"$id": "http://x/", "$defs": {"a": {"$id": "a/../" * 10_000}}},
    "many ids": {"$id": "http://x/", "$defs": {f"a{n}": {"$id": f"a{n}"} for n in range(900)}},
    "many anchors": {"$defs": {f"a{n}": {"$anchor": f"a{n}"} for n in range(990)}},
    "many names in two places": {
        "$defs": {
            s: {"$id": f"x:{s}", "$defs": {f"x{n}": {"$dynamicAnchor": f"n{n}"} for n in range(200)}}
            for s in "ab"
        },
        "items": {"allOf": [{"$ref": "x:a"}, {"$ref": "x:b"}] * 200},
    },
    "many wrong references": {"$id": "x:a", "allOf": [{"$ref": "z"}] * 4_500},
    "parts in parts beyond the keywords": {
        "$id": "x:a",
        "held": {"a": {"a": {"a": {"a": {"enum": ["x" * 40_000]}}}}},
        "items": {"allOf": [{"$ref": "#/held" + "/a" * n} for n in range(5)]},
    },
    "the meta-schema many times": {
        "properties": {f"p{n}": {"$ref": "https://json-schema.org/draft/2020-12/schema"} for n in range(800)}
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_read_or_refused_in_time(name: str):
    with timed() as spent:
        schema_faults(HOSTILE[name])
    assert within_bar(spent())


@pytest.mark.parametrize(
    "address",
    [
        "https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2020-12/schema#", "https://json-schema.org/draft/2020-12/meta/core",
        "http://json-schema.org/draft-07/schema#", "http://json-schema.org/draft-04/schema", "HTTP://JSON-SCHEMA.ORG/draft-07/schema",
        "https://json-schema.org/draft/2020-12/x/../schema",
    ],
)  # fmt: skip
def test_no_schema_takes_the_place_of_a_meta_schema(address: str):
    anything = {"$id": address}
    assert [fault.path for fault in schema_faults({"$defs": {"m": anything}, "items": {"$ref": address}})][
        :1
    ] == ["/$defs/m/$id"]
    assert [fault.path for fault in schema_faults(anything)] == ["/$id"]
    old = {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"m": anything}}
    assert [fault.path for fault in schema_faults(old)] == ["/definitions/m/$id"]


def test_a_name_of_the_meta_schemas_own_leads_to_what_the_document_says_only_where_it_is_asked():
    """`meta` is the name by which the standard's meta-schema refers to itself."""
    own = {"$dynamicAnchor": "meta", "not": {}}
    document = {
        "$id": "x:a",
        "$defs": {"m": own | {"$id": "x:m"}},
        "items": {"$ref": "https://json-schema.org/draft/2020-12/schema"},
    }
    assert compile_schema(document).is_valid([{"items": {"type": "string"}}])
    assert not compile_schema(document).is_valid([{"items": {"type": "nope"}}])


NAMES = ["a", "b", "in/a", "in/c", "urn:example:u", "http://other.com/x", "/top", "../a", "in/in/a", "x/../y"]
REFS = [
    *NAMES, "#", "a#", "a#n", "#n", "#m", "#o", "b#/$defs/d", "#/$defs/d", "in/a#m", "urn:example:u#n", "http://example.com/all/a", "//example.com/top",
    "../all/b", "http://other.com/x#/items", "c", "root.json#/$defs/d", "root.json", "#/properties/p", "http://other.com/a", "in/b#n", "top#o", "y",
    "urn:example:u#/$defs/e", "root.json#/properties/p/items", "#/items", "#/definitions/d", "b#/definitions/e", "root.json#m", "a#o", "in/c#m",
]  # fmt: skip
VALUES = [
    1,
    "x",
    None,
    [],
    [1],
    ["x"],
    [[1]],
    {},
    {"p": 1},
    {"p": "x"},
    {"p": [1], "q": "x"},
    {"q": [["x"]]},
    {"p": {"p": 1}, "q": {"q": "x"}},
]
DRAFTS = ["https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#"]


class Maker:
    """Makes schemas with names here and there, and references that may lead to them."""

    def __init__(self, pick: random.Random, draft: str):
        self.pick, self.draft, self.old = pick, draft, "draft-07" in draft

    def document(self) -> dict[str, Any]:
        self.names = self.pick.sample(NAMES, 5)
        return {"$schema": self.draft, **self.schema(0), "$id": ROOT}

    def schema(self, depth: int) -> dict[str, Any]:
        pick, made = self.pick, dict[str, Any]()
        if self.names and pick.random() < 0.4:
            made["$id"] = self.names.pop()
        elif pick.random() < 0.3:
            name = pick.choice("nmo")
            made |= {"$id": f"#{name}"} if self.old else {pick.choice(["$anchor", "$dynamicAnchor"]): name}
        if pick.random() < 0.4:
            made[pick.choice(["$ref"] if self.old else ["$ref", "$ref", "$dynamicRef"])] = pick.choice(REFS)
        if pick.random() < 0.5:
            made["type"] = pick.choice(["integer", "string", "array", "object", ["array", "integer"]])
        if self.old and "$ref" in made and made.get("$id", "").startswith("#"):
            del made["$id"]  # the library takes it for an anchor; the standard ignores it
        holders = [("definitions" if self.old else "$defs", "de"), ("properties", "pq")]
        for holder, keys in holders if depth < 3 else ():
            if pick.random() < 0.6:
                made[holder] = {key: self.schema(depth + 1) for key in keys}
        if depth < 3 and pick.random() < 0.4:
            made["items"] = self.schema(depth + 1)
        return made


def mended(document: dict[str, Any]) -> dict[str, Any]:
    """The document without the names and references that the house refuses."""
    for fault in schema_faults(document):
        above, _, keyword = fault.path.rpartition("/")
        found, part = look_up(document, above)
        if found and keyword in part:
            del part[keyword]
    return document


def as_the_library_reads_it(document: dict) -> list[bool] | None:
    """What the library says of each value when it resolves the names itself; None where it takes no such schema."""
    try:
        validator = jsonschema_rs.validator_for(
            document, base_uri="http://example.com/all/", offline=True, validate_formats=False
        )
    except (ValueError, jsonschema_rs.ReferencingError):
        return None
    return [validator.is_valid(value) for value in VALUES]


@pytest.mark.parametrize("draft", DRAFTS)
def test_the_library_reads_names_as_the_house_does(draft: str):
    maker = Maker(random.Random(33), draft)
    both = 0
    for _ in range(800):
        document = mended(mended(maker.document()))
        found = as_the_library_reads_it(document)
        if schema_faults(document) == [] and found is not None:
            schema = compile_schema(document)
            assert [schema.is_valid(value) for value in VALUES] == found, document
            both += "ref" in str(document)
    assert both > 400
