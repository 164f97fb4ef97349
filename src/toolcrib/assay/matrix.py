"""The routes of `matrix.toml`, and the requests that are made of them."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

from .wire import Party, Reply

METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
ALWAYS = "="
_PLACE = re.compile(r"\{([^{}]+)\}")
_SIGN = re.compile(r"[^A-Z0-9]")
_NAMED = re.compile(r"\$([a-z_]+|NEW)")


@dataclass(frozen=True)
class Entry:
    """One route and method, as `matrix.toml` tells of it."""

    method: str
    route: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    ids: Mapping[str, str] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    changes: bool = False
    open: bool = False
    stream: bool = False
    operator: str = ""
    shared: bool = False
    person: bool = False
    counted: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.route}"

    @property
    def lists(self) -> bool:
        """Whether it answers a page of a list."""
        return self.method == "GET" and "cursor" in self.query

    def at(self, own: Mapping[str, str]) -> dict[str, str]:
        """What stands in the places of the path, out of things by their kinds."""
        always = {place: kind[1:] for place, kind in self.path.items() if kind.startswith(ALWAYS)}
        return always | {place: own[kind] for place, kind in self.path.items() if place not in always}

    @property
    def places(self) -> dict[str, str]:
        """The places of the path that name things, and what."""
        return {place: kind for place, kind in self.path.items() if not kind.startswith(ALWAYS)}

    def ask(
        self,
        party: Party,
        values: Mapping[str, str],
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Reply:
        """Ask it with these values in the places of the path."""
        target = filled(self.route, values) + (f"?{urlencode(query)}" if query else "")
        return party.ask(self.method, target, body, headers)

    def written(self, own: Mapping[str, str], new: str) -> Any:
        """The good body: `$kind` is replaced by what `own` has of the kind, `$new` by a name that nobody has."""
        return _filled(self.body, {**own, "new": new, "NEW": _SIGN.sub("_", new.upper())})


def filled(route: str, values: Mapping[str, str]) -> str:
    """The path with these values in its places, each as one segment."""
    return _PLACE.sub(lambda place: quote(values[place[1]], safe=""), route)


@cache
def matrix() -> tuple[Entry, ...]:
    """Every entry."""
    text = files(__package__).joinpath("matrix.toml").read_text("utf-8")
    return tuple(_entry(name, told) for name, told in tomllib.loads(text).items())


def disagreements(openapi: Mapping[str, Any], entries: tuple[Entry, ...]) -> list[str]:
    """Routes without an entry, entries without a route, and entries whose parameters are not those of the route."""
    found = {str(route): route for route in discovered(openapi)}
    known = {str(entry): entry for entry in entries}
    said = [f"{name} has no entry in the matrix" for name in found.keys() - known.keys()]
    said += [f"{name} is in the matrix, but there is no such route" for name in known.keys() - found.keys()]
    for name in found.keys() & known.keys():
        said += [f"{name}: {why}" for why in _differences(found[name], known[name])]
    return sorted(said)


def discovered(openapi: Mapping[str, Any]) -> Iterator[Entry]:
    """The routes of an OpenAPI file, as entries that know only names."""
    for route, operations in openapi["paths"].items():
        for method in METHODS:
            if method in operations:
                told = operations[method]
                names: dict[str, dict[str, str]] = {"path": {}, "query": {}, "header": {}}
                for parameter in told.get("parameters", ()):
                    names[parameter["in"]][parameter["name"]] = ""
                body: Any = {} if "requestBody" in told else None
                yield Entry(method.upper(), route, names["path"], names["query"], names["header"], body)


def pointed(document: Any, pointer: str, value: str) -> Any:
    """A copy of the document with this value at that place."""
    first, _, rest = pointer.removeprefix("/").partition("/")
    inner = pointed(_inside(document, first), f"/{rest}", value) if rest else value
    if isinstance(document, list):
        return [inner if str(at) == first else one for at, one in enumerate(document)]
    return {**document, first: inner}


def _inside(document: Any, name: str) -> Any:
    if isinstance(document, list):
        return document[int(name)]
    return document.get(name, {})


def _differences(route: Entry, entry: Entry) -> Iterator[str]:
    for kind in ("path", "query", "headers"):
        there, told = set(getattr(route, kind)), set(getattr(entry, kind))
        yield from (f"the matrix does not say what {name} in its {kind} names" for name in there - told)
        yield from (f"the matrix names {name} in its {kind}, the route does not" for name in told - there)
    if (route.body is None) != (entry.body is None):
        yield (
            "the matrix has no body for it"
            if entry.body is None
            else "the matrix has a body, the route takes none"
        )


def _entry(name: str, told: dict[str, Any]) -> Entry:
    method, _, route = name.partition(" ")
    return Entry(method, route, **{**told, "free": tuple(told.get("free", ()))})


def _filled(value: Any, own: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _NAMED.sub(lambda kind: own[kind[1]], value)
    if isinstance(value, list):
        return [_filled(one, own) for one in value]
    return {key: _filled(one, own) for key, one in value.items()} if isinstance(value, dict) else value
