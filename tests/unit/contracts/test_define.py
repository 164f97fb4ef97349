"""`@tool`: every form that it takes, and every function that it refuses, by name."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import AsyncIterator, Callable, Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field, RootModel
from typing_extensions import TypedDict

from toolcrib import Context, InvalidTool, tool
from toolcrib.contracts.errors import Invalid

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForTypes


class Place(BaseModel):
    """Where."""

    name: str
    harbour: bool = True


class Node(BaseModel):
    kids: list[Node] = []


class Colour(enum.Enum):
    RED = "red"


class Size(TypedDict):
    width: int


@dataclasses.dataclass
class Point:
    x: int


def schema(function: Any) -> dict[str, Any]:
    return function.tool.contract["input_schema"]


def test_a_plain_function_is_a_tool_by_its_name_and_signature():
    @tool
    def add(a: int, b: int = 2) -> int:
        """Add two
        numbers.

        At length.

        Args:
            a: The first.
            b: The second.
        """
        return a + b

    assert add(1) == 3
    assert add.tool.contract == {
        "name": "add",
        "description": "Add two numbers.",
        "kind": "python",
        "input_schema": {
            "type": "object",
            "properties": {
                "a": {"type": "integer", "description": "The first."},
                "b": {"type": "integer", "description": "The second.", "default": 2},
            },
            "required": ["a"],
            "additionalProperties": False,
        },
        "output_schema": {"type": "integer"},
    }
    assert not add.tool.is_async


def test_options_stand_in_the_contract():
    @tool(
        "math.add", title="Add", description="Sum.", version="1.2", effects="read", impact="normal", idempotent=True,
        errors=["TOO_LARGE", {"code": "NO_NUMBER", "http_status": 404}], tags=("a", "b"), examples=[{"input": {}}],
        secrets=["KEY"], retries=2, backoff=0.5, timeout=3, side_effects="None.", output_schema={"type": "object"},
        aliases=("plus",), record="none", deprecated=MappingProxyType({"sunset": "2027-03-01", "use": "math.sum"}),
        requires={"grants": ["pro"]}, metadata={"owner": "sums"},
    )  # fmt: skip
    async def add() -> int: ...

    contract = dict(add.tool.contract)
    assert add.tool.is_async
    assert contract.pop("input_schema") == {"type": "object", "properties": {}, "additionalProperties": False}
    assert contract == {
        "name": "math.add", "title": "Add", "description": "Sum.", "kind": "python", "version": "1.2.0", "effects": "read",
        "impact": "normal", "idempotent": True, "errors": [{"code": "TOO_LARGE"}, {"code": "NO_NUMBER", "http_status": 404}],
        "tags": ["a", "b"], "examples": [{"input": {}}], "secrets": ["KEY"], "retries": 2, "backoff": 0.5, "timeout": 3,
        "side_effects": "None.", "output_schema": {"type": "object"}, "aliases": ["plus"], "record": "none",
        "deprecated": {"sunset": "2027-03-01", "use": "math.sum"}, "requires": {"grants": ["pro"]},
        "metadata": {"owner": "sums"},
    }  # fmt: skip
    assert add.tool.in_pack("math") == {
        **add.tool.contract, "scope": "global", "python": {"pack": "math", "function": "math.add"},
    }  # fmt: skip


def test_empty_parentheses_are_a_decorator_too():
    @tool()
    def nothing() -> None:
        """Nothing."""

    assert nothing.tool.name == "nothing"
    assert "output_schema" not in nothing.tool.contract


def test_one_parameter_that_is_a_model_takes_the_whole_input():
    @tool
    def move(place: Place) -> None:
        """Move."""

    assert schema(move) == {
        "type": "object", "description": "Where.", "required": ["name"], "additionalProperties": False,
        "properties": {"name": {"type": "string"}, "harbour": {"type": "boolean", "default": True}},
    }  # fmt: skip
    assert move.tool.signature.arguments(b'{"name": "oslo"}') == {"place": Place(name="oslo")}


def test_a_model_that_refers_to_itself_has_its_root_in_place():
    @tool
    def walk(tree: Annotated[Node, "note"]) -> Node:
        """Walk."""

    assert schema(walk)["properties"]["kids"]["items"] == {"$ref": "#/$defs/Node"}
    assert schema(walk)["additionalProperties"] is False
    assert walk.tool.signature.arguments(b'{"kids": [{}]}') == {"tree": Node(kids=[Node()])}


def test_a_model_among_others_is_one_property():
    @tool
    def move(place: Place, twice: bool) -> None:
        """Move."""

    assert schema(move)["properties"]["place"] == {"$ref": "#/$defs/Place"}
    assert move.tool.signature.arguments(b'{"place": {"name": "a"}, "twice": true}') == {
        "place": Place(name="a"),
        "twice": True,
    }


def test_the_context_is_no_input():
    @tool
    async def run(context: Context, place: Place) -> None:
        """Run."""

    assert (run.tool.signature.context, run.tool.signature.whole) == ("context", "place")
    assert "context" not in str(schema(run))


def test_annotations_may_carry_fields_and_descriptions():
    @tool
    def find(
        near: Annotated[str, Field(description="Its own words.", min_length=2)],
        most: Annotated[int, Field(ge=1, le=9)] = 5,
    ) -> None:
        """Find.

        Args:
            near: Not these words.
            most: These.
        """

    assert schema(find)["properties"] == {
        "near": {"type": "string", "minLength": 2, "description": "Its own words."},
        "most": {"type": "integer", "minimum": 1, "maximum": 9, "default": 5, "description": "These."},
    }


def test_parameters_may_be_called_as_they_like():
    @tool
    def odd(copy: str, model_config: int, _hidden: bool = True, json: str = "x") -> None:
        """Odd."""

    assert list(schema(odd)["properties"]) == ["copy", "model_config", "_hidden", "json"]
    assert odd.tool.signature.arguments(b'{"copy": "a", "model_config": 1}') == {
        "copy": "a",
        "model_config": 1,
    }


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),  # noqa: UP045 what older code writes
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Colour, {"$ref": "#/$defs/Colour"}),
        (Point, {"$ref": "#/$defs/Point"}),
        (Size, {"$ref": "#/$defs/Size"}),
        (Any, {}),
    ],
)
def test_a_type_becomes_its_schema(hint, expected):
    def take(x) -> None:
        """Take."""

    take.__annotations__ = {"x": hint, "return": None}
    assert schema(tool(take))["properties"]["x"] == expected


def test_a_default_that_is_no_json_is_not_shown_and_still_used():
    nothing = object()

    @tool
    def take(x: Any = nothing) -> None:
        """Take."""

    assert schema(take)["properties"] == {"x": {}}
    assert take.tool.signature.arguments(b"{}") == {}


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (str | None, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (dict, {"type": "object", "additionalProperties": True}),
        (None, None),
        (Any, None),
        (object, None),
    ],
)
def test_the_return_annotation_is_the_output_schema(hint, expected):
    def give():
        """Give."""

    give.__annotations__ = {"return": hint}
    assert tool(give).tool.contract.get("output_schema") == expected


def test_what_pydantic_refuses_is_named_by_its_place():
    @tool
    def take(days: list[Annotated[int, Field(ge=1)]], copy: str = "") -> None:
        """Take."""

    with pytest.raises(Invalid) as refused:
        take.tool.signature.arguments(b'{"days": [1, 0], "copy": "x", "more": 1}')
    assert {fault["path"] for fault in refused.value.details["errors"]} == {"/days/1", "/more"}


class Names(RootModel[list[str]]):
    pass


def refused(function: Callable[..., Any], **options: Any) -> str:
    with pytest.raises(InvalidTool) as found:
        tool(**options)(function) if options else tool(function)
    return str(found.value)


def test_any_number_of_values_is_refused():
    def many(*values: int) -> None: ...

    assert "many: the parameter values takes any number of values" in refused(many)


def test_any_name_is_refused():
    def names(**values: int) -> None: ...

    assert "names: the parameter values takes any name" in refused(names)


def test_positional_only_is_refused():
    def first(value: int, /) -> None: ...

    assert "first: the parameter value is positional-only" in refused(first)


def test_a_missing_annotation_is_refused():
    def bare(value) -> None: ...

    assert "bare: the parameter value has no annotation" in refused(bare)


def test_a_type_without_schema_is_refused():
    def call(back: Callable[[int], int]) -> None: ...

    assert "call: the parameter back has a type that JSON Schema cannot describe" in refused(call)


def test_a_return_type_without_schema_is_refused():
    def give() -> Iterator[int]: ...

    assert "give: the return annotation has a type that JSON Schema cannot describe" in refused(give)


def test_async_generators_are_refused():
    async def stream() -> AsyncIterator[int]:
        yield 1

    assert "stream yields; a tool returns its output as one value" in refused(stream)


def test_generators_are_refused():
    def stream() -> Iterator[int]:
        yield 1

    assert "stream yields" in refused(stream)


def test_a_field_as_default_is_refused():
    def take(x: int = Field(3, ge=1)) -> None: ...

    assert "take: the parameter x has Field(…) as its default" in refused(take)


def test_a_second_context_is_refused():
    def take(one: Context, two: Context) -> None: ...

    assert "take: the parameter two is a second Context" in refused(take)


def test_a_name_that_only_type_checkers_see_is_refused():
    def take(x: OnlyForTypes) -> None: ...

    assert "take: an annotation cannot be read: name 'OnlyForTypes' is not defined" in refused(take)


def test_a_model_that_is_no_object_is_refused():
    def take(names: Names) -> None: ...

    assert "take: the parameter names is no object" in refused(take)


def test_a_name_that_tools_cannot_have_is_refused():
    def getTide() -> None: ...  # noqa: N802 the case

    assert '"getTide" is no name of a tool' in refused(getTide)


def test_an_option_that_does_not_exist_is_refused():
    def take() -> None: ...

    said = refused(take, retry=1, colour="x")
    assert (
        "take: @tool does not know colour, retry (did you mean retries?). It knows aliases, backoff, " in said
    )


def test_a_function_that_says_nothing_of_itself_is_refused():
    def take() -> None: ...

    assert "take has no description, and models choose a tool by it: give it a docstring" in refused(take)
    assert tool("a.b", description="Take.")(take).tool.contract["description"] == "Take."


def test_retries_of_what_writes_are_refused():
    def write() -> None: ...

    assert "retries: only a tool that reads or is idempotent may be tried again" in refused(write, retries=1)


def test_a_fault_of_the_contract_is_refused():
    def take() -> None: ...

    assert "version: " in refused(take, version="tomorrow")
    assert "errors/0/code: this code is the house's own" in refused(take, errors=["NOT_FOUND"])


def test_what_is_no_function_is_refused():
    with pytest.raises(InvalidTool, match="@tool stands before a function"):
        tool(Place)
    with pytest.raises(InvalidTool, match="@tool stands before a function"):
        tool("a.b")("text")
