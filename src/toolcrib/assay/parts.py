"""The parts of the assay: where an id can stand in a request, and where another workspace could be told of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .isolation import PAGE, Isolation
from .matrix import Entry, pointed
from .mcp import mcp
from .streams import streams
from .twins import Asked
from .wire import Party
from .workspace import NAMES, WORKSPACE

WORKSPACE_HEADERS = (WORKSPACE, "X-Workspace-Id", "X-Tenant-Id")
ONLY = "only"
_ALIAS = "/api"
_SSE = {"Accept": "text/event-stream"}


def run(isolation: Isolation, progress: Callable[[str], None] = lambda _: None) -> None:
    """All of them. What needs new things in B stands apart from what must leave B as it is; what B alone may do comes last."""
    for part in (counts, streams):
        with _part(isolation, part, progress):
            part(isolation)
    with isolation.untouched(isolation.theirs):
        for part in (paths, queries, headers, cursors, lists, mcp, again):
            with _part(isolation, part, progress):
                part(isolation)
    for part in (bodies, owners):
        with _part(isolation, part, progress):
            part(isolation)


@contextmanager
def _part(
    isolation: Isolation, part: Callable[[Isolation], None], progress: Callable[[str], None]
) -> Iterator[None]:
    isolation.part = part.__name__
    yield
    progress(f"{isolation.part}: {isolation.compared[isolation.part]} compared")


def counts(isolation: Isolation) -> None:
    """What A is shown does not change while B comes to have things of every kind."""
    isolation.ours.furnish()
    with isolation.untouched(isolation.ours):
        isolation.theirs.furnish()


def paths(isolation: Isolation) -> None:
    """Every id of B in every place of every path; those that belong there by everybody, the others by the owner of A."""
    for entry in isolation.entries:
        for place, kind in entry.places.items():
            for other in isolation.theirs.own:
                everybody = other in _family(kind)
                _path(isolation, entry, place, other, everybody=everybody)
        if len(entry.places) > 1:
            foreign, nobodys = entry.at(isolation.theirs.own), entry.at(isolation.nobodys)
            _twins_of_path(isolation, entry, foreign, nobodys, "whole path", everybody=True)


def _path(isolation: Isolation, entry: Entry, place: str, kind: str, *, everybody: bool) -> None:
    own = entry.at(isolation.ours.own)
    foreign = own | {place: isolation.theirs.own[kind]}
    nobodys = own | {place: isolation.nobodys[kind]}
    _twins_of_path(isolation, entry, foreign, nobodys, f"{{{place}}} is a {kind}", everybody=everybody)


def _twins_of_path(
    isolation: Isolation,
    entry: Entry,
    foreign: dict[str, str],
    nobodys: dict[str, str],
    place: str,
    *,
    everybody: bool,
) -> None:
    body = _new_body(isolation, entry)
    one = Asked(entry, foreign, _differing(foreign, nobodys), body=body)
    other = Asked(entry, nobodys, _differing(nobodys, foreign), body=body)
    owner, missing = [isolation.ours.owner], entry.operator != ONLY
    isolation.twins(one, other, place, by=None if everybody else owner, missing=missing)
    if everybody:
        alias = one.under(_ALIAS), other.under(_ALIAS)
        isolation.twins(*alias, f"{place}, under {_ALIAS}", by=owner, missing=missing)
        if "Last-Event-ID" in entry.headers:
            isolation.twins(one.with_(_SSE), other.with_(_SSE), f"{place}, as a stream", missing=True)


def queries(isolation: Isolation) -> None:
    """Every id of B as every filter: nothing is found, as for an id that nobody has."""
    for entry in isolation.entries:
        for name, kind in entry.query.items():
            for other, value in isolation.theirs.own.items() if kind not in ("", "cursor") else ():
                at = entry.at(isolation.ours.own)
                foreign = Asked(entry, at, (value,), {name: value})
                unknown = isolation.nobodys[other]
                nobodys = Asked(entry, at, (unknown,), {name: unknown})
                by = None if other in _family(kind) else [isolation.ours.owner]
                isolation.twins(foreign, nobodys, f"?{name}= is a {other}", by=by)
            if kind not in ("", "cursor", "workspace"):
                _finds(isolation, entry, name, kind)


def _finds(isolation: Isolation, entry: Entry, name: str, kind: str) -> None:
    """The control: B finds its own by the same filter."""
    own = isolation.theirs.own
    reply = entry.ask(isolation.theirs.owner, entry.at(own), query={name: own[kind]})
    if not isolation.tells(reply):
        isolation.leak(
            str(entry), isolation.theirs.owner, f"?{name}=", f"B finds nothing: {reply.body[:200]!r}"
        )


def headers(isolation: Isolation) -> None:
    """B named in a header opens nothing of B, and is no other answer than a workspace that nobody has."""
    for entry in (one for one in isolation.entries if not one.stream and not one.open):
        few = [isolation.ours.owner, *([isolation.operator] if isolation.operator else [])]
        for header in WORKSPACE_HEADERS:
            by = few if header != WORKSPACE or (entry.changes and not entry.path) else isolation.parties
            for kind in ("workspace", "workspace_name"):
                for party in by:
                    _header(isolation, entry, header, kind, party)


def _header(isolation: Isolation, entry: Entry, header: str, kind: str, party: Party) -> None:
    own, nobodys = isolation.theirs.own, isolation.nobodys
    body, twin = _new_body(isolation, entry), _new_body(isolation, entry)
    sent = (own[kind], *entry.at(own).values(), *_texts(isolation, body))
    unsent = (nobodys[kind], *entry.at(nobodys).values(), *_texts(isolation, twin))
    foreign = Asked(entry, entry.at(own), sent, headers={header: own[kind]}, body=body)
    nowhere = Asked(entry, entry.at(nobodys), unsent, headers={header: nobodys[kind]}, body=twin)
    isolation.twins(foreign, nowhere, f"{header} is B's {kind}", by=[party])


def cursors(isolation: Isolation) -> None:
    """Where B's page ended, A's next page begins with what is A's."""
    theirs = isolation.theirs
    for entry in (one for one in isolation.entries if one.lists and not one.shared):
        first = entry.ask(theirs.owner, entry.at(theirs.own), query={"limit": "1"})
        cursor = (first.document or {}).get("next")
        if cursor is None:
            continue
        following = entry.ask(theirs.owner, entry.at(theirs.own), query={"cursor": cursor})
        if not following.ok:
            isolation.leak(str(entry), theirs.owner, "cursor", "B's own cursor leads nowhere")
        for party in isolation.strangers(entry):
            reply = entry.ask(party, entry.at(isolation.ours.own), query={"cursor": cursor, **PAGE})
            isolation.look(str(entry), party, "a cursor of B", reply, (cursor,))


