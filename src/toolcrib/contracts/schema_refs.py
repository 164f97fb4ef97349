"""Which part of a document each of its references names: by a pointer, by an anchor, or by the address (`$id`) of a schema
that stands in the same document. Whatever else a reference names is a fault, and nothing is opened to find out.

A *resource* is a schema with an address of its own: the root, and each part with an `$id`. A *place* is a JSON Pointer
in the document; places in the meta-schema of the document's draft, which may be referred to as well, stand behind a
name of their own. Parts beyond the schema's keywords are *loose*: a pointer may name them, but they name nothing.
"""

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import unquote

import orjson

from .faults import Fault
from .schema_addresses import OF_NO_NAME, NoAddress, resolve
from .schema_rules import MAX_FAULTS, MAX_SUBSCHEMAS, REFS, TOO_MANY_SUBSCHEMAS, look_up, parts_of

_OF_THE_STANDARD = ("http://json-schema.org/", "https://json-schema.org/")
_RECURSIVE = "$recursiveAnchor"


@dataclass(frozen=True, slots=True)
class Draft:
    """How one draft of JSON Schema names parts."""

    address: str
    id: str = "$id"
    defs: str = "$defs"
    anchors: tuple[str, ...] = ()
    refs: tuple[str, ...] = ("$ref",)

    @property
    def modern(self) -> bool:
        """Whether what stands beside a `$ref` counts, and anchors have a keyword of their own."""
        return bool(self.anchors)


_NEWEST = Draft(
    "https://json-schema.org/draft/2020-12/schema",
    anchors=("$anchor", "$dynamicAnchor"),
    refs=("$ref", "$dynamicRef"),
)
_DRAFTS = {
    draft.address: draft
    for draft in (
        _NEWEST,
        Draft(
            "https://json-schema.org/draft/2019-09/schema",
            anchors=("$anchor",),
            refs=("$ref", "$recursiveRef"),
        ),
        Draft("http://json-schema.org/draft-07/schema", defs="definitions"),
        Draft("http://json-schema.org/draft-06/schema", defs="definitions"),
        Draft("http://json-schema.org/draft-04/schema", id="id", defs="definitions"),
    )
}


@dataclass(slots=True)
class Resource:
    """A schema with an address, and its anchors; `dynamic` are those that a `$dynamicRef` may choose."""

    place: str
    address: str
    around: str | None = None
    anchors: dict[str, str] = field(default_factory=dict)
    dynamic: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """What a reference names. With a `name`, the outermost resource on the way there that has it is chosen instead."""

    place: str
    name: str | None = None


class NotHere(LookupError):
    """A reference names nothing in the document; the text says what it lacks."""


