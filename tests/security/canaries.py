"""Twenty-two secrets of different shapes, the forms in which each could turn up, and a search that knows them all."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

SECRETS = {
    "EIGHT": "k3y-8chr",
    "JSON_SPECIAL": 'a"b\\c/d{e}[f]:,1"',
    "QUOTES": "'it''s' \"quoted\" `key`",
    "LINES": "first-line\nsecond-line\nthird-line",
    "UTF8": "pässwörd-ключ-秘密-🔑",
    "PEM": "-----BEGIN "
    "PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7Rx2\n4kq0Lw3uVd9sC5zTt0cYQ8mH2oE1bP6nJ4fA9WihRANCAAQy\n-----END PRIVATE KEY-----\n",
    "PAIR": "service-user:pa55-w0rd-of-it",
    "PERCENT": "100%25+a b%2F&c=d#e?f;g",
    "HEX": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "LATIN": "naïve-café-tøken-ÿ",
    "UPPER_HEX": "DEADBEEF00C0FFEE11D00D22BADC0DE3",
    "PADDED": "QWxhZGRpbjpvcGVuIHNlc2FtZQ+/==",
    "SPACES": "  leads  and  trails  ",
    "TAB": "tab\tin\tside-key",
    "REFERENCE": "${OTHER}-{{x}}-$(id)-key",
    "MARKUP": '<b onclick="x">&amp;key</b>',
    "LONG": "".join(chr(33 + (n * 7919) % 89) for n in range(4_000)),
    "BACKSLASHES": "\\\\server\\share\\n\\u0041\\",
    "CLOUD": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "EMOJI": "🔐🗝️🔐🗝️🔐",
    "DIGITS": "73910284655512",
}


def shape_forms(value: str) -> Iterator[bytes]:
    """Every form that the bar names, as exact bytes."""
    raw = value.encode()
    yield raw
    yield json.dumps(value)[1:-1].encode()
    yield json.dumps(value, ensure_ascii=False)[1:-1].encode()
    yield json.dumps(json.dumps(value))[3:-3].encode()
    yield json.dumps(value)[1:-1].replace("/", "\\/").encode()
    for utf16 in (value.encode("utf-16-le"), value.encode("utf-16-be")):
        yield from (utf16, utf16.decode("latin-1").encode())
    yield from _base64(raw)
    for form in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield from (form.encode(), lower_escapes(form).encode())


def case_free_forms(value: str) -> Iterator[bytes]:
    """Forms of which the letters' case says nothing, in lower case."""
    raw = value.encode()
    yield raw.hex().encode()
    yield _every_percent(raw).encode()


def lower_escapes(text: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), text)


def _every_percent(raw: bytes) -> str:
    return "".join(f"%{byte:02x}" for byte in raw)


def _base64(raw: bytes) -> Iterator[bytes]:
    """The digits that depend on the value alone, at each of the three alignments."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            digits = encode(b"\0" * before + raw)
            yield digits[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]


class Search:
    """Looks for values in any form; `hits` says which, and among what."""

    def __init__(self, values: Iterable[tuple[str, str]]) -> None:
        values = list(values)
        self._exact = {(name, form) for name, value in values for form in shape_forms(value)}
        self._any_case = {(name, form) for name, value in values for form in case_free_forms(value)}

    def hits(self, text: bytes) -> list[str]:
        lowered = text.lower()
        found = [(name, text.index(form)) for name, form in self._exact if form in text]
        found += [(name, lowered.index(form)) for name, form in self._any_case if form in lowered]
        return sorted({f"{name} in {text[max(0, at - 150) : at + 60]!r}" for name, at in found})


def plain_strings(text: bytes) -> bytes:
    """The strings of a JSON text, rid of every way to escape them; nothing where it is no JSON."""
    try:
        return "\x01".join(_texts(json.loads(text))).encode("utf-8", "surrogatepass")
    except ValueError:
        return b""


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from _texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    else:
        yield json.dumps(value)
