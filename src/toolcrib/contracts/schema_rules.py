"""What a user's JSON Schema may contain, and how its parts apply to a value. `schema` asks at save and at compile.

A schema is read into nodes, one for each subschema. `schema_cost` weighs them; nothing here expands a `$ref`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import jsonschema_rs
import orjson

from .faults import Fault

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32
MAX_SUBSCHEMAS = 1_000
MAX_PATTERNS = 200
MAX_LARGE_PATTERNS = 8  # each may cost the engine 2 MB and 5 ms
MAX_FAULTS = 100

SMALL_PATTERN = jsonschema_rs.RegexOptions(size_limit=2**16, dfa_size_limit=2**20)
ANY_PATTERN = jsonschema_rs.RegexOptions(size_limit=2**21, dfa_size_limit=2**20)

_DRAFTS = frozenset(
    {f"https://json-schema.org/draft/{year}/schema" for year in ("2020-12", "2019-09")}
    | {f"http://json-schema.org/draft-0{number}/schema" for number in (7, 6, 4)}
)

# Where a schema holds schemas: applied to the same value, applied to what the value holds, or only kept.
IN_PLACE = frozenset(
    ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies")
)
_NAMED = frozenset(
    ("dependentSchemas", "dependencies", "properties", "patternProperties", "$defs", "definitions")
)
_HOLDERS = (
    *sorted(IN_PLACE),
    *("properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames"),
    *("prefixItems", "items", "additionalItems", "unevaluatedItems", "contains"),
    *("$defs", "definitions", "contentSchema"),
)
_REFS = ("$ref", "$dynamicRef", "$recursiveRef")

_POINTER_STEP = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_NOT_LINEAR = re.compile(r"\(\?<?[=!]|\\[1-9]|\\k<")


@dataclass(slots=True)
class Node:
    """One subschema: the schemas it holds by keyword and key, and those that its references name."""

    pointer: str
    schema: dict[str, Any]
    parts: list[tuple[str, str, str]] = field(default_factory=list)
    refs: list[str] = field(default_factory=list)


class Reading:
    """A schema document read into nodes; `faults` holds what is wrong with it, `nodes` is whole when there is none."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Read the whole document; the caller has checked its size and depth."""
        self.faults: list[Fault] = []
        self.nodes: dict[str, Node] = {}
        self._document = document
        self._anchors: dict[str, list[str]] = {}
        self._named_refs: list[tuple[Node, str, str]] = []
        self._waiting: list[tuple[str, Any]] = [("", document)]
        while self._waiting and len(self.nodes) <= MAX_SUBSCHEMAS:
            self._read(*self._waiting.pop())
        if len(self.nodes) > MAX_SUBSCHEMAS:
            self.faults = [
                Fault("", f"holds more than {MAX_SUBSCHEMAS} subschemas; split the schema or simplify it")
            ]
            return
        self._settle_named_refs()
        self._check_patterns()

    def _read(self, pointer: str, schema: object) -> None:
        if not isinstance(schema, dict) or pointer in self.nodes:
            return  # true, false, and what the meta-schema will refuse
        node = self.nodes[pointer] = Node(pointer, schema)
        self._check_identity(node)
        for keyword, key, part in _parts(schema):
            below = f"{pointer}/{keyword}{key}"
            self._waiting.append((below, part))
            if isinstance(part, dict):
                node.parts.append((keyword, key, below))
        for keyword in _REFS:
            if keyword in schema:
                self._read_ref(node, keyword, schema[keyword])

    def _check_identity(self, node: Node) -> None:
        schema, root = node.schema, not node.pointer
        dialect = schema.get("$schema")
        if dialect is not None and (
            not root or not isinstance(dialect, str) or dialect.rstrip("#") not in _DRAFTS
        ):
            message = "must stand at the root only and name draft 2020-12, 2019-09, 7, 6 or 4"
            self._fault(f"{node.pointer}/$schema", message)
        if "$vocabulary" in schema:
            self._fault(f"{node.pointer}/$vocabulary", "own vocabularies are not supported; remove it")
        for keyword in ("$id", "id"):
            name = schema.get(keyword)
            if isinstance(name, str) and name.startswith("#"):
                self._anchors.setdefault(name[1:], []).append(node.pointer)
            elif isinstance(name, str) and not root:
                self._fault(
                    f"{node.pointer}/{keyword}", "only the root may have an id; refer to parts with '#/…'"
                )
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(schema.get(keyword), str):
                self._anchors.setdefault(schema[keyword], []).append(node.pointer)

    def _read_ref(self, node: Node, keyword: str, ref: object) -> None:
        where = f"{node.pointer}/{keyword}"
        if not isinstance(ref, str) or not ref.startswith("#"):
            self._fault(where, "must start with '#': a reference may only name a part of the same schema")
            return
        name = unquote(ref[1:])
        if name and not name.startswith("/"):
            self._named_refs.append((node, where, name))
            return
        found, target = look_up(self._document, name)
        if not found:
            self._fault(where, "names no part of this schema")
        elif isinstance(target, dict):
            node.refs.append(name)
            self._waiting.append((name, target))

    def _settle_named_refs(self) -> None:
        """Link each `#name` to every schema of that name: which one a `$dynamicRef` means is known only at run time."""
        for node, where, name in self._named_refs:
            if name in self._anchors:
                node.refs.extend(self._anchors[name])
            else:
                self._fault(where, "names no anchor of this schema")

    def _check_patterns(self) -> None:
        """Try each pattern on the engine, few enough of them that a save stays quick."""
        places = {pattern: where for where, pattern in self._patterns()}
        if len(places) > MAX_PATTERNS:
            self._fault("", f"holds more than {MAX_PATTERNS} patterns; use enum, or fewer patterns")
            return
        large = [pattern for pattern in places if not _compiles(pattern, SMALL_PATTERN)]
        for pattern in large[:MAX_LARGE_PATTERNS]:
            if not _compiles(pattern, ANY_PATTERN):
                self._fault(places[pattern], _why_no_pattern(pattern))
        if len(large) > MAX_LARGE_PATTERNS:
            where = places[large[MAX_LARGE_PATTERNS]]
            self._fault(
                where, f"is one large pattern too many ({MAX_LARGE_PATTERNS}); use minLength and maxLength"
            )

    def _patterns(self) -> Iterator[tuple[str, str]]:
        for node in self.nodes.values():
            pattern, keyed = node.schema.get("pattern"), node.schema.get("patternProperties")
            if isinstance(pattern, str):
                yield f"{node.pointer}/pattern", pattern
            for key in keyed if isinstance(keyed, dict) else ():
                yield f"{node.pointer}/patternProperties/{escape(key)}", key

    def _fault(self, where: str, message: str) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(where, message))


