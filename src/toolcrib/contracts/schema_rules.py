"""What a user's JSON Schema may contain, and how its parts apply to a value. `schema` asks at save and at compile.

A schema in plain form (see `schema_plain`) is read into nodes, one for each subschema. `schema_cost` weighs them;
nothing here expands a `$ref`.
"""

import re
from collections.abc import Callable, Iterator
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

TOO_MANY_SUBSCHEMAS = f"holds more than {MAX_SUBSCHEMAS} subschemas; split the schema or simplify it"

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
REFS = ("$ref", "$dynamicRef", "$recursiveRef")
NOT_PLAIN = ("$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$dynamicRef", "$recursiveRef")

_POINTER_STEP = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")
_PLAIN_REF = re.compile(r"#(?:/|\Z)")
_NOT_LINEAR = re.compile(r"\(\?<?[=!]|\\[1-9]|\\k<")


@dataclass(slots=True)
class Node:
    """One subschema: the schemas it holds by keyword and key, and those that its references name."""

    pointer: str
    schema: dict[str, Any]
    parts: list[tuple[str, str, str]] = field(default_factory=list)
    refs: list[str] = field(default_factory=list)


class Reading:
    """A plain schema read into nodes; `faults` holds what is wrong with it, `nodes` is whole when there is none."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Read the whole document; the caller has checked its size and depth, and that it is plain."""
        self.faults: list[Fault] = []
        self.nodes: dict[str, Node] = {}
        self._document = document
        self._waiting: list[tuple[str, Any]] = [("", document)]
        while self._waiting and len(self.nodes) <= MAX_SUBSCHEMAS:
            self._read(*self._waiting.pop())
        if len(self.nodes) > MAX_SUBSCHEMAS:
            self.faults = [Fault("", TOO_MANY_SUBSCHEMAS)]
            return
        self._check_patterns()

    def _read(self, pointer: str, schema: object) -> None:
        if not isinstance(schema, dict) or pointer in self.nodes:
            return  # true, false, and what the meta-schema will refuse
        node = self.nodes[pointer] = Node(pointer, schema)
        self._check_keywords(node)
        for keyword, key, part in parts_of(schema):
            below = f"{pointer}/{keyword}{key}"
            self._waiting.append((below, part))
            if isinstance(part, dict):
                node.parts.append((keyword, key, below))
        if "$ref" in schema:
            self._read_ref(node, schema["$ref"])

    def _check_keywords(self, node: Node) -> None:
        dialect = node.schema.get("$schema")
        if dialect is not None and (
            node.pointer or not isinstance(dialect, str) or dialect.rstrip("#") not in _DRAFTS
        ):
            message = "must stand at the root only and name draft 2020-12, 2019-09, 7, 6 or 4"
            self._fault(f"{node.pointer}/$schema", message)
        if "$vocabulary" in node.schema:
            self._fault(f"{node.pointer}/$vocabulary", "own vocabularies are not supported; remove it")
        for keyword in NOT_PLAIN:
            if keyword in node.schema:
                self._fault(f"{node.pointer}/{keyword}", "may not stand in a plain schema")

    def _read_ref(self, node: Node, ref: object) -> None:
        where = f"{node.pointer}/$ref"
        if not isinstance(ref, str) or not _PLAIN_REF.match(ref):
            self._fault(where, "must be '#' or start with '#/' in a plain schema")
            return
        name = unquote(ref[1:])
        found, target = look_up(self._document, name)
        if not found:
            self._fault(where, "names no part of this schema")
        elif isinstance(target, dict):
            node.refs.append(name)
            self._waiting.append((name, target))

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
    """Say whether a document is an object of bounded size and depth, or a boolean, before anything looks deeper."""
    if isinstance(document, bool):
        return []
    if not isinstance(document, dict):
        return [Fault("", "a schema must be a JSON object, true or false")]
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


def parts_of(schema: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield the schemas that a schema holds, each with its keyword and its key there, written as a step or as nothing."""
    for keyword in _HOLDERS:
        held = schema.get(keyword)
        if isinstance(held, dict) and keyword in _NAMED:
            yield from ((keyword, f"/{escape(key)}", part) for key, part in held.items())
        elif isinstance(held, list):
            yield from ((keyword, f"/{position}", part) for position, part in enumerate(held))
        elif held is not None:
            yield keyword, "", held


def with_parts(schema: dict[str, Any], change: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Return a copy whose parts are changed; `change` is given the pointer to each from here."""
    made = dict(schema)
    for keyword in _HOLDERS:
        held = schema.get(keyword)
        if isinstance(held, dict) and keyword in _NAMED:
            made[keyword] = {key: change(f"/{keyword}/{escape(key)}", part) for key, part in held.items()}
        elif isinstance(held, list):
            made[keyword] = [change(f"/{keyword}/{place}", part) for place, part in enumerate(held)]
        elif isinstance(held, dict):
            made[keyword] = change(f"/{keyword}", held)
    return made


def look_up(document: object, pointer: str) -> tuple[bool, Any]:
    """Follow a JSON Pointer: whether it names something, and what."""
    found = document
    if not _POINTER_STEP.fullmatch(pointer):
        return False, None
    for step in pointer.split("/")[1:]:
        key = unescape(step)
        if isinstance(found, dict) and key in found:
            found = found[key]
        elif isinstance(found, list) and _INDEX.fullmatch(key) and int(key) < len(found):
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
