"""What a contract holds for each kind of tool: the blocks beside `api` and `mapping`, and which block belongs to which kind."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from .faults import Fault

_CLOSED = ConfigDict(extra="forbid", strict=True, frozen=True)
_BLOCKS: Mapping[str, frozenset[str]] = {
    "http": frozenset({"api", "mapping"}),
    "python": frozenset({"python", "secrets"}),
    "dummy": frozenset({"dummy"}),
}
_REQUIRED = {"http": "api", "python": "python"}


class PythonFunction(BaseModel):
    """Where a `python` tool comes from: the function of that name in a pack that the operator has loaded."""

    model_config = _CLOSED
    pack: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    function: Annotated[str, StringConstraints(min_length=1, max_length=128)]


class DummyFailure(BaseModel):
    """The error that a `dummy` tool answers instead of an output."""

    model_config = _CLOSED
    code: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
    message: Annotated[str, StringConstraints(max_length=512)] = ""


class Dummy(BaseModel):
    """What a `dummy` tool does: wait `delay` seconds, then answer. Without `output` it repeats what it was given."""

    model_config = _CLOSED
    delay: Annotated[int | float, Field(ge=0, le=3600)] = 0
    output: Any = None
    fail: DummyFailure | None = None


def kind_faults(document: Mapping[str, Any]) -> list[Fault]:
    """The block that the kind of a submitted contract needs and lacks, and the blocks of other kinds in it."""
    kind = document.get("kind", "http")
    if not isinstance(kind, str) or kind not in _BLOCKS:
        return []
    needed = _REQUIRED.get(kind)
    faults = [Fault(f"/{needed}", "Field required")] if needed and document.get(needed) is None else []
    return faults + [
        Fault(f"/{name}", f"belongs to kind {other}; this tool is of kind {kind}")
        for other, names in _BLOCKS.items()
        for name in sorted(names & document.keys())
        if other != kind
    ]


def blocks_of_others(kind: str) -> set[str]:
    """The fields that a stored contract of this kind does not show."""
    return {name for names in _BLOCKS.values() for name in names} - _BLOCKS[kind]