def shape_faults(document: object) -> list[Fault]:
    """Say whether a document is an object of bounded size and depth, before anything looks deeper."""
    if not isinstance(document, dict):
        return [Fault("", "a schema must be a JSON object")]
    try:
        size = len(orjson.dumps(document, option=orjson.OPT_PASSTHROUGH_DATETIME))
    except TypeError as error:
        return [Fault("", f"is not plain JSON: {error}")]
    if size > MAX_BYTES:
        return [Fault("", f"is larger than {MAX_BYTES // 1024} KB; split the schema or shorten its texts")]
    if depth_of(document, MAX_DEPTH) > MAX_DEPTH:
        return [Fault("", f"is nested more than {MAX_DEPTH} levels deep; move parts to $defs")]
    return []


def depth_of(value: object, limit: int) -> int:
    """Count the levels of objects and arrays, stopping one beyond the limit."""
    level, depth = [value], 0
    while depth <= limit:
        holders = [item for item in level if isinstance(item, (dict, list))]
        if not holders:
            break
        level = [item for held in holders for item in (held.values() if isinstance(held, dict) else held)]
        depth += 1
    return depth


def escape(key: str) -> str:
    """Write a key as one step of a JSON Pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def unescape(step: str) -> str:
    """Read the key that one step of a JSON Pointer names."""
    return step.replace("~1", "/").replace("~0", "~")


def _parts(schema: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for keyword in _HOLDERS:
        held = schema.get(keyword)
        if isinstance(held, dict) and keyword in _NAMED:
            yield from ((keyword, f"/{escape(key)}", part) for key, part in held.items())
        elif isinstance(held, list):
            yield from ((keyword, f"/{position}", part) for position, part in enumerate(held))
        elif held is not None:
            yield keyword, "", held


def look_up(document: object, pointer: str) -> tuple[bool, Any]:
    """Follow a JSON Pointer: whether it names something, and what."""
    found = document
    if not _POINTER_STEP.fullmatch(pointer):
        return False, None
    for step in pointer.split("/")[1:]:
        key = unescape(step)
        if isinstance(found, dict) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isdecimal() and key.isascii() and int(key[:6]) < len(found):
            found = found[int(key)]
        else:
            return False, None
    return True, found


def _compiles(pattern: str, options: jsonschema_rs.RegexOptions) -> bool:
    try:
        jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=options, offline=True)
    except ValueError:
        return False
    return True


def _why_no_pattern(pattern: str) -> str:
    if _NOT_LINEAR.search(pattern):
        return "look-around and back-references are refused: their cost has no bound"
    return "is not a regular expression of this house, or its counted repetitions are too large"
