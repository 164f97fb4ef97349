"""The form of a signed token, before any key is looked at: three parts of canonical base64url, and a header that asks for nothing."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from toolcrib.kit.json import JsonRefused, JsonValue, loads

LONGEST = 8192
_FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]+)")
_TEXT = re.compile(r"[A-Za-z0-9_-]*")
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
# They bring or name a key, change what is signed, or say that something else lies within.
_REFUSED = frozenset({"crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc", "epk", "cty"})


@dataclass(frozen=True, slots=True)
class Compact:
    """A token's parts. Nothing in it is true yet."""

    algorithm: str
    key_id: str | None
    signed: bytes
    payload: bytes
    signature: bytes


def parse_compact(text: str) -> Compact | None:
    """The parts of a well-formed token, or None."""
    found = _FORM.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        return None
    header, payload, signature = (decoded(part) for part in found.groups())
    if header is None or payload is None or signature is None:
        return None
    told = parse_object(header)
    if told is None or not _REFUSED.isdisjoint(told) or not _is_token(told):
        return None
    algorithm, key_id = told.get("alg"), told.get("kid")
    if not isinstance(algorithm, str) or not ("kid" not in told or isinstance(key_id, str)):
        return None
    return Compact(
        algorithm,
        key_id if isinstance(key_id, str) else None,
        text[: found.start(3) - 1].encode(),
        payload,
        signature,
    )


def decoded(text: str) -> bytes | None:
    """What base64url text stands for, or None where another text stands for the same, or none does."""
    if len(text) % 4 == 1 or not _TEXT.fullmatch(text):
        return None
    value = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return value if urlsafe_b64encode(value).rstrip(b"=") == text.encode() else None


def parse_object(data: bytes) -> dict[str, JsonValue] | None:
    """A JSON object, read strictly, or None."""
    try:
        value = loads(data)
    except JsonRefused:
        return None
    return value if isinstance(value, dict) else None


def _is_token(header: Mapping[str, JsonValue]) -> bool:
    kind = header.get("typ", "JWT")
    return isinstance(kind, str) and kind.lower() in _TYPES
