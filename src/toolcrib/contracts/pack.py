"""A pack: the tools of one domain under one name. The operator names the packs that a server loads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .define import ToolDefinition
from .names import is_tool_name


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that the operator may set in the environment, under the name that the pack's users know."""

    name: str
    default: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Pack:
    """`tools` are functions under `@tool`. Raises `ValueError` for what no server could load."""

    name: str
    version: str
    title: str = ""
    description: str = ""
    tools: Sequence[Callable[..., Any]] = ()
    settings: Sequence[Setting] = ()

    def __post_init__(self) -> None:
        """Refuse early: a pack is made where its author can see the message."""
        if not is_tool_name(self.name):
            raise ValueError(f'"{self.name}" is no name of a pack; use lower case letters, digits and `_`.')
        names = [definition.name for definition in self.definitions]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"The pack {self.name} has the tool {twice[0]} twice; give one another name.")

    @property
    def definitions(self) -> tuple[ToolDefinition, ...]:
        """The tools with their contracts, in the order given."""
        return tuple(_definition(self.name, function) for function in self.tools)


def _definition(pack: str, function: Callable[..., Any]) -> ToolDefinition:
    found = getattr(function, "tool", None)
    if not isinstance(found, ToolDefinition):
        name = getattr(function, "__qualname__", repr(function))
        raise ValueError(f"The pack {pack} lists {name}, which is no tool; put @tool before it.")  # noqa: TRY004 the list is wrong
    return found
