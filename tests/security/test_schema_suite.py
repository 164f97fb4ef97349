"""The published suite for JSON Schema: its required part is judged as it says, nothing crashes and nothing is fetched.

What the house refuses on purpose (other documents, ids below the root, roots that are no object) stands by name in a
file, which only shrinks.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.corpora import corpus
from tests.support.ports import LOOPBACK
from toolcrib.contracts.schema import CompiledSchema, SchemaRefused, compile_schema

DRAFTS = {
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft4": "http://json-schema.org/draft-04/schema#",
}
REQUIRED_TESTS = {"draft2020-12": 1_299, "draft7": 927, "draft4": 618}
AGREES = 0.999
REFUSED = Path(__file__).with_name("refused_schemas.txt")
ITS_SERVER = "localhost:1234"
OWN: list[dict[str, Any]] = [
    {
        "description": "a closed object",
        "schema": {"properties": {"a": {"type": "integer"}}, "additionalProperties": False},
        "tests": [{"data": {"a": 1}, "valid": True}, {"data": {"a": "x"}, "valid": False}, {"data": {"b": 1}, "valid": False}],
    },
    {
        "description": "a part by its name",
        "schema": {"definitions": {"n": {"minimum": 2}}, "items": {"$ref": "#/definitions/n"}},
        "tests": [{"data": [2, 3], "valid": True}, {"data": [1], "valid": False}],
    },
]  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Some values for one schema; `name` is what the suite calls it."""

    name: str
    schema: Any
    tests: list[dict[str, Any]]

    def compiled(self) -> CompiledSchema | None:
        """The schema ready for use; None where the house refuses it."""
        try:
            return compile_schema(self.schema)
        except SchemaRefused:
            return None


def groups(draft: str, port: int) -> Iterator[Group]:
    """The suite's own server is this listener: whoever fetches is heard."""
    for file, found in files(draft, port):
        for one in found:
            schema = one["schema"]
            document = {"$schema": DRAFTS[draft], **schema} if isinstance(schema, dict) else schema
            yield Group(f"{draft} {file}: {one['description']}", document, one["tests"])


def files(draft: str, port: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    folder = corpus("json-schema-test-suite")
    if folder is None:
        yield "own", OWN
        return
    for path in sorted((folder / "tests" / draft).glob("*.json")):
        yield path.stem, json.loads(path.read_text("utf-8").replace(ITS_SERVER, f"{LOOPBACK}:{port}"))


@pytest.mark.parametrize("draft", DRAFTS)
def test_the_required_part_is_judged_as_it_says(canary, draft):
    before = canary.accepts
    judged, wrong, refused = 0, [], []
    for group in groups(draft, canary.port):
        schema = group.compiled()
        if schema is None:
            refused.append(group)
            continue
        judged += len(group.tests)
        wrong += [group.name for test in group.tests if schema.is_valid(test["data"]) is not test["valid"]]
        wrong += [group.name for test in group.tests if bool(schema.faults(test["data"])) is test["valid"]]

    assert wrong[round(judged * (1 - AGREES)) :] == []
    assert [group.name for group in refused if group.name not in known()] == []
    assert canary.accepts == before
    if corpus("json-schema-test-suite"):
        assert judged + sum(len(group.tests) for group in refused) == REQUIRED_TESTS[draft]
        names = {group.name for group in refused}
        assert [name for name in known() if name.startswith(f"{draft} ") and name not in names] == []


def known() -> list[str]:
    return [line for line in REFUSED.read_text("utf-8").splitlines() if line and not line.startswith("#")]
