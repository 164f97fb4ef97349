"""What the ledger does not keep of a payload: values that a schema marks `writeOnly`, values under the name of a secret,
and keys that are known by their form wherever they stand in a text.

A name counts word by word, however it is written: `accessToken` is a token, `tokens_used` is none.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import chain, count, pairwise
from typing import Any

import jsonschema_rs
import orjson

from .schema_marks import Marks, State

REDACTED = "[REDACTED]"
_STRUCK = re.compile(
    r"\[REDACTED\]|\[secret:"
)  # what stands in the place of a secret, here and in kit.strike
# A text without any of these holds nothing to strike out: most payloads are looked at once and left alone. What matches
# the patterns of schemas finds them all at once, in a tenth of the time that it takes to look for one after another: a
# large payload holds up the others for less.
_HINTED, _HAS_KEY, _OF_A_KEY = (
    jsonschema_rs.validator_for({"pattern": parts}, pattern_options=jsonschema_rs.RegexOptions())
    for parts in (
        "passw|passphrase|passcode|pwd|secret|token|credential|bearer|authori|sk-|sk_|tcb_",
        "key",
        "api|private",
    )
)
_KEY_IN_TEXT = re.compile(
    r"(?i:(bearer\s+))[A-Za-z0-9._~+/=-]{8,}|(?<![A-Za-z0-9])(?:sk[-_]|tcb_)[A-Za-z0-9_-]{16,}"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NAMES = frozenset(
    ("password", "passwords", "passwd", "passphrase", "passcode", "pwd", "secret", "apikey", "token", "credential", "credentials", "privatekey", "clientsecret", "apisecret", "bearer",
     "authorization", "authorisation", "authtoken", "accesstoken", "refreshtoken")
)  # fmt: skip
_PAIRS = frozenset(("api key", "private key"))
_LONGEST_NAME = 256


class Redactor:
    """Strikes the secrets out of payloads of one accepted schema."""

    def __init__(self, schema: Mapping[str, Any] | None) -> None:
        self._marks = Marks(schema if schema is not None and _mentions(schema) else {})

    def redact(self, written: bytes, value: Any) -> bytes:
        """The JSON text as it may be stored; `value` is what it says. The same object where nothing is struck out."""
        if not self._marks.root and not _may_hold_secrets(written):
            return written
        struck = orjson.dumps(self._struck(value, self._marks.root))
        return written if struck == written else struck

    def left_out(self, value: Any) -> list[tuple[str, str]]:
        """What of a value is not stored, as texts, each with the name of the member that it stands in or below."""
        return list(self._left_out(value, self._marks.root, "input"))

    def _left_out(self, value: Any, state: State, name: str) -> Iterator[tuple[str, str]]:
        if state and self._marks.marks(state):
            yield from ((name, text) for text in _texts(value))
        elif isinstance(value, dict):
            for key, child in value.items():
                if is_secret_name(key):
                    yield from ((key, text) for text in _texts(child))
                else:
                    below = self._marks.member(state, key) if state else state
                    yield from self._left_out(child, below, key)
        elif isinstance(value, list):
            for n, child in enumerate(value):
                yield from self._left_out(child, self._marks.item(state, n) if state else state, name)

    def _struck(self, value: Any, state: State) -> Any:
        if state and self._marks.marks(state):
            return REDACTED
        if isinstance(value, dict):
            members = zip(_kept_apart(value), value.items(), strict=True)
            return {kept: self._member(name, child, state) for kept, (name, child) in members}
        if isinstance(value, list):
            if not state:
                return [self._struck(child, state) for child in value]
            return [self._struck(child, self._marks.item(state, n)) for n, child in enumerate(value)]
        return _text(value) if isinstance(value, str) else value

    def _member(self, name: str, value: Any, state: State) -> Any:
        if value is not None and is_secret_name(name):
            return REDACTED
        return self._struck(value, self._marks.member(state, name) if state else state)


def struck_places(value: Any, pointer: str = "") -> Iterator[str]:
    """Where something was struck out of a JSON value or of the name of a member, by JSON Pointer, each place once."""
    if isinstance(value, str):
        if _STRUCK.search(value):
            yield pointer
    elif isinstance(value, dict):
        for name, child in value.items():
            below = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            places = struck_places(child, below)
            if _STRUCK.search(name):
                yield below
                places = (place for place in places if place != below)
            yield from places
    elif isinstance(value, list):
        for at, child in enumerate(value):
            yield from struck_places(child, f"{pointer}/{at}")


def _may_hold_secrets(written: bytes) -> bool:
    text = written.lower().decode()
    return _HINTED.is_valid(text) or (_HAS_KEY.is_valid(text) and _OF_A_KEY.is_valid(text))


def is_secret_name(name: str) -> bool:
    """Whether a member's name says that its value is a secret, however it is written. Of a name that is too long to be
    one, a hint is enough.
    """
    if len(name) > _LONGEST_NAME:
        return _may_hold_secrets(name.encode("utf-8", "replace"))
    return _says_secret(name)


@lru_cache(1_024)  # lists repeat their members' names
def _says_secret(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    pairs = {f"{first} {second}" for first, second in pairwise(words)}
    return not _NAMES.isdisjoint(words) or not _PAIRS.isdisjoint(pairs)


def _texts(value: Any) -> Iterator[str]:
    """The texts and numbers of a value, as they are written."""
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _texts(child)
    elif isinstance(value, str):
        yield value
    elif value is not None and not isinstance(value, bool):
        yield orjson.dumps(value).decode()


def _kept_apart(names: Collection[str]) -> Collection[str]:
    """The names of an object as they are stored: a struck one that is taken already gets a number."""
    if not any(map(_KEY_IN_TEXT.search, names)):
        return names
    kept = {name: _text(name) for name in names}
    taken = {name for name in kept if kept[name] == name}
    free: dict[str, Iterator[str]] = {}
    for name, struck in kept.items():
        if struck != name:
            ways = free.setdefault(struck, _numbered(struck))
            kept[name] = next(way for way in ways if way not in taken)
            taken.add(kept[name])
    return kept.values()


def _numbered(text: str) -> Iterator[str]:
    return chain([text], (f"{text} {number}" for number in count(2)))


def _mentions(schema: Mapping[str, Any]) -> bool:
    return b'"writeOnly":true' in orjson.dumps(schema)


def _text(text: str) -> str:
    return _KEY_IN_TEXT.sub(_leave_scheme, text)


def _leave_scheme(found: re.Match[str]) -> str:
    return (found[1] or "") + REDACTED