def lists(isolation: Isolation) -> None:
    """No list of A's holds anything of B."""
    for entry in (one for one in isolation.entries if one.lists):
        for party in isolation.strangers(entry):
            at = entry.at(isolation.ours.own)
            isolation.look(str(entry), party, "the list", entry.ask(party, at, query=PAGE))


def again(isolation: Isolation) -> None:
    """An idempotency key that B used is A's to use: nothing of B is answered again."""
    theirs, ours = isolation.theirs.own, isolation.ours.own
    for entry in (one for one in isolation.entries if "Idempotency-Key" in one.headers):
        body = entry.written(ours, isolation.ours.new())
        key, unknown = theirs["idempotency_key"], isolation.nobodys["idempotency_key"]
        foreign = Asked(entry, entry.at(ours), (key,), headers={"Idempotency-Key": key}, body=body)
        nobodys = Asked(entry, entry.at(ours), (unknown,), headers={"Idempotency-Key": unknown}, body=body)
        isolation.twins(foreign, nobodys, "Idempotency-Key of B")


def bodies(isolation: Isolation) -> None:
    """Names of B in bodies are as free, and as unknown, as names that nobody has. What is written down in A stays there, so
    each place gets a name of its own.
    """
    places = [(entry, pointer, kind) for entry in isolation.entries for pointer, kind in entry.ids.items()]
    spares = [(isolation.theirs.own | isolation.theirs.fresh(kind))[kind] for _, _, kind in places]
    with isolation.untouched(isolation.theirs):
        for (entry, pointer, kind), one in zip(places, spares, strict=True):
            at, other = entry.at(isolation.ours.own), isolation.unlike(one)
            for party in isolation.parties:
                body, twin = _new_body(isolation, entry), _new_body(isolation, entry)
                foreign = Asked(entry, at, (one, *_texts(isolation, body)), body=pointed(body, pointer, one))
                nobodys = Asked(
                    entry, at, (other, *_texts(isolation, twin)), body=pointed(twin, pointer, other)
                )
                isolation.twins(foreign, nobodys, f"{pointer} is B's {kind}", by=[party])


def owners(isolation: Isolation) -> None:
    """The last control: what nobody of A could change, the owner of B can."""
    for entry in (one for one in isolation.entries if one.changes and one.places and one.operator != ONLY):
        own = isolation.theirs.own
        for kind in entry.places.values():
            own = own | isolation.theirs.fresh(kind)
        reply = entry.ask(
            isolation.theirs.owner, entry.at(own), body=entry.written(own, isolation.theirs.new())
        )
        isolation.compared[isolation.part] += 1
        if not reply.ok and reply.status != CONFLICT:
            isolation.leak(
                str(entry),
                isolation.theirs.owner,
                "control",
                f"B may not: {reply.status} {reply.body[:200]!r}",
            )


def _new_body(isolation: Isolation, entry: Entry) -> Any:
    return entry.written(isolation.ours.own, isolation.ours.new())


CONFLICT = 409
"""An execution that has ended cannot be cancelled: B is told so, which is the control."""


def _family(kind: str) -> tuple[str, ...]:
    """Kinds that may stand where this one may."""
    return {"tool": NAMES, "name": (*NAMES, "key_name", "secret")}.get(kind, (kind,))


def _differing(one: dict[str, str], other: dict[str, str]) -> tuple[str, ...]:
    return tuple(value for place, value in one.items() if value != other[place])


def _texts(isolation: Isolation, value: object) -> Iterator[str]:
    """The texts of a body that were made up for it."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(isolation, one)
    elif isinstance(value, str) and isolation.ours.mark in value.lower():
        yield value
