"""Secrets struck out of replies and of what is stored, in every form in which they may have been written.

Made for one run and thrown away with it. No regular expression is built from a value: `re` would keep it.
"""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import chain, count
from urllib.parse import quote, quote_plus

from toolcrib.kit.json import JsonRefused, JsonValue, dumps, loads

# A fragment of a shorter value would be found in innocent text all over a reply.
_FRAGMENT_FROM = 8

Form = tuple[bytes, bool]


@dataclass(frozen=True, slots=True)
class Found:
    """Where a form stands, and what takes its place."""

    start: int
    end: int
    mark: bytes


class Strikes:
    """The forms of some secrets, longest first, so that no form is cut by a shorter one inside it."""

    def __init__(self, secrets: Iterable[tuple[str, str]]) -> None:
        forms = {
            form: f"[secret:{name}]".encode() for name, value in secrets if value for form in _forms(value)
        }
        self._forms = sorted(forms.items(), key=lambda entry: len(entry[0][0]), reverse=True)

    def strike(self, body: bytes) -> bytes:
        """The body with every form replaced by `[secret:NAME]`; the same object when it holds none."""
        lowered = body.lower()
        for (needle, any_case), mark in self._forms:
            if needle in (lowered if any_case else body):
                body = (
                    _replace_any_case(body, lowered, needle, mark) if any_case else body.replace(needle, mark)
                )
                lowered = body.lower()
        return body

    def first(self, text: bytes, lowered: bytes, at: int) -> "Found | None":
        """The form that begins first from a place on, of those the longest; `lowered` is the text in lower case."""
        best: Found | None = None
        for (needle, any_case), mark in self._forms:
            start = (lowered if any_case else text).find(needle, at)
            if start >= 0 and (best is None or start < best.start):
                best = Found(start, start + len(needle), mark)
        return best

    def unfinished(self, text: bytes, lowered: bytes) -> int:
        """From where on the text may be the beginning of a form that goes on; its length where it is of none."""
        longest = len(self._forms[0][0][0]) if self._forms else 1
        for start in range(max(0, len(text) - longest + 1), len(text)):
            tails = text[start:], lowered[start:]
            if any(needle.startswith(tails[any_case]) for (needle, any_case), _ in self._forms):
                return start
        return len(text)

    def strike_value(self, value: JsonValue) -> JsonValue:
        """The value with every form struck inside its texts, keys and numbers; the same object when it holds none.

        JSON has endless ways to escape one string: here it is in its plainest writing. Whatever is struck, the value
        stays JSON: keys stay apart, and a number that holds a secret becomes the mark.
        """
        return self._struck(value) if self.finds(dumps(value)) else value

    def finds(self, written: bytes) -> bool:
        """Whether any form stands in the bytes."""
        lowered = written.lower()
        return any(needle in (lowered if any_case else written) for (needle, any_case), _ in self._forms)

    def _struck(self, value: JsonValue) -> JsonValue:
        if isinstance(value, dict):
            return self._struck_object(value)
        if isinstance(value, list):
            return [self._struck(item) for item in value]
        if isinstance(value, str):
            return self._struck_text(value)
        if value is None or isinstance(value, bool):
            return value
        written = dumps(value)
        return self._mark_of(written) if self.finds(written) else value

    def _struck_object(self, value: dict[str, JsonValue]) -> JsonValue:
        """In its order; a struck key that is taken already gets a number."""
        names = {name: self._struck_text(name) for name in value}
        taken = {name for name in value if names[name] == name}
        made: dict[str, JsonValue] = {}
        for name, item in value.items():
            free = names[name]
            if free != name:
                numbered = (f"{names[name]} ({number})" for number in count(2))
                free = next(one for one in chain([free], numbered) if one not in taken)
                taken.add(free)
            made[free] = self._struck(item)
        return made

    def _struck_text(self, text: str) -> str:
        """As it is, then as JSON writes it; where that breaks the writing the whole text becomes the mark."""
        raw = text.encode()
        struck = self.strike(raw)
        text = text if struck is raw else struck.decode("utf-8", "replace")
        written = dumps(text)[1:-1]
        if written == text.encode() or not self.finds(written):
            return text
        try:
            return str(loads(b'"' + self.strike(written) + b'"'))
        except JsonRefused:
            return self._mark_of(written)

    def _mark_of(self, written: bytes) -> str:
        """The mark of the longest form that is in this text."""
        lowered = written.lower()
        return next(
            mark for (needle, any_case), mark in self._forms if needle in (lowered if any_case else written)
        ).decode()


