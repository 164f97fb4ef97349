"""What a verified payload says: who, by whom, until when. Whoever reads it asks our own tables what that person may do."""

from collections.abc import Mapping
from dataclasses import dataclass

from toolcrib.contracts.issuer import Issuer
from toolcrib.kit.json import JsonValue

LEEWAY = 60
"""Seconds by which two clocks may differ."""
_LONGEST = 255
_LAST = 253_402_300_799  # of the year 9999; a time in milliseconds is later
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Claims:
    """Who somebody is, as an issuer says. The pair of `issuer` and `subject` is the person; the rest is for display.

    `email` is there only where the issuer vouches for it. `expires_at` is in microseconds, as all times that are kept.
    """

    issuer: str
    subject: str
    name: str | None
    email: str | None
    expires_at: int


def read_claims(payload: Mapping[str, JsonValue], issuer: Issuer, now: int) -> Claims | None:
    """What a payload says at this time, in microseconds; None where it is not for us, or not now, or says too little."""
    subject = _label(payload.get("sub"))
    expires = _time(payload.get("exp"))
    if payload.get("iss") != issuer.url or subject is None or expires is None:
        return None
    if not _is_for(payload.get("aud"), issuer.audiences) or expires * _SECOND <= now - LEEWAY * _SECOND:
        return None
    if not all(_has_come(payload[name], now) for name in ("nbf", "iat") if name in payload):
        return None
    return Claims(
        issuer.url, subject, _label(payload.get("name")), _verified_email(payload), expires * _SECOND
    )


def _is_for(value: JsonValue, audiences: frozenset[str]) -> bool:
    named = value if isinstance(value, list) else [value]
    texts = [one for one in named if isinstance(one, str)]
    return len(texts) == len(named) and not audiences.isdisjoint(texts)


def _has_come(value: JsonValue, now: int) -> bool:
    begins = _time(value)
    return begins is not None and begins * _SECOND <= now + LEEWAY * _SECOND


def _time(value: JsonValue) -> int | None:
    """Whole seconds since 1970. `True` is an integer to Python, not to JSON."""
    return value if type(value) is int and 0 < value <= _LAST else None


def _label(value: JsonValue) -> str | None:
    """Text that people can tell apart: nothing invisible in it, no blanks around it."""
    if (
        isinstance(value, str)
        and 0 < len(value) <= _LONGEST
        and value.isprintable()
        and value == value.strip()
    ):
        return value
    return None


def _verified_email(payload: Mapping[str, JsonValue]) -> str | None:
    email = _label(payload.get("email"))
    return email if payload.get("email_verified") is True and email and "@" in email else None
