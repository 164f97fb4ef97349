"""Loads the packs that the operator names, and puts their tools at the counter. Whatever is wrong refuses the start by name."""

import importlib
import importlib.metadata
from collections.abc import Mapping, Sequence

from toolcrib.contracts.contract import parse_contract
from toolcrib.contracts.errors import Invalid, ToolcribError
from toolcrib.contracts.pack import Pack
from toolcrib.gateway import Gateway
from toolcrib.kit.logging import logger
from toolcrib.providers.python import LoadedPack, PythonProvider

from .settings import UnsafeSetting

_GROUP = "toolcrib.packs"
_SETTING = "TOOLCRIB_PACKS"
_log = logger("packs")


def load_packs(names: str, environment: Mapping[str, str]) -> list[LoadedPack]:
    """The packs of the setting, each with the values of its own settings. Raises `UnsafeSetting`."""
    packs = [_load(name, environment) for name in (entry.strip() for entry in names.split(",")) if name]
    _refuse_twins(packs)
    return [with_settings(pack, environment) for pack in packs]


def with_settings(pack: Pack, environment: Mapping[str, str]) -> LoadedPack:
    """A pack with the values of its own settings."""
    return LoadedPack(pack, {one.name: environment.get(one.name, one.default) for one in pack.settings})


async def install_packs(gateway: Gateway, packs: Sequence[LoadedPack]) -> None:
    """Put their tools into the registry. Raises `UnsafeSetting`."""
    for loaded in packs:
        try:
            await gateway.packs.install(loaded.pack, loaded.settings)
        except ToolcribError as error:
            said = f"the pack {loaded.pack.name} cannot be set up: {_said(error)}"
            raise UnsafeSetting(f"{_SETTING}: {said}") from error


async def tell_missing(gateway: Gateway, python: PythonProvider) -> None:
    """Log each Python tool that is still in the registry and cannot be run."""
    for tool in await gateway.packs.stored():
        why = python.missing(parse_contract(tool.document()))
        if why is not None:
            _log.warning(why, tool=tool.name)


def _load(name: str, environment: Mapping[str, str]) -> Pack:
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
    for document in found.documents(environment):
        try:
            parse_contract(document)
        except Invalid as error:
            said = f"the tool {document['name']}: {_said(error)}"
            raise UnsafeSetting(f"{_SETTING}: {name} cannot be loaded: {said}") from error
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


def _refuse_twins(packs: Sequence[Pack]) -> None:
    """A name is one pack's, and a tool's name one tool's: whichever came last would win otherwise."""
    owners: dict[str, str] = {}
    for pack in packs:
        for what in (f"pack {pack.name}", *(f"tool {name}" for name in pack.tool_names)):
            if what in owners:
                both = f"with {owners[what]} and with {pack.name}"
                raise UnsafeSetting(f"{_SETTING}: the {what} comes twice, {both}; load one of them")
            owners[what] = pack.name


def _said(error: ToolcribError) -> str:
    faults = [f"{fault['path']}: {fault['message']}" for fault in error.details.get("errors", [])]
    return " ".join([error.message, "; ".join(faults)]).strip()
