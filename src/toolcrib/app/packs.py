"""Loads the packs that the operator names, and puts their tools at the counter. Whatever is wrong refuses the start by name."""

import importlib
import importlib.metadata
from collections.abc import Mapping, Sequence

from toolcrib.contracts.errors import ToolcribError
from toolcrib.contracts.pack import Pack
from toolcrib.gateway import Gateway
from toolcrib.providers.python import LoadedPack

from .settings import UnsafeSetting

_GROUP = "toolcrib.packs"
_SETTING = "TOOLCRIB_PACKS"


def load_packs(names: str, environment: Mapping[str, str]) -> list[LoadedPack]:
    """The packs of the setting, each with the values of its own settings. Raises `UnsafeSetting`."""
    packs = [_load(name) for name in (entry.strip() for entry in names.split(",")) if name]
    _refuse_twins([pack.name for pack in packs], "packs are called")
    owners = {
        definition.name: [one.name for one in packs if _has(one, definition.name)]
        for pack in packs
        for definition in pack.definitions
    }
    for tool, found in owners.items():
        if len(found) > 1:
            raise UnsafeSetting(
                f"{_SETTING}: the packs {' and '.join(found)} both have a tool {tool}; load one of them"
            )
    return [
        LoadedPack(pack, {one.name: environment.get(one.name, one.default) for one in pack.settings})
        for pack in packs
    ]


async def install_packs(gateway: Gateway, packs: Sequence[LoadedPack]) -> None:
    """Put their tools into the registry. Raises `UnsafeSetting`."""
    for loaded in packs:
        try:
            await gateway.packs.install(loaded.pack)
        except ToolcribError as error:
            faults = "; ".join(
                f"{fault['path']}: {fault['message']}" for fault in error.details.get("errors", [])
            )
            said = f"{error.message} {faults}".strip()
            raise UnsafeSetting(
                f"{_SETTING}: the pack {loaded.pack.name} cannot be set up: {said}"
            ) from error


def _load(name: str) -> Pack:
    try:
        found = _import(name) if ":" in name else _entry_point(name)
    except UnsafeSetting:
        raise
    except Exception as error:  # a pack's module may raise anything
        step = "is it installed, and on PYTHONPATH?" if isinstance(error, ImportError) else "mend the pack"
        said = f"{type(error).__name__}: {error}"
        raise UnsafeSetting(f"{_SETTING}: {name} cannot be loaded: {said} ({step})") from error
    if not isinstance(found, Pack):
        raise UnsafeSetting(
            f"{_SETTING}: {name} is a {type(found).__name__}, not a toolcrib.Pack; name the object that is one"
        )
    return found


def _import(name: str) -> object:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _entry_point(name: str) -> object:
    points = importlib.metadata.entry_points(group=_GROUP)
    if name not in points.names:
        known = ", ".join(sorted(points.names)) or "none"
        raise UnsafeSetting(
            f"{_SETTING}: no installed package brings a pack {name} (there are: {known}); install it, or write module:attribute"
        )
    return points[name].load()


def _has(pack: Pack, tool: str) -> bool:
    return any(definition.name == tool for definition in pack.definitions)


def _refuse_twins(names: list[str], what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UnsafeSetting(f"{_SETTING}: two {what} {name}; load one of them")
