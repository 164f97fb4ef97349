"""What a contract of any kind must hold before it is registered: every fault, each with its place."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import orjson

from .contract import Contract, normal_version
from .faults import Fault
from .names import is_tool_id, is_tool_name
from .paths import PathError, parse_path
from .principal import Role
from .schema import CompiledSchema, SchemaRefused, compile_schema
from .terms import Link

MAX_CONFIG = 256_000
"""Bytes of a contract as it is stored: every version of it stays, and lists show many."""
_LIKE_AN_ID = "this has the form of a tool's id; choose a name such as namespace.action"


def contract_faults(contract: Contract) -> list[Fault]:
    """Every fault of its schemas, its examples and its names. What one kind of tool wants beside is its provider's."""
    if len(orjson.dumps(contract.document())) > MAX_CONFIG:
        return [Fault("", f"the config is larger than {MAX_CONFIG:,} bytes as it is stored; say less")]
    faults = [*_name_faults(contract), *_deprecation_faults(contract), *_requirement_faults(contract)]
    taken = _compiled("/input_schema", contract.input_schema, faults)
    given = _compiled("/output_schema", contract.output_schema, faults)
    if isinstance(contract.impact, dict):
        _compiled("/impact/when", contract.impact["when"], faults)
    for at, error in enumerate(contract.errors):
        _compiled(f"/errors/{at}/when/schema", error.when.get("schema"), faults)
    return [*faults, *_example_faults(contract, taken, given)]


def _compiled(where: str, schema: dict[str, Any] | None, faults: list[Fault]) -> CompiledSchema | None:
    if schema is None:
        return None
    try:
        return compile_schema(schema)
    except SchemaRefused as refused:
        faults += _under(where, refused.faults)
        return None


def _under(where: str, faults: Sequence[Fault]) -> Iterator[Fault]:
    return (Fault(where + fault.path, fault.message) for fault in faults)


def _name_faults(contract: Contract) -> Iterator[Fault]:
    if is_tool_id(contract.name):
        yield Fault("/name", _LIKE_AN_ID)
    seen = {contract.name}
    for at, alias in enumerate(contract.aliases):
        if is_tool_id(alias):
            yield Fault(f"/aliases/{at}", _LIKE_AN_ID)
        elif not is_tool_name(alias):
            yield Fault(f"/aliases/{at}", "use namespace.action in lower snake case")
        elif alias in seen:
            yield Fault(f"/aliases/{at}", "is the tool's name, or stands here twice")
        seen.add(alias)


def _deprecation_faults(contract: Contract) -> Iterator[Fault]:
    found = contract.deprecated
    if found is None:
        return
    if found.since is not None and normal_version(found.since) is None:
        yield Fault("/deprecated/since", "use a version such as 1.3.0")
    if found.sunset is not None and not _is_day(found.sunset):
        yield Fault("/deprecated/sunset", "use a day such as 2027-03-01")
    if found.use is not None and not is_tool_name(found.use):
        yield Fault("/deprecated/use", "name the tool to use instead")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _requirement_faults(contract: Contract) -> Iterator[Fault]:
    for at, role in enumerate(contract.requires.roles if contract.requires else ()):
        if role not in set(Role):
            yield Fault(f"/requires/roles/{at}", f"is no role; use one of {', '.join(Role)}")
    yield from _subject_faults(contract)


def _subject_faults(contract: Contract) -> Iterator[Fault]:
    if contract.requires is None:
        return
    subjects, listed = contract.requires.subjects, isinstance(contract.requires.subject, list)
    known, closed = contract.input_schema.get("properties"), contract.input_schema.get("additionalProperties")
    for at, subject in enumerate(subjects):
        path = f"/requires/subject/{at}" if listed else "/requires/subject"
        if subject.type in [earlier.type for earlier in subjects[:at]]:
            yield Fault(f"{path}/type", f"stands twice; a subject of type {subject.type} is bound in one way")
        if closed is False and isinstance(known, dict) and subject.argument not in (None, *known):
            yield Fault(f"{path}/argument", f"`{subject.argument}` is no property of input_schema.")
        if subject.link is not None:
            yield from _link_faults(path, subject.argument, subject.link)


def _link_faults(path: str, argument: str | None, link: Link) -> Iterator[Fault]:
    if argument is None:
        yield Fault(f"{path}/link", "leads to nothing without `argument`, the input that is bound to it")
    try:
        parse_path(link.output)
    except PathError as wrong:
        yield Fault(f"{path}/link/output", str(wrong))


def _example_faults(
    contract: Contract, taken: CompiledSchema | None, given: CompiledSchema | None
) -> Iterator[Fault]:
    for at, example in enumerate(contract.examples):
        if taken is not None:
            yield from _under(f"/examples/{at}/input", taken.faults(example.input))
        if given is not None and "output" in example.model_fields_set:
            yield from _under(f"/examples/{at}/output", given.faults(example.output))
