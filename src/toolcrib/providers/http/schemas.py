"""What a mapping needs to know of a schema: which properties it names, and which of them are numbers."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from toolcrib.contracts.schema import compile_schema
from toolcrib.contracts.schema_rules import look_up

_BRANCHES = ("allOf", "anyOf", "oneOf")
# Enough for honest schemas; what is combined of more simply ends here.
_MAX_PARTS = 256


def properties(schema: Mapping[str, Any] | None) -> dict[str, list[Any]]:
    """Each top-level property that a checked schema names, also through references, `allOf`, `anyOf`, `oneOf`, with its schemas."""
    found: dict[str, list[Any]] = {}
    root = plain_form(schema)
    for part in parts(root, root):
        named = part.get("properties")
        for name, of in named.items() if isinstance(named, dict) else ():
            found.setdefault(name, []).append(of)
    return found


def plain_form(schema: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A checked schema with no other references than `#/…`, which is what `types` and `parts` follow."""
    return None if schema is None else compile_schema(schema).plain


def types(root: Mapping[str, Any] | None, schemas: list[Any]) -> frozenset[str]:
    """Every JSON type that these schemas of `root`, a schema in plain form, speak of."""
    spoken: set[str] = set()
    for schema in schemas:
        for part in parts(root, schema):
            kind = part.get("type")
            spoken.update([kind] if isinstance(kind, str) else kind if isinstance(kind, list) else [])
    return frozenset(spoken)


def is_object(schema: Mapping[str, Any] | None) -> bool:
    """Whether the root is an object: it says so, or it names properties and no type."""
    if schema is None:
        return False
    return bool(schema.get("type", "object" if "properties" in schema else None) == "object")


def parts(root: Mapping[str, Any] | None, schema: Any) -> Iterator[Mapping[str, Any]]:
    """The schema and all that applies to the same value beside it."""
    pending = [schema]
    for _ in range(_MAX_PARTS):
        if not pending:
            return
        part = pending.pop()
        if not isinstance(part, Mapping):
            continue
        yield part
        for branches in (part.get(keyword) for keyword in _BRANCHES):
            pending += branches if isinstance(branches, list) else []
        pending += _referred(root, part.get("$ref"))


def _referred(root: Mapping[str, Any] | None, reference: Any) -> list[Any]:
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return []
    _, found = look_up(root, unquote(reference[1:]))
    return [found]
