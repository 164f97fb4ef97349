"""What the ledger does not keep of a payload: values that a schema marks `writeOnly`, and values under the name of a secret.

Names as the exceptions platform lists them (`domain/exceptions.md` §4), word by word: `tokens_used` is no token.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import orjson

from .schema_rules import look_up

REDACTED = "[REDACTED]"
# A text without any of these holds no such name: most payloads are looked at once and left alone.
_HINT = re.compile(
    rb"passw|secret|api.?key|token|credential|private.?key|bearer|authori[sz]ation|sk[-_]|tcb_", re.IGNORECASE
)
# Keys that are known by their form, wherever in a text; none of these characters is special in JSON.
_IN_TEXT = re.compile(rb"(?i:(bearer +))[A-Za-z0-9._~+/=-]{8,}|\b(?:sk[-_]|tcb_)[A-Za-z0-9_-]{16,}")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NAMES = frozenset(
    ("password", "passwd", "secret", "apikey", "token", "credential", "credentials", "privatekey", "clientsecret", "apisecret", "bearer",
     "authorization", "authorisation", "authtoken", "accesstoken", "refreshtoken")
)  # fmt: skip
_PAIRS = frozenset(("api key", "private key"))
_IN_PLACE = ("allOf", "anyOf", "oneOf", "if", "then", "else")


@dataclass(slots=True)
class Mark:
    """What a schema marks at one value: the value itself, and what lies below it."""

    here: bool = False
    members: dict[str, "Mark"] = field(default_factory=dict)
    other_members: "Mark | None" = None
    items: "Mark | None" = None

    def member(self, name: str) -> "Mark | None":
        """What is marked at a member."""
        return self.members.get(name, self.other_members)


class Redactor:
    """Strikes the secrets out of payloads of one schema."""

    def __init__(self, schema: Mapping[str, Any] | None) -> None:
        self._mark = _Marks(schema).root if schema is not None and _mentions(schema) else None

    def redact(self, written: bytes, value: Any) -> bytes:
        """The JSON text as it may be stored; `value` is what it says. The same object where nothing is struck out."""
        if self._mark is None and _HINT.search(written) is None:
            return written
        return _IN_TEXT.sub(_leave_scheme, orjson.dumps(_struck(value, self._mark)))


def is_secret_name(name: str) -> bool:
    """Whether a member's name says that its value is a secret, however it is written."""
    words = [word.lower() for word in _WORD.findall(name)]
    pairs = {f"{first} {second}" for first, second in pairwise(words)}
    return not _NAMES.isdisjoint(words) or not _PAIRS.isdisjoint(pairs)


def _leave_scheme(found: re.Match[bytes]) -> bytes:
    return (found[1] or b"") + REDACTED.encode()


def _mentions(schema: Mapping[str, Any]) -> bool:
    return b'"writeOnly":true' in orjson.dumps(schema)


def _struck(value: Any, mark: Mark | None) -> Any:
    if mark is not None and mark.here:
        return REDACTED
    if isinstance(value, dict):
        return {
            name: REDACTED
            if is_secret_name(name) and child is not None
            else _struck(child, mark and mark.member(name))
            for name, child in value.items()
        }
    if isinstance(value, list):
        return [_struck(child, mark and mark.items) for child in value]
    return value


class _Marks:
    """The marks of a schema; each subschema is read once, so what refers to itself ends."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._read: dict[int, Mark] = {}
        self.root = self._of(schema)

    def _of(self, schema: Any) -> Mark:
        known = self._read.get(id(schema))
        if known is not None:
            return known
        mark = self._read[id(schema)] = Mark()
        if isinstance(schema, Mapping):
            self._fill(mark, schema)
        return mark

    def _fill(self, mark: Mark, schema: Mapping[str, Any]) -> None:
        mark.here = schema.get("writeOnly") is True
        for name, child in _mapping(schema.get("properties")).items():
            mark.members[name] = self._of(child)
        if "additionalProperties" in schema:
            mark.other_members = self._of(schema["additionalProperties"])
        if "items" in schema:
            mark.items = self._of(schema["items"])
        for other in self._in_place(schema):
            _merge(mark, self._of(other))

    def _in_place(self, schema: Mapping[str, Any]) -> Iterator[Any]:
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith("#"):
            found, target = look_up(self._schema, reference[1:])
            if found:
                yield target
        for keyword in _IN_PLACE:
            parts = schema.get(keyword)
            yield from parts if isinstance(parts, list) else [] if parts is None else [parts]


def _merge(into: Mark, other: Mark) -> None:
    into.here = into.here or other.here
    for name, mark in other.members.items():
        into.members.setdefault(name, mark)
    into.other_members = into.other_members or other.other_members
    into.items = into.items or other.items


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
