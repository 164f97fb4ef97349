"""A schema in a few words: its fields with those inside of them, and a value to begin with. The rest stands in the JSON."""

import json
from collections.abc import Iterator
from typing import Any

_LONGEST = 60
_DEEPEST = 4
"""Levels that are told; a schema may hold itself."""
_SAMPLES = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}


def fields_of(schema: Any, *, told: bool = True) -> list[tuple[str, str]]:
    """Each field and what it takes, those of an object below it and indented. `told` says whether a field is needed, which
    is of no use in an output.
    """
    return list(_fields(schema, schema, 0, told=told))


def kind(schema: Any) -> str:
    """What a schema takes."""
    return _kind(schema, schema, 0)


def sample(schema: Any) -> dict[str, Any]:
    """An input with a value for each field that is needed."""
    value = _object(schema, schema, 0)
    return value if isinstance(value, dict) else {}


def _fields(root: Any, schema: Any, depth: int, *, told: bool) -> Iterator[tuple[str, str]]:
    inner = _inside(root, schema)
    needed = inner.get("required", []) if told else []
    for name, one in _properties(inner).items():
        words = f"{_kind(root, one, 0)}{', required' if name in needed else ''}"
        about = one.get("description") if isinstance(one, dict) else None
        yield "  " * depth + name, f"{words}: {about}" if about else words
        if depth + 1 < _DEEPEST:
            yield from _fields(root, one, depth + 1, told=told)


def _inside(root: Any, schema: Any) -> dict[str, Any]:
    """The object that a value is, holds in its list, or may be beside null."""
    found = _resolved(root, schema)
    if _properties(found):
        return found
    for inner in (found.get("items"), *_choices(found)):
        if _properties(resolved := _resolved(root, inner)):
            return resolved
        if _properties(listed := _resolved(root, resolved.get("items"))):
            return listed
    return {}


def _kind(root: Any, schema: Any, depth: int) -> str:
    if schema is False:
        return "nothing"
    found = _resolved(root, schema)
    if "const" in found or "enum" in found:
        values = found.get("enum", [found.get("const")])
        words = ", ".join(json.dumps(one, ensure_ascii=False) for one in values)
        return f"one of {words}" if len(words) <= _LONGEST else f"one of {words[:_LONGEST]}…"
    if choices := _choices(found):
        words = (
            " or ".join(dict.fromkeys(_kind(root, one, depth + 1) for one in choices))
            if depth < _DEEPEST
            else ""
        )
        return words if 0 < len(words) <= _LONGEST else "anything"
    kinds = found.get("type", "object" if "properties" in found else "anything")
    told = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    items = found.get("items")
    deeper = told == "array" and isinstance(items, dict) and depth < _DEEPEST
    return f"{told} of {_kind(root, items, depth + 1)}" if deeper else told


def _object(root: Any, schema: Any, depth: int) -> Any:
    found = _resolved(root, schema)
    fields = _properties(found)
    needed = [name for name in found.get("required", []) if fields] if depth < _DEEPEST else []
    return {name: _value(root, fields.get(name), depth + 1) for name in needed}


def _value(root: Any, schema: Any, depth: int) -> Any:
    own = schema if isinstance(schema, dict) else {}
    known = {**_resolved(root, schema), **own}
    for word in ("const", "default"):
        if word in known:
            return known[word]
    given = [*known.get("examples", []), *known.get("enum", [])]
    if given:
        return given[0]
    if choices := _choices(known):
        return _value(root, choices[0], depth + 1) if depth < _DEEPEST else None
    if _properties(known):
        return _object(root, known, depth)
    kinds = known.get("type")
    return _SAMPLES.get(kinds if isinstance(kinds, str) else "", "…")


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    fields = schema.get("properties")
    return fields if isinstance(fields, dict) else {}


def _choices(schema: dict[str, Any]) -> list[Any]:
    """What a value may be, one or the other; a single part of `allOf` is what it is."""
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list):
            return list(schema[word])
    whole = schema.get("allOf")
    return list(whole) if isinstance(whole, list) and len(whole) == 1 else []


def _resolved(root: Any, schema: Any) -> dict[str, Any]:
    """What a reference inside of the document leads to; nothing for one that leads elsewhere, or round and round."""
    found = schema
    for _ in range(_DEEPEST * 2):
        reference = found.get("$ref") if isinstance(found, dict) else None
        if not isinstance(reference, str):
            return found if isinstance(found, dict) else {}
        found = _at(root, reference)
    return {}


def _at(root: Any, reference: str) -> Any:
    if not (reference == "#" or reference.startswith("#/")):
        return {}
    found = root
    for segment in reference[2:].split("/") if reference != "#" else []:
        name = segment.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found