class Names:
    """The names in one document and what its references lead to; `faults` holds what is wrong with either."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Read the whole document; the caller has checked its size and depth."""
        self.faults: list[Fault] = []
        self.draft = draft_of(document)
        self.sources: dict[str, Any] = {}
        self.resources: dict[str, Resource] = {}
        self.targets: dict[tuple[str, str], Target] = {}
        self.loose: set[str] = set()
        self._homes: dict[str, Resource] = {}
        self._places: dict[str, str] = {}
        self._refs: list[tuple[str, str, object]] = []
        self._read_source("", document, OF_NO_NAME)
        for place, keyword, ref in self._refs:  # it grows: what is referred to is read as well
            self._link(place, keyword, ref)
        if len(self._homes) > MAX_SUBSCHEMAS:
            self.faults = [Fault("", TOO_MANY_SUBSCHEMAS)]

    def around(self, place: str) -> Resource:
        """The resource to which a place belongs."""
        while place not in self._homes:
            place = place.rpartition("/")[0]
        return self._homes[place]

    def place_of(self, address: str) -> str | None:
        """Where the resource of that address stands, if it does."""
        return self._places.get(address.rstrip("#"))

    def is_loose(self, place: str) -> bool:
        """Whether no keyword of a schema leads to this place, or `true` or `false` stands there."""
        return place in self.loose or place not in self._homes

    def at(self, place: str) -> Any:
        """What stands at a place."""
        source, step, pointer = place.partition("/")
        return look_up(self.sources[source], step + pointer)[1]

    def _read_source(self, name: str, document: dict[str, Any], address: str) -> None:
        self.sources[name] = document
        self._read(name, document, Resource(name, address))

    def _read(self, place: str, schema: object, around: Resource, *, loose: bool = False) -> None:
        waiting = [(place, schema, around)]
        while waiting and len(self._homes) <= MAX_SUBSCHEMAS:
            place, schema, around = waiting.pop()
            if not isinstance(schema, dict) or place in self._homes:
                continue
            around = self._identify(place, schema, around, loose=loose)
            self._homes[place] = around
            if loose:
                self.loose.add(place)
            self._refs += [(place, keyword, schema[keyword]) for keyword in REFS if keyword in schema]
            waiting += [(f"{place}/{keyword}{key}", part, around) for keyword, key, part in parts_of(schema)]

    def _identify(self, place: str, schema: dict[str, Any], around: Resource, *, loose: bool) -> Resource:
        """Note what this schema is called, and return the resource that it is in."""
        own, anchors = self._called(schema)
        if loose:
            if own is not None or anchors:
                self._fault(place, "stands outside the schema's keywords: it may have neither id nor anchor")
            return around
        if own is not None:
            around = self._resource(place, own, around)
        if place == around.place:
            self.resources[place] = around
            self._places[around.address] = place
            if schema.get(_RECURSIVE) is True and "$recursiveRef" in self.draft.refs:
                around.dynamic[_RECURSIVE] = place
        for keyword, name in anchors:
            self._anchor(keyword, name, place, around)
        return around

    def _called(self, schema: dict[str, Any]) -> tuple[str | None, list[tuple[str, str]]]:
        """The address and the anchors that a schema gives itself."""
        if not self.draft.modern and "$ref" in schema:
            return None, []  # the older drafts ignore what stands beside it
        own = schema.get(self.draft.id)
        if not isinstance(own, str):
            own = None
        elif not self.draft.modern and own.startswith("#") and own != "#":
            return None, [(self.draft.id, own[1:])]
        names = [(keyword, schema.get(keyword)) for keyword in self.draft.anchors]
        return own, [(keyword, name) for keyword, name in names if isinstance(name, str)]

    def _resource(self, place: str, own: str, around: Resource) -> Resource:
        where = f"{place}/{self.draft.id}"
        try:
            address, fragment = resolve(around.address, own)
        except NoAddress:
            self._fault(where, "is not an address, or too long for one")
            return around
        if fragment:
            self._fault(where, "must not end in a fragment")
        elif address.startswith(_OF_THE_STANDARD) and is_written(place):
            self._fault(where, "is an address of the standard's own; choose another")
        elif address in self._places:
            self._fault(where, "stands twice: an id names one part only")
        else:
            return Resource(place, address, None if place == around.place else around.place)
        return around

    def _anchor(self, keyword: str, name: str, place: str, around: Resource) -> None:
        if around.anchors.setdefault(name, place) != place:
            self._fault(f"{place}/{keyword}", "stands twice: an anchor names one part only")
        if keyword == "$dynamicAnchor":
            around.dynamic[name] = place

    def _link(self, place: str, keyword: str, ref: object) -> None:
        try:
            self.targets[place, keyword] = self._find(place, keyword, ref)
        except NotHere as missing:
            self._fault(f"{place}/{keyword}", str(missing))

    def _find(self, place: str, keyword: str, ref: object) -> Target:
        if not isinstance(ref, str):
            raise NotHere("must be a text")
        resource, fragment = self._addressed(self.around(place), ref)
        if fragment and not fragment.startswith("/"):
            if fragment not in resource.anchors:
                raise NotHere("names no anchor of this schema")
            dynamic = keyword == "$dynamicRef" and fragment in resource.dynamic
            return Target(resource.anchors[fragment], fragment if dynamic else None)
        found, part = look_up(self.at(resource.place), fragment)
        if not found or not isinstance(part, (dict, bool)):
            raise NotHere("names no part of this schema")
        target = resource.place + fragment
        self._read(target, part, self.around(target), loose=True)
        recursive = keyword == "$recursiveRef" and not fragment and _RECURSIVE in resource.dynamic
        return Target(target, _RECURSIVE if recursive else None)

    def _addressed(self, around: Resource, ref: str) -> tuple[Resource, str]:
        """The resource that a reference names, and where in it."""
        if ref.startswith("#"):
            return around, unquote(ref[1:])
        try:
            address, fragment = resolve(around.address, ref)
        except NoAddress:
            raise NotHere("is not a reference") from None
        if address not in self._places and address in meta_schemas(self.draft.address):
            self._read_source(f"meta{len(self.sources)}", meta_schemas(self.draft.address)[address], address)
        if address not in self._places:
            raise NotHere(
                "must name a part of the same schema: by '#/…', by an anchor, or by an id that stands in it"
            )
        return self.resources[self._places[address]], unquote(fragment)

    def _fault(self, where: str, message: str) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(where, message))


def is_written(place: str) -> bool:
    """Whether a place is in the document itself, and not in a meta-schema."""
    return place.partition("/")[0] == ""


def draft_of(document: dict[str, Any]) -> Draft:
    """The draft that a document says it follows; the newest where it says nothing that is known."""
    named = document.get("$schema")
    return _DRAFTS.get(named.rstrip("#"), _NEWEST) if isinstance(named, str) else _NEWEST


@cache
def meta_schemas(draft: str) -> dict[str, dict[str, Any]]:
    """The documents that describe a draft, by address. They come with the house."""
    found: dict[str, dict[str, Any]] = orjson.loads(
        files(__package__).joinpath("meta_schemas.json").read_bytes()
    )[draft]
    return found
