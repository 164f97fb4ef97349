"""Two requests that differ in one id, foreign in the one and nobody's in the other, must be answered alike."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from .matrix import Entry
from .wire import Party, Reply

_PASSING = {"date", "server-timing", "x-request-id", "content-length"}
_CHANCE = {
    "id", "key", "key_id", "token", "tool_id", "execution_id", "at", "created_at", "updated_at", "finished_at", "expires_at", "last_used_at",
    "execution_time_ms", "digest", "key_version", "left", "approval_id", "decided_at",
}  # fmt: skip
MASK = b"*"
# What stands in a refusal and is of the asker's own: the execution that records it, the member that is there already.
_OWN = re.compile(rb'"execution_id":"exe_[0-9a-f]+"|"execution_time_ms":[0-9.e-]+|"member":"[0-9a-f]+"')


@dataclass(frozen=True)
class Asked:
    """One request of an entry; `sent` are the ids in it, which an answer may repeat."""

    entry: Entry
    values: Mapping[str, str]
    sent: tuple[str, ...] = ()
    query: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    body: Any = None

    def by(self, party: Party) -> Reply:
        """Ask."""
        return self.entry.ask(party, self.values, query=self.query, headers=self.headers, body=self.body)

    def with_(self, headers: Mapping[str, str]) -> "Asked":
        """The same with these headers."""
        return replace(self, headers=headers)

    def under(self, prefix: str) -> "Asked":
        """The same below another prefix of the API."""
        return replace(self, entry=replace(self.entry, route=self.entry.route.replace("/api/v1", prefix, 1)))


def told(reply: Reply, sent: tuple[str, ...]) -> tuple[int, dict[str, str], bytes]:
    """What an answer tells: all of a refusal but what is the asker's own; of a success all but its new ids and times,
    and how far a rotation is.
    """
    headers = {
        name: blank(value.encode(), sent).decode("latin-1")
        for name, value in reply.headers.items()
        if name not in _PASSING
    }
    if reply.ok and reply.document is not None:
        return reply.status, headers, blank(repr(_masked(reply.document)).encode(), sent)
    return reply.status, headers, _OWN.sub(MASK, blank(reply.body, sent))


def blank(body: bytes, sent: tuple[str, ...]) -> bytes:
    """Without what was sent, however it is written."""
    for value in sorted({form for one in sent for form in (one, quote(one, safe=""))}, key=len, reverse=True):
        body = body.replace(value.encode(), MASK)
    return body


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: "*" if name in _CHANCE else _masked(one) for name, one in sorted(value.items())}
    return [_masked(one) for one in value] if isinstance(value, list) else value
