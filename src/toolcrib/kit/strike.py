"""Secrets struck out of replies and of what is stored, in every form in which they may have been written.

Made for one run and thrown away with it. No regular expression is built from a value: `re` would keep it.
"""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from toolcrib.kit.json import JsonValue, dumps, loads

# A fragment of a shorter value would be found in innocent text all over a reply.
_FRAGMENT_FROM = 8

Form = tuple[bytes, bool]


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

    def strike_value(self, value: JsonValue) -> JsonValue:
        """The value struck once more in its plainest writing: JSON has endless ways to escape one string."""
        written = dumps(value)
        struck = self.strike(written)
        return value if struck is written else loads(struck)


def _replace_any_case(body: bytes, lowered: bytes, needle: bytes, mark: bytes) -> bytes:
    """Replace where the lower-cased body matches; lower-casing bytes moves nothing, so places agree."""
    kept = []
    start = 0
    while (at := lowered.find(needle, start)) >= 0:
        kept += [body[start:at], mark]
        start = at + len(needle)
    return b"".join([*kept, body[start:]])


def _forms(value: str) -> Iterator[Form]:
    """Each form with whether its letters' case is free; those are in lower case."""
    raw = value.encode("utf-8", "surrogatepass")
    yield raw, False
    if all(character <= "\xff" for character in value):
        yield value.encode("latin-1"), False
    yield from _escaped(value)
    for utf16 in (value.encode("utf-16-le", "surrogatepass"), value.encode("utf-16-be", "surrogatepass")):
        yield utf16, False
        yield _json(utf16.decode("latin-1")), False
    yield from _percent(raw)
    yield raw.hex().encode(), True
    yield from _base64(raw, with_fragments=len(raw) >= _FRAGMENT_FROM)


def _escaped(value: str) -> Iterator[Form]:
    """As a JSON string holds it, plain or in ASCII alone, and as JSON that is itself kept in a JSON string."""
    for once in {_json(value), *_ascii_json(value)}:
        yield once, False
        yield _json(once.decode()), False


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
