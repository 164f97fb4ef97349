"""Streams: what A follows while B is busy tells of A alone."""

from collections.abc import Iterator

from .isolation import Isolation
from .wire import Party, Reply

_SILENT = b": nothing new"


def streams(isolation: Isolation) -> None:
    """Each party follows, B does things, A does one; until A's own has come, all of B's would have. A stream that is silent
    takes a while to show it, so the first one ends the part.
    """
    numbers = isolation.theirs.owner.ask("GET", "/api/v1/audit?limit=1").document["items"]
    followed = (
        _follow(isolation, entry.route, party, last)
        for entry in isolation.entries
        if entry.stream
        for party in isolation.ours.parties.values()
        for last in (None, "0", str(numbers[0]["id"]))
    )
    all(followed)


def _follow(isolation: Isolation, route: str, party: Party, last: str | None) -> bool:
    """Whether A's own came."""
    with party.follow(route, {"Last-Event-ID": last} if last else {}) as pieces:
        isolation.theirs.fresh("secret")
        isolation.theirs.fresh("execution")
        made = isolation.ours.fresh("execution")["execution"]
        body = _until(made.encode(), pieces)
    place = f"Last-Event-ID {last}" if last else "from now on"
    isolation.look(route, party, place, Reply(200, {}, body))
    came = made.encode() in body
    if not came:
        isolation.leak(route, party, place, f"control: A's own event did not come: {body[-200:]!r}")
    return came


def _until(wanted: bytes, pieces: Iterator[bytes]) -> bytes:
    """What came until then, or until a comment says that nothing more does."""
    body = b""
    for piece in pieces:
        body += piece
        if wanted in body or _SILENT in body:
            break
    return body