def _replace_any_case(body: bytes, lowered: bytes, needle: bytes, mark: bytes) -> bytes:
    """Replace where the lower-cased body matches; lower-casing bytes moves nothing, so places agree."""
    kept = []
    start = 0
    while (at := lowered.find(needle, start)) >= 0:
        kept += [body[start:at], mark]
        start = at + len(needle)
    return b"".join([*kept, body[start:]])


def _forms(value: str) -> Iterator[Form]:
    """Each form with whether its letters' case is free; those are in lower case. Headers lose their outer whitespace."""
    for text in {value, value.strip()} - {""}:
        yield from _forms_of(text)
        for page in {escape(text), escape(text, quote=False), escape(text).replace("&#x27;", "&#39;")} - {
            text
        }:
            yield page.encode("utf-8", "surrogatepass"), False
            yield from _escaped(page)


def _forms_of(value: str) -> Iterator[Form]:
    raw = value.encode("utf-8", "surrogatepass")
    yield raw, False
    if all(character <= "\xff" for character in value):
        yield value.encode("latin-1"), False
    yield from _escaped(value)
    for utf16 in (value.encode("utf-16-le", "surrogatepass"), value.encode("utf-16-be", "surrogatepass")):
        yield utf16, False
        yield utf16.decode("latin-1").encode(), False
        yield _json(utf16.decode("latin-1")), False
    yield from _percent(raw)
    yield raw.hex().encode(), True
    yield from _base64(raw, with_fragments=len(raw) >= _FRAGMENT_FROM)


def _escaped(value: str) -> Iterator[Form]:
    """As a JSON string holds it, plain or in ASCII alone, and as JSON that is itself kept in a JSON string."""
    for once in {_json(value), *_ascii_json(value)}:
        yield once, False
        yield _json(once.decode()), False
        if b"/" in once:
            yield once.replace(b"/", b"\\/"), False


def _ascii_json(value: str) -> tuple[bytes, bytes]:
    r"""With every character beyond ASCII as `\uXXXX`, the digits in lower and in upper case."""
    lower = json.dumps(value)[1:-1]
    upper = re.sub(r"\\u([0-9a-f]{4})", lambda found: "\\u" + found[1].upper(), lower)
    return lower.encode(), upper.encode()


def _json(text: str) -> bytes:
    return dumps(text.encode("utf-8", "replace").decode())[1:-1]


def _percent(raw: bytes) -> Iterator[Form]:
    # Encoders differ in what they leave alone: nothing, slashes, what a browser's encodeURIComponent does, forms.
    encoded = {quote(raw, safe=""), quote(raw, safe="/"), quote(raw, safe="!'()*"), quote_plus(raw)}
    plain = raw.decode("latin-1")
    yield from ((form.lower().encode(), True) for form in encoded if form != plain)
    yield "".join(f"%{byte:02x}" for byte in raw).encode(), True


def _base64(raw: bytes, *, with_fragments: bool) -> Iterator[Form]:
    for encoder in (b64encode, urlsafe_b64encode):
        whole = encoder(raw)
        yield whole, False
        yield whole.rstrip(b"="), False
        for before in range(3) if with_fragments else ():
            # Only the digits that depend on the value alone: its neighbours in a longer text are unknown.
            digits = encoder(b"\0" * before + raw)
            yield digits[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6], False
