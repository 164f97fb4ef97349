"""The one JSON loader, for request bodies and upstream replies, and its writer.

Every door and every provider reads through `loads`: two parsers that disagree on one text are a hole.
"""

import re
from codecs import BOM_UTF8
from math import inf
from typing import TypeAlias

import jiter
import orjson

JsonValue: TypeAlias = dict[str, "JsonValue"] | list["JsonValue"] | str | int | float | bool | None

MIN_INTEGER = -(2**63)
MAX_INTEGER = 2**64 - 1
MAX_VALUES = 500_000
"""Values that one text may hold: each costs a Python object, however short it is written."""

# One pass in C makes every digit `0` and `E` small and drops `+`. A number that is out of range then shows
# one of the marks; so may the text of a string, hence a mark is only a reason to look closer.
_SHAPE = bytes(ord("0") if chr(i) in "0123456789" else ord("e") if chr(i) == "E" else i for i in range(256))
_MANY_DIGITS = b"0" * 19
_LARGE_EXPONENT = b"e000"
# Where values are so many bytes long, it takes less to look at each of them than at each byte.
_LONG = 256

# What jiter says, and what we say instead: its own words may hold a key of the body, and name no remedy.
_REASONS = {
    "Detected duplicate key": "An object has the same key twice. Send each key once",
    "invalid unicode code point": "The text is not valid UTF-8. Send UTF-8",
    "hex escape": "A string holds half of a surrogate pair. Send whole characters",
    "recursion limit exceeded": "The JSON is nested too deeply. Send a flatter value",
    "number out of range": "A number is too large. Send it as a string",
    "EOF while parsing": "The JSON ends too early. Send the whole text",
    "trailing characters": "Something follows the JSON value. Send one value only",
}
_INFINITE = frozenset((inf, -inf))
_PLACE = re.compile(r" at (line \d+ column \d+)\Z")


class JsonRefused(ValueError):
    """A text is not JSON as this house takes it; `reason` says what, where and what to do, and quotes nothing."""

    def __init__(self, reason: str) -> None:
        """Keep the reason for the door that answers."""
        super().__init__(reason)
        self.reason = reason


def loads(data: bytes, *, max_depth: int = 64) -> JsonValue:
    """Read one JSON text strictly: what two parsers might read in two ways raises `JsonRefused`."""
    opened = data.count(b"[") + data.count(b"{")
    openings = opened + data.count(b",")
    if openings > MAX_VALUES:
        _refuse_many_values(data)
    suspicious = openings * _LONG < len(data) or _may_be_out_of_range(data)
    try:
        value: JsonValue = jiter.from_json(
            data, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys"
        )
    except ValueError as error:
        raise JsonRefused(_reason(data, str(error))) from None  # the cause could quote the body in a log
    if suspicious or opened > max_depth:
        _refuse_depth_and_range(value, max_depth, look_at_numbers=suspicious)
    return value


def loads_own(data: bytes) -> JsonValue:
    """Read JSON that this house wrote: whatever bounds there are stood before it was written."""
    value: JsonValue = orjson.loads(data)
    return value


Written = orjson.Fragment
"""JSON text that `dumps` takes over as it is."""


def dumps(value: object) -> bytes:
    """Write a JSON value compactly, or raise `JsonRefused` when it is none; a NaN is written as `null`."""
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise JsonRefused(
            f"The value cannot be written as JSON: {error}. Use plain JSON values only."
        ) from error


def canonical(value: object) -> bytes:
    """One text for one value, whatever the order of its keys; raises `JsonRefused` when it is none."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise JsonRefused(
            f"The value cannot be written as JSON: {error}. Use plain JSON values only."
        ) from error


def _may_be_out_of_range(data: bytes) -> bool:
    shape = data.translate(_SHAPE, b"+")
    return _MANY_DIGITS in shape or _LARGE_EXPONENT in shape


def _refuse_many_values(data: bytes) -> None:
    """Every value but the first follows a comma or opens its object or array. Nothing is built here, and no pass costs
    more than reading the text: openings are counted in it as it stands first, and here without its strings.
    """
    unescaped = data.replace(rb"\\", b"").replace(rb"\"", b"")
    quotes = unescaped.count(b'"')  # a text within the bound has two strings to a value at most
    if quotes > 4 * MAX_VALUES or _openings(b"".join(unescaped.split(b'"')[::2])) > MAX_VALUES:
        raise JsonRefused(f"The JSON holds more than {MAX_VALUES:,} values. Send fewer at once.")


def _openings(data: bytes) -> int:
    return data.count(b",") + data.count(b"[") + data.count(b"{")


def _refuse_depth_and_range(value: JsonValue, max_depth: int, *, look_at_numbers: bool) -> None:
    """Walk level by level, so that depth costs no stack."""
    level: list[JsonValue] = [value]
    for _ in range(max_depth + 1):
        if look_at_numbers:
            _refuse_numbers_out_of_range(level)
        containers = [node for node in level if isinstance(node, (dict, list))]
        if not containers:
            return
        level = [
            child for node in containers for child in (node.values() if isinstance(node, dict) else node)
        ]
    raise JsonRefused(f"The JSON is nested more than {max_depth} levels deep. Send a flatter value.")


def _refuse_numbers_out_of_range(level: list[JsonValue]) -> None:
    for node in level:
        kind = type(node)
        if kind is int and not MIN_INTEGER <= node <= MAX_INTEGER:  # type: ignore[operator]  # kind tells
            raise JsonRefused("An integer does not fit into 64 bits. Send it as a string.")
        if kind is float and node in _INFINITE:
            raise JsonRefused("A number is too large for a 64-bit float. Send it as a string.")


def _reason(data: bytes, said: str) -> str:
    if data.startswith(BOM_UTF8):
        return "The text starts with a byte order mark. Send UTF-8 without it."
    if not data.strip(b" \t\r\n"):
        return "The body is empty. Send a JSON value."
    place = _PLACE.search(said)
    reason = next(
        (ours for theirs, ours in _REASONS.items() if theirs in said), "The text is not JSON. Send valid JSON"
    )
    return f"{reason}; see {place.group(1)}." if place else f"{reason}."
