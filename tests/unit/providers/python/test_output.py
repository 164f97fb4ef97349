"""What a function returned, as plain JSON or as a refusal: within a bound of work, and never quoting the value."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import uuid

import pytest
from pydantic import BaseModel, ConfigDict, Field

from toolcrib.kit.strike import Strikes
from toolcrib.providers.python.output import NotJson, details, plain


class Tide(BaseModel):
    model_config = ConfigDict(extra="allow")
    height: float = Field(serialization_alias="h")


@dataclasses.dataclass
class Point:
    x: float
    tide: Tide | None = None


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ({"a": [1, 2.5, True, None, "x"]}, {"a": [1, 2.5, True, None, "x"]}),
        (Tide(height=1), {"h": 1.0}),
        (Tide(height=1, more=[2]), {"h": 1.0, "more": [2]}),
        ([Point(1, Tide(height=2))], [{"x": 1.0, "tide": {"h": 2.0}}]),
        ((1, 2), [1, 2]),
        ({3}, [3]),
        (collections.deque([1]), [1]),
        (Colour.RED, "red"),
        ({1: "a"}, {"1": "a"}),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "2026-01-02T00:00:00Z"),
        (dt.timedelta(seconds=90), "PT1M30S"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (decimal.Decimal("1.50"), "1.50"),
        (pathlib.Path("a/b"), "a/b"),
        (b"text", "text"),
        (2**63, 2**63),
    ],
)
def test_what_can_be_written_is_plain_json(value, expected):
    assert plain(value, 1_000) == expected


def cyclic_list():
    value = []
    value.append(value)
    return value


def cyclic_model():
    tide = Tide(height=1)
    tide.more = tide
    return tide


def nested(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (cyclic_list(), "The output holds itself."),
        ({"a": [cyclic_model()]}, "The output holds itself."),
        (float("nan"), "NaN or an infinity"),
        ({"a": float("-inf")}, "NaN or an infinity"),
        (Tide(height=float("nan")), "NaN or an infinity"),
        (Point(float("inf")), "NaN or an infinity"),
        (object(), "The output holds a <class 'object'>, which is no JSON"),
        ([print], "which is no JSON"),
        (Point, "which is no JSON"),
        (ValueError("secret words"), "which is no JSON"),
        ((n for n in range(3)), "The output holds a generator, which is read only once"),
        ({"a": iter([])}, "which is read only once"),
        ("x" * 2_000, "larger than the 1000 bytes"),
        ([["x" * 100] * 100] * 10**6, "larger than the 1000 bytes"),
        (["\n" * 600], "larger than the 1000 bytes"),
        (2**70, "does not fit into 64 bits"),
        ("\ud800", "cannot be written as JSON."),
        (b"\xff", "cannot be written as JSON."),
        (nested(70), "nested more than 64 levels"),
        ({1: "a", "1": "b"}, "same key twice"),
    ],
)
def test_what_is_no_json_is_refused_with_its_reason(value, said):
    with pytest.raises(NotJson) as refused:
        plain(value, 1_000)
    assert said in str(refused.value)
    assert "secret words" not in str(refused.value)


def test_one_value_in_two_places_is_no_cycle():
    shared = [1]
    assert plain([shared, shared], 100) == [[1], [1]]


def test_a_serializer_that_finds_a_cycle_is_heard():
    class Loop(BaseModel):
        own: dict[str, object] = {}

        def model_post_init(self, _context):
            self.own["a"] = self.own

    with pytest.raises(NotJson, match="holds itself"):
        plain(Loop(), 1_000)


def test_secrets_are_struck_out():
    strikes = Strikes([("KEY", "hunter2-hunter2")])
    assert plain({"a": "it is hunter2-hunter2"}, 100, strikes) == {"a": "it is [secret:KEY]"}


def test_details_that_are_no_json_are_left_out():
    assert details({"a": 1}, 100, None) == {"a": 1}
    assert details({"a": object()}, 100, None) == {}
