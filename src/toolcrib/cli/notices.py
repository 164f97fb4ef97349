"""What the headers of a call's answer tell, in a line each."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from .safe import shown


def state_of(tool: Mapping[str, object], now: datetime | None = None) -> str:
    """A tool's state in a word: whether it may be called, and for how long."""
    told = tool["deprecated"]
    today = (now or datetime.now(UTC)).date().isoformat()
    if isinstance(told, dict) and told.get("sunset") is not None and str(told["sunset"]) < today:
        return "ended"
    if not tool["enabled"]:
        return "disabled"
    return "enabled" if told is None else "deprecated"


def notices(headers: Mapping[str, str]) -> Iterator[str]:
    """The lines for stderr."""
    known = {name.lower(): value for name, value in headers.items()}
    if "deprecation" in known:
        yield _deprecation(known)
    if known.get("idempotency-replayed") == "true":
        yield "answered from the ledger; what is secret is left out"


def _deprecation(known: Mapping[str, str]) -> str:
    ends = _day(known["sunset"]) if "sunset" in known else None
    link = known.get("link", "").partition(">")[0].rpartition("/")[2]
    told = ["the tool is deprecated"]
    told += [f"its last day is {ends}"] if ends else []
    told += [f"use {shown(unquote(link))} instead"] if link else []
    return f"warning: {'; '.join(told)}"


def _day(text: str) -> str | None:
    try:
        return parsedate_to_datetime(text).date().isoformat()
    except ValueError:
        return None
