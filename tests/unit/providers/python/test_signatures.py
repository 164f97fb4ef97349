"""For any signature of supported types: the schema accepts exactly what the function can be called with."""

import enum
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from tests.unit.providers.python.fakes import run
from toolcrib import tool
from toolcrib.contracts.errors import Code
from toolcrib.contracts.provider import Success
from toolcrib.contracts.schema import compile_schema


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Tide(BaseModel):
    """As a parameter among others."""

    height: float
    name: str | None = None


Small = Annotated[int, Field(ge=0, le=9)]
Short = Annotated[str, Field(min_length=1, max_length=3)]
PLAIN = [int, float, bool, str, type(None), Small, Short, Literal["a", "b"], Colour, Tide]
TYPES = st.recursive(
    st.sampled_from(PLAIN),
    lambda inner: st.one_of(
        inner.map(lambda one: list[one]),
        inner.map(lambda one: dict[str, one]),
        st.tuples(inner, inner).map(lambda two: Union[two]),  # noqa: UP007 made at run time
    ),
    max_leaves=4,
)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(-(2.0**53), 2.0**53)
TEXTS = st.text(max_size=5) | st.sampled_from(["a", "red", "blue", "1", "true", ""])
NEAR = st.sampled_from(
    [0, 1, 1.0, 1.5, True, False, "1", -1, 9, 9.0, 10, "", "abcd", None, [1.0], [True], {"x": 1.0}]
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.integers(-2, 12) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS | st.sampled_from(["height", "name"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def fitting(kind: Any) -> st.SearchStrategy[Any]:
    """Values that this type takes, written as JSON."""
    if get_origin(kind) in (Union, types.UnionType):
        return st.one_of([fitting(one) for one in get_args(kind)])
    if get_origin(kind) is list:
        return st.lists(fitting(get_args(kind)[0]), max_size=3)
    if get_origin(kind) is dict:
        return st.dictionaries(TEXTS, fitting(get_args(kind)[1]), max_size=3)
    made: dict[Any, st.SearchStrategy[Any]] = {
        int: st.integers(-(2**63), 2**63), float: NUMBERS, bool: st.booleans(), str: TEXTS, type(None): st.none(),
        Small: st.integers(0, 9), Short: st.text(min_size=1, max_size=3), Literal["a", "b"]: st.sampled_from("ab"),
        Colour: st.sampled_from(["red", "blue"]), Tide: st.fixed_dictionaries({"height": NUMBERS}, optional={"name": TEXTS}),
    }  # fmt: skip
    return made[kind]


def takes(kind: Any, value: Any) -> bool:
    """Whether a value of JSON is one of this type: worked out by hand, from what the types mean."""
    if get_origin(kind) in (Union, types.UnionType):
        return any(takes(one, value) for one in get_args(kind))
    if get_origin(kind) is list:
        return isinstance(value, list) and all(takes(get_args(kind)[0], item) for item in value)
    if get_origin(kind) is dict:
        return isinstance(value, dict) and all(takes(get_args(kind)[1], item) for item in value.values())
    number = isinstance(value, int | float) and not isinstance(value, bool)
    whole = number and float(value).is_integer()
    return {
        int: whole, float: number, bool: isinstance(value, bool), str: isinstance(value, str), type(None): value is None,
        Small: whole and 0 <= value <= 9, Short: isinstance(value, str) and 1 <= len(value) <= 3,
        Literal["a", "b"]: value in ("a", "b"), Colour: value in ("red", "blue"), Tide: _is_tide(value),
    }[kind]  # fmt: skip


def _is_tide(value: Any) -> bool:
    """Further members of a model that is no root are let pass, as pydantic does by itself."""
    return (
        isinstance(value, dict) and takes(float, value.get("height")) and takes(str | None, value.get("name"))
    )


@st.composite
def calls(draw: st.DrawFn) -> tuple[dict[str, Any], set[str], dict[str, Any]]:
    """Parameters with their types, those that must be given, and an input that may or may not fit. A lone model takes the
    whole input, which other tests show.
    """
    names = st.sampled_from(["a", "b", "copy", "_c", "json"])
    hints = draw(st.dictionaries(names, TYPES, max_size=3).filter(lambda one: list(one.values()) != [Tide]))
    required = set(draw(st.lists(st.sampled_from(sorted(hints)), unique=True))) if hints else set()
    found = {name: draw(fitting(kind) | JSON | NEAR) for name, kind in hints.items()}
    left_out = draw(st.sets(st.sampled_from(sorted(found)), max_size=1)) if found else set()
    more = draw(st.dictionaries(st.sampled_from(["a", "z"]), JSON, max_size=1) | st.just({}))
    return hints, required, more | {name: value for name, value in found.items() if name not in left_out}


def function(hints: dict[str, Any], required: set[str]) -> Any:
    """A tool that answers which parameters it was given."""
    nothing = object()
    heads = [name if name in required else f"{name}=nothing" for name in hints]
    items = ", ".join(f"{name!r}: {name}" for name in hints)
    code = f"async def echo({'*, ' if heads else ''}{', '.join(heads)}):\n    return sorted(n for n, v in {{{items}}}.items() if v is not nothing)"
    place: dict[str, Any] = {"nothing": nothing, "__name__": "place"}
    exec(code, place)
    place["echo"].__annotations__ = dict(hints)
    return tool(description="Echo.")(place["echo"])


@settings(max_examples=300, deadline=None)
@given(calls())
async def test_the_schema_accepts_exactly_what_calling_accepts(call):
    hints, required, given = call
    made = function(hints, required)
    fits = (
        required <= given.keys() <= hints.keys()
        and all(takes(hints[name], value) for name, value in given.items())
    )  # fmt: skip

    assert compile_schema(made.tool.contract["input_schema"]).is_valid(given) == fits
    outcome = await run(made, given)
    if fits:
        assert outcome == Success(sorted(given))
    else:
        assert isinstance(outcome, Success) or outcome.code == Code.VALIDATION_ERROR


@st.composite
def values(draw: st.DrawFn) -> tuple[Any, Any]:
    """A type, and a value that is of it or only looks like it."""
    kind = draw(TYPES)
    return kind, draw(NEAR | fitting(kind))


@settings(max_examples=600, deadline=None)
@given(values())
async def test_a_parameters_schema_accepts_exactly_the_values_of_its_type(drawn):
    kind, value = drawn
    made = function({"a": kind, "b": int}, {"a"})  # two, as a lone model would take the whole input
    fits = takes(kind, value)

    assert compile_schema(made.tool.contract["input_schema"]).is_valid({"a": value}) == fits
    assert not fits or await run(made, {"a": value}) == Success(["a"])
