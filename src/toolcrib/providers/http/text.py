"""Text on its way into a request: references filled in, values written and encoded, headers kept to their grammar."""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any
from urllib.parse import quote

from toolcrib.contracts.contract import SECRET_REF
from toolcrib.contracts.paths import pointer
from toolcrib.contracts.secret import Secret
from toolcrib.kit.json import JsonRefused, dumps

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
# One byte each in latin-1, no controls but the tab: what cannot end a header or start another.
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*\Z")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

Pair = tuple[str, str]


class UnsendableError(Exception):
    """A value cannot go where the tool's config puts it; nothing is sent. The message never holds the value."""

    def __init__(self, message: str, *, at: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = "" if at is None else pointer(at)


def references(text: str) -> list[str]:
    """Names of the secrets that a text of the config refers to."""
    return SECRET_REF.findall(text)


def fill(text: str, secrets: Mapping[str, Secret]) -> str:
    """The text with each `${NAME}` replaced by that secret; what a secret holds is not looked into again."""
    return SECRET_REF.sub(lambda found: secrets[found[1]].reveal(), text)


def text_of(value: Any, name: str) -> str:
    """An input as plain text: a string as it is, anything else as compact JSON."""
    if type(value) is str:
        return value
    if type(value) is float and not isfinite(value):
        raise UnsendableError("The number must be finite.", at=name)
    try:
        return dumps(value).decode()
    except JsonRefused as refused:
        raise UnsendableError("The value cannot be written as JSON.", at=name) from refused


def encode(text: str, name: str) -> str:
    """Percent-encoded, all but letters, digits and `-._~`."""
    if text.isalnum() and text.isascii():
        return text
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:
        raise UnsendableError("The text holds half a character (a lone surrogate).", at=name) from error


def encode_secret(secret: str, name: str) -> str:
    """A secret percent-encoded; when that cannot be, the refusal names it and not its value."""
    try:
        return quote(secret, safe="")
    except UnicodeEncodeError:
        raise UnsendableError(
            f"The secret {name} holds half a character (a lone surrogate). Set it again."
        ) from None


def encode_segment(text: str, name: str) -> str:
    """One segment of a path. Encoding alone would let `.` and `..` through, and upstreams fold them."""
    if text in ("", ".", ".."):
        raise UnsendableError("The value goes into the path, so it cannot be empty, `.` or `..`.", at=name)
    if CONTROL.search(text):
        raise UnsendableError("The value goes into the path, so it cannot hold control characters.", at=name)
    return encode(text, name)
