"""Things kept within a number and a weight."""

import sys
from threading import Thread

import pytest

from toolcrib.contracts import schema as schemas
from toolcrib.contracts.kept import Kept
from toolcrib.contracts.schema import SchemaRefused, compile_schema


def test_the_least_used_goes_first():
    kept = Kept[str](2, 100)
    kept.put("a", "A", 1)
    kept.put("b", "B", 1)
    assert kept.get("a") == "A"
    kept.put("c", "C", 1)
    assert [kept.get(key) for key in "abc"] == ["A", None, "C"]
    assert kept.weight == 2


def test_the_heavy_make_room_and_the_last_stays_however_heavy():
    kept = Kept[str](9, 10)
    for key in "abc":
        kept.put(key, key, 4)
    assert (len(kept), kept.weight) == (2, 8)
    kept.put("d", "d", 99)
    assert (len(kept), kept.weight, kept.get("d")) == (1, 99, "d")
    kept.put("e", "e", 1)
    assert (len(kept), kept.weight) == (1, 1)


def test_a_thing_that_is_put_again_weighs_once():
    kept = Kept[str](9, 10)
    kept.put("a", "old", 4)
    kept.put("a", "new", 5)
    assert (kept.get("a"), kept.weight, len(kept)) == ("new", 5, 1)


def test_threads_may_share_it():
    kept = Kept[int](50, 500)

    def use(start: int) -> None:
        for number in range(start, start + 3_000):
            kept.put(str(number % 97), number, number % 20)
            kept.get(str(number % 31))

    threads = [Thread(target=use, args=(start,)) for start in range(0, 400, 50)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(kept) <= 50
    assert kept.weight == sum(weight for _, weight in kept._things.values()) <= 500


def test_a_schema_is_compiled_once_for_its_text():
    document = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 41}}}
    first = compile_schema(document)
    assert compile_schema({**document}) is first
    document["properties"]["n"]["maximum"] = 42
    second = compile_schema(document)
    assert (first.is_valid({"n": 42}), second.is_valid({"n": 42})) == (False, True)


def test_a_schema_that_was_refused_is_refused_again():
    for _ in range(2):
        with pytest.raises(SchemaRefused):
            compile_schema({"type": "nothing"})


def test_true_false_and_one_are_not_mistaken_for_one_another():
    assert compile_schema(True).is_valid(1)
    assert not compile_schema(False).is_valid(1)
    with pytest.raises(SchemaRefused):
        compile_schema(1)
    assert not compile_schema({"const": 1}).is_valid(True)
    assert compile_schema({"const": True}).is_valid(True)


def test_schemas_are_kept_within_a_weight(monkeypatch: pytest.MonkeyPatch):
    kept = Kept(schemas._MOST_KEPT, 100_000)
    monkeypatch.setattr(schemas, "_kept", kept)
    for number in range(20):
        compile_schema({"pattern": f"^{number}$", "description": "x" * 1_000})
    assert kept.weight <= 100_000
    assert len(kept) == 2
