"""A schema whose `$schema` names a meta-schema that it holds itself: which keywords that one leaves without a meaning."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .faults import Fault
from .schema_refs import Names, Resource, is_written, meta_schemas

_ALWAYS = "/vocab/core"


@dataclass(frozen=True, slots=True)
class Dialect:
    """The keywords left out of the standard's, and the place of the meta-schema that says so; none as a rule."""

    place: str | None = None
    left_out: frozenset[str] = frozenset()
    faults: list[Fault] = field(default_factory=list)


def dialect_of(names: Names, document: Mapping[str, Any]) -> Dialect:
    """The dialect that a document chooses with the `$vocabulary` of a meta-schema among its parts."""
    named = document.get("$schema")
    place = names.place_of(named) if isinstance(named, str) else None
    meta = names.at(place) if place and is_written(place) else {}
    chosen = meta.get("$vocabulary")
    if not isinstance(chosen, dict) or not says_standard(names, meta):
        return Dialect()
    known = _keywords(names.draft.address)
    faults = [
        Fault(f"{place}/$vocabulary", f"asks for {name}, which is not known here")
        for name, needed in chosen.items()
        if needed is True and name not in known
    ]
    kept = {name for name in known if name in chosen or name.endswith(_ALWAYS)}
    left_out = frozenset().union(*(known[name] for name in known.keys() - kept))
    return Dialect(place, left_out.difference(*(known[name] for name in kept)), faults)


def follows_standard(names: Names, resource: Resource) -> bool:
    """Whether a resource says, itself or through one around it, that it follows the draft as it stands."""
    while resource.place:
        if says_standard(names, names.at(resource.place)):
            return True
        resource = names.resources[resource.around or ""]
    return False


def says_standard(names: Names, schema: Mapping[str, Any]) -> bool:
    """Whether a schema says that it follows the draft of its document."""
    named = schema.get("$schema")
    return isinstance(named, str) and named.rstrip("#") == names.draft.address


def _keywords(draft: str) -> dict[str, frozenset[str]]:
    """The keywords of each vocabulary of a draft: each is described in a document of its own."""
    described = [schema for schema in meta_schemas(draft).values() if len(schema.get("$vocabulary", ())) == 1]
    return {next(iter(schema["$vocabulary"])): frozenset(schema["properties"]) for schema in described}
