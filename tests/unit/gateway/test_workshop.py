"""Tools made ready once by their digest, at most 2,048 of them, the least used out first."""

import orjson
import pytest

from tests.support.fakes import FakeProvider
from toolcrib.contracts.errors import Invalid
from toolcrib.gateway.workshop import Workshop
from toolcrib.registry.service import StoredTool


def stored(number: int, **parts) -> StoredTool:
    config = {
        "name": f"t{number}",
        "description": "",
        "input_schema": {},
        "api": {"base_url": "https://x.example"},
    } | parts
    text = orjson.dumps(config).decode()
    return StoredTool(f"id{number}", "w", f"t{number}", "1.0.0", f"digest{number}", text, text, 0, 0)


def test_a_tool_is_made_ready_once_for_its_digest():
    provider = FakeProvider()
    workshop = Workshop([provider])
    assert workshop.ready(stored(1)) is workshop.ready(stored(1))
    assert provider.prepared == 1


def test_two_tools_of_one_digest_are_one():
    provider = FakeProvider()
    workshop = Workshop([provider])
    workshop.ready(stored(1))
    workshop.ready(StoredTool("other", "w2", "t1", "1.0.0", "digest1", "", "", 0, 0))
    assert provider.prepared == 1


def test_what_is_kept_is_bounded_and_the_least_used_goes_first():
    provider = FakeProvider()
    workshop = Workshop([provider])
    workshop.ready(stored(0))
    workshop.ready(stored(1))
    for number in range(2, 2_048):
        workshop.ready(stored(number))
    workshop.ready(stored(0))
    workshop.ready(stored(2_048))
    assert provider.prepared == 2_049
    workshop.ready(stored(0))
    assert provider.prepared == 2_049
    workshop.ready(stored(1))
    assert provider.prepared == 2_050


def patterns(number: int, count: int) -> StoredTool:
    texts = {f"p{n}": {"type": "string", "pattern": "^a$"} for n in range(count)}
    return stored(number, input_schema={"type": "object", "properties": texts})


def test_what_is_kept_is_bounded_by_weight_too():
    provider = FakeProvider()
    workshop = Workshop([provider])
    for number in range(14):  # each weighs 10 MB and more
        workshop.ready(patterns(number, 500))
    workshop.ready(patterns(13, 500))
    workshop.ready(patterns(12, 500))
    assert provider.prepared == 14
    workshop.ready(patterns(0, 500))
    assert provider.prepared == 15


def test_a_schema_weighs_what_it_is_held_in(monkeypatch):
    monkeypatch.setattr("toolcrib.gateway.workshop._MOST_WEIGHT", 800_000)
    refers = {"properties": {"a": {"$ref": "https://json-schema.org/draft/2020-12/schema"}}}
    for parts, made in (
        ({}, 2),
        ({"input_schema": refers}, 3),
        ({"output_schema": refers}, 3),
        ({"impact": {"when": refers}}, 3),
    ):
        provider = FakeProvider()
        workshop = Workshop([provider])
        for number in (1, 2, 1):
            workshop.ready(stored(number, **parts))
        assert provider.prepared == made, parts


def test_the_heaviest_tool_is_kept_while_it_is_the_last_made(monkeypatch):
    monkeypatch.setattr("toolcrib.gateway.workshop._MOST_WEIGHT", 5_000)
    provider = FakeProvider()
    workshop = Workshop([provider])
    for _ in range(3):
        workshop.ready(stored(1))
    assert provider.prepared == 1
    workshop.ready(stored(2))
    workshop.ready(stored(1))
    assert provider.prepared == 3


def test_a_ready_tool_knows_its_limits_and_schemas():
    workshop = Workshop([FakeProvider()])
    plain = workshop.ready(stored(1))
    assert (plain.output, plain.max_request) == (None, 1_000_000)
    bound = workshop.ready(
        stored(2, output_schema={"type": "object"}, api={"base_url": "https://x.example", "max_request": 9})
    )
    assert bound.output is not None
    assert bound.output.is_valid({})
    assert not bound.output.is_valid([])
    assert bound.max_request == 9


def test_a_kind_that_nobody_runs_is_refused_by_name():
    with pytest.raises(Invalid, match="No provider runs tools of kind python; known kinds: http"):
        Workshop([FakeProvider()]).provider("python")
