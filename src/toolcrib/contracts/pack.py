"""A pack: the tools of one domain under one name. The operator names the packs that a server loads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .define import ToolDefinition
from .names import is_tool_name
from .view import View

_MARK = "pack"


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that the operator may set in the environment, under the name that the pack's users know."""

    name: str
    default: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Pack:
    """`tools` are functions under `@tool`, `configs` are tool configs of kind `http`; an `api.base_url` of `${NAME}` is
    the pack's setting of that name. Raises `ValueError` for what no server could load.
    """

    name: str
    version: str
    title: str = ""
    description: str = ""
    tools: Sequence[Callable[..., Any]] = ()
    settings: Sequence[Setting] = ()
    configs: Sequence[Mapping[str, Any]] = ()
    views: Sequence[View] = ()

    def __post_init__(self) -> None:
        """Refuse early: a pack is made where its author can see the message."""
        if not is_tool_name(self.name):
            raise ValueError(f'"{self.name}" is no name of a pack; use lower case letters, digits and `_`.')
        for config in self.configs:
            _check(self.name, config)
        names = self.tool_names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"The pack {self.name} has the tool {twice[0]} twice; give one another name.")
        for view in self.views:
            if strangers := sorted(view.tools.keys() - set(names)):
                raise ValueError(
                    f"The view {view.name} of the pack {self.name} has {strangers[0]}, which is none of its tools."
                )
        self.documents({})

    @property
    def definitions(self) -> tuple[ToolDefinition, ...]:
        """The functions with their contracts, in the order given."""
        return tuple(_definition(self.name, function) for function in self.tools)

    @property
    def tool_names(self) -> tuple[str, ...]:
        """Functions first, then configs."""
        return (*(one.name for one in self.definitions), *(str(one["name"]) for one in self.configs))

    def documents(self, values: Mapping[str, str]) -> list[dict[str, Any]]:
        """The configs by which all its tools are registered, with these values of its settings, else their defaults."""
        settings = {one.name: values.get(one.name, one.default) for one in self.settings}
        functions = [definition.in_pack(self.name) for definition in self.definitions]
        return functions + [_document(self.name, config, settings) for config in self.configs]


def comes_from_a_pack(document: Mapping[str, Any]) -> bool:
    """Whether a stored contract was put there by a pack, so that a pack may replace it."""
    return document["kind"] == "python" or _MARK in document.get("metadata", {})


def _definition(pack: str, function: Callable[..., Any]) -> ToolDefinition:
    found = getattr(function, "tool", None)
    if not isinstance(found, ToolDefinition):
        name = getattr(function, "__qualname__", repr(function))
        raise ValueError(f"The pack {pack} lists {name}, which is no tool; put @tool before it.")  # noqa: TRY004 the list is wrong
    return found


def _check(pack: str, config: Mapping[str, Any]) -> None:
    """What can be said before the contract is read; the server reads it at its start."""
    name, api = config.get("name"), config.get("api")
    if not isinstance(name, str) or not is_tool_name(name):
        raise ValueError(f"The pack {pack} has a config whose name is {name!r}; write namespace.action.")
    if config.get("kind", "http") != "http" or not isinstance(api, Mapping):
        raise ValueError(f"The pack {pack}: the config {name} is not of kind http; write a function instead.")


def _document(pack: str, config: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    api = dict(config["api"])
    url = str(api.get("base_url", ""))
    if url.startswith("${") and url.endswith("}"):
        if url[2:-1] not in settings:
            raise ValueError(
                f"The pack {pack}: {config['name']} is at {url}, which is no setting of the pack."
            )
        api["base_url"] = settings[url[2:-1]]
    metadata = {**config.get("metadata", {}), _MARK: pack}
    return {**config, "kind": "http", "scope": "global", "api": api, "metadata": metadata}
