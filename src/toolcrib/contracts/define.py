"""`@tool`: a function becomes a tool by its signature and docstring, and stays the function it was."""

import difflib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, Protocol, TypedDict, TypeVar, Unpack, cast, overload

from .contract import Contract, normal_version, parse_contract
from .docstring import first_paragraph, told_parameters
from .errors import Invalid
from .names import is_tool_name
from .signature import InvalidTool, Signature, read_signature

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
_NO_PACK = "unnamed"


class Deprecated(TypedDict, total=False):
    """Since which version a tool is on its way out, its last day such as `2027-03-01`, and what to use instead."""

    since: str
    sunset: str
    use: str


class ToolOptions(TypedDict, total=False):
    """What a signature cannot say; each is the contract's field of that name. An error may be its code alone."""

    title: str
    description: str
    version: str | int
    aliases: Sequence[str]
    effects: Literal["read", "write", "destructive"]
    impact: str | Mapping[str, Any]
    idempotent: bool
    errors: Sequence[str | Mapping[str, Any]]
    record: Literal["full", "digest", "none"]
    requires: Mapping[str, Any]
    deprecated: Deprecated
    tags: Sequence[str]
    metadata: Mapping[str, Any]
    examples: Sequence[Mapping[str, Any]]
    secrets: Sequence[str]
    retries: int
    backoff: float
    timeout: float
    side_effects: str
    output_schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A function with the contract made of it. A pack gives it its place: see `in_pack`."""

    name: str
    contract: Mapping[str, Any]
    function: Callable[..., Any]
    signature: Signature

    @property
    def is_async(self) -> bool:
        """Whether it is awaited; any other function runs in a thread."""
        return inspect.iscoroutinefunction(self.function)

    def in_pack(self, pack: str) -> dict[str, Any]:
        """The config by which the tool of that pack is registered."""
        return {**self.contract, "scope": "global", "python": {"pack": pack, "function": self.name}}


class ToolFunction(Protocol[P, R_co]):
    """The decorated function: called as before, with its definition beside it."""

    tool: ToolDefinition

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class Decorator(Protocol):
    """What `@tool(…)` stands for."""

    def __call__(self, function: Callable[P, R_co], /) -> ToolFunction[P, R_co]: ...


@overload
def tool(named: Callable[P, R_co], /) -> ToolFunction[P, R_co]: ...
@overload
def tool(named: str | None = None, /, **options: Unpack[ToolOptions]) -> Decorator: ...
def tool(named: Callable[..., Any] | str | None = None, /, **options: Unpack[ToolOptions]) -> Any:
    """Make a tool of a function: `@tool`, or `@tool("namespace.action", effects="read", …)`. Raises `InvalidTool`.

    The options are those of `ToolOptions`.
    """
    if named is None or isinstance(named, str):

        def decorate(function: Callable[P, R_co]) -> ToolFunction[P, R_co]:
            return _define(function, named, options, sys._getframe(1).f_locals)  # noqa: SLF001 names of the place

        return decorate
    return _define(named, None, options, sys._getframe(1).f_locals)  # noqa: SLF001 as above


def _define(
    function: Callable[P, R_co], name: str | None, options: ToolOptions, local: Mapping[str, Any]
) -> ToolFunction[P, R_co]:
    if not inspect.isfunction(function):
        raise InvalidTool(f"@tool stands before a function, and {function!r} is none.")
    name = function.__name__ if name is None else name
    who = f"{function.__module__}.{function.__qualname__}"
    if not is_tool_name(name):
        raise InvalidTool(
            f'{who}: "{name}" is no name of a tool; give one as in @tool("harbour.list"): lower snake case.'
        )
    _check_options(who, options)
    signature = read_signature(function, told_parameters(function.__doc__), local)
    if "version" in options and normal_version(options["version"]) is None:
        raise InvalidTool(f"{who}: version: use semver such as 1.2.0.")
    definition = ToolDefinition(name, _contract(name, function, options, signature), function, signature)
    _check_contract(who, definition)
    made = cast("ToolFunction[P, R_co]", function)
    made.tool = definition
    return made


def _check_options(who: str, options: Mapping[str, object]) -> None:
    known = sorted(ToolOptions.__annotations__)
    unknown = sorted(options.keys() - set(known))
    if unknown:
        told = ", ".join(name + _meant(name, known) for name in unknown)
        raise InvalidTool(f"{who}: @tool does not know {told}. It knows {', '.join(known)}.")


def _meant(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _contract(
    name: str, function: Callable[..., Any], options: ToolOptions, signature: Signature
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": name,
        "description": first_paragraph(function.__doc__),
        "kind": "python",
        "input_schema": signature.input_schema,
    }
    if signature.output_schema is not None:
        document["output_schema"] = signature.output_schema
    document |= {field: _plain(value) for field, value in options.items()}
    if "version" in document:
        document["version"] = normal_version(document["version"])
    if "errors" in document:
        errors = document["errors"]
        document["errors"] = [{"code": one} if isinstance(one, str) else dict(one) for one in errors]
    return document


def _plain(value: object) -> object:
    """What JSON calls an array or an object."""
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _check_contract(who: str, definition: ToolDefinition) -> None:
    """What the contract itself refuses, told where the tool is written. The server checks the rest at its start."""
    document = definition.in_pack(_NO_PACK)
    try:
        parse_contract({name: value for name, value in document.items() if name in Contract.model_fields})
    except Invalid as refused:
        faults = "; ".join(f"{fault['path'][1:]}: {fault['message']}" for fault in refused.details["errors"])
        raise InvalidTool(f"{who}: {faults}.") from None
    if definition.contract["description"] == "":
        raise InvalidTool(
            f"{who} has no description, and models choose a tool by it: "
            "give it a docstring, or @tool(description=…)."
        )
