"""The published suite for JSON Schema: its required part is judged as it says, nothing crashes and nothing is fetched.

Documents that the suite keeps elsewhere stand in the schema under their addresses, as a user would send them.
"""

from collections.abc import Iterator

import pytest

from tests.support.corpora import corpus
from tests.support.json_schema_suite import DRAFTS, Group, Suite
from tests.support.ports import LOOPBACK
from toolcrib.contracts.schema import SchemaRefused, compile_schema, schema_faults

REQUIRED_TESTS = {"draft2020-12": 1_299, "draft7": 927, "draft4": 618}
ELSEWHERE_AT_LEAST = {"draft2020-12": 20, "draft7": 11, "draft4": 8}
AGREES = 0.999
OWN = [
    Group(
        "a closed object",
        {"properties": {"a": {"type": "integer"}}, "additionalProperties": False},
        [{"data": {"a": 1}, "valid": True}, {"data": {"a": "x"}, "valid": False}, {"data": {"b": 1}, "valid": False}],
    ),
    Group(
        "a part by its place",
        {"definitions": {"n": {"minimum": 2}}, "items": {"$ref": "#/definitions/n"}},
        [{"data": [2, 3], "valid": True}, {"data": [1], "valid": False}],
    ),
]  # fmt: skip


def groups(draft: str, port: int) -> Iterator[Group]:
    """The suite's own server is this listener: whoever fetches is heard."""
    folder = corpus("json-schema-test-suite")
    yield from OWN if folder is None else Suite(folder, f"{LOOPBACK}:{port}").groups(draft)


def agrees(group: Group) -> list[bool]:
    """For each value, whether yes or no and the list of faults are what the suite says."""
    try:
        schema = compile_schema(group.schema)
    except SchemaRefused:
        return [False] * len(group.tests)
    return [
        schema.is_valid(test["data"]) is test["valid"] and (not schema.faults(test["data"])) is test["valid"]
        for test in group.tests
    ]


@pytest.mark.parametrize("draft", DRAFTS)
def test_the_required_part_is_judged_as_it_says(canary, draft):
    before = canary.accepts
    judged = {group.name: agrees(group) for group in groups(draft, canary.port)}
    wrong = [name for name, right in judged.items() if not all(right)]
    tests = sum(len(right) for right in judged.values())

    assert sum(sum(right) for right in judged.values()) >= tests * AGREES, wrong
    assert canary.accepts == before
    if corpus("json-schema-test-suite"):
        assert tests == REQUIRED_TESTS[draft]


@pytest.mark.parametrize("draft", DRAFTS)
def test_without_the_documents_that_it_names_a_schema_is_refused_and_nothing_fetched(canary, draft):
    before = canary.accepts
    alone = needy(draft, canary.port)

    assert [group.name for group in alone if not schema_faults(group.schema)] == []
    assert canary.accepts == before
    if corpus("json-schema-test-suite"):
        assert len(alone) >= ELSEWHERE_AT_LEAST[draft]


def needy(draft: str, port: int) -> list[Group]:
    """Groups whose schema names documents that stand elsewhere, without those."""
    folder = corpus("json-schema-test-suite")
    if folder is None:
        return [Group("elsewhere", {"$ref": f"http://{LOOPBACK}:{port}/integer.json"}, [])]
    suite = Suite(folder, f"{LOOPBACK}:{port}")
    pairs = zip(suite.groups(draft, whole=False), suite.groups(draft), strict=True)
    return [group for group, whole in pairs if group != whole]
