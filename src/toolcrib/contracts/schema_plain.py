"""A schema in plain form: no names, and no reference but pointers from its root (`#/…`). It means what was written.

The library, the budget, the marks and all others who follow references read this form, so that none of them can take
a reference for something else than the others do, and none ever sees an address.

Where the meaning of a `$dynamicRef` depends on the way to it, each way gets a copy of the part, with a plain `$ref`.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote

import orjson

from .faults import Fault
from .schema_dialect import Dialect, dialect_of, follows_standard, says_standard
from .schema_refs import Names, Resource, Target, is_written
from .schema_rules import MAX_BYTES, MAX_SUBSCHEMAS, REFS, shape_faults, with_parts

MAX_WRITTEN = 4 * MAX_BYTES

_NAMING = re.compile(
    rb'"(?:\$id|\$anchor|\$vocabulary|\$(?:dynamic|recursive)(?:Anchor|Ref))":|"\$ref":(?!"#["/])'
)
_NAMING_OF_DRAFT_4 = (b"draft-04", b'"id":')
_AS_THEY_ARE = "/~!$&'()*+,;=:@?"
_TOO_MANY = "holds too many ways to its '$dynamicRef', or refers to too much that is no schema's part; refer with '$ref'"
_NAMES = ("$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor")

_Kind = TypeVar("_Kind", dict[str, Any], list[Any])
State: TypeAlias = tuple[tuple[str, str], ...]
"""For each name that a `$dynamicRef` asks for, the resource that was met first on the way here."""


@dataclass(frozen=True, slots=True)
class Plain:
    """The plain form; as it was written where there are `faults`. `copies` tells of what a part is a copy, `instead`
    what the root says in place of a dialect of its own.
    """

    document: dict[str, Any]
    faults: list[Fault] = field(default_factory=list)
    copies: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)

    def written(self, pointer: str) -> str:
        """Where that which stands at a pointer was written."""
        for copy, place in self.copies.items():
            if pointer == copy or pointer.startswith(f"{copy}/"):
                return place + pointer[len(copy) :]
        return pointer


def plain(document: Mapping[str, Any], written: bytes | None = None) -> Plain:
    """A schema in plain form, itself if it is; `written` is the JSON text of one whose shape has been checked."""
    schema = dict(document)
    if written is None:
        faults = shape_faults(schema)
        if faults:
            return Plain(schema, faults)
        written = orjson.dumps(schema)
    if _NAMING.search(written) is None and not all(part in written for part in _NAMING_OF_DRAFT_4):
        return Plain(schema)
    names = Names(schema)
    dialect = dialect_of(names, schema)
    faults = [*names.faults, *dialect.faults]
    return Plain(schema, faults) if faults else _Writer(names, dialect, schema).write()


class _Writer:
    """Writes the document, and copies of those parts that cannot be referred to where they stand."""

    def __init__(self, names: Names, dialect: Dialect, document: dict[str, Any]) -> None:
        self._names = names
        self._dialect = dialect
        self._document = document
        self._prefix = "copy"
        while any(key.startswith(self._prefix) for key in _held(document, names.draft.defs, dict)):
            self._prefix += "-"
        self._slots: dict[tuple[str, State], str] = {}
        self._waiting: list[tuple[str, State, str]] = []
        self._subschemas = 0
        declared = Counter(name for resource in names.resources.values() for name in resource.dynamic)
        self._asked = {name for name, times in declared.items() if times > 1}
        self._homes: dict[str, State] = {}
        for place, resource in names.resources.items():  # the one around comes first
            around = () if resource.around is None else self._homes[resource.around]
            self._homes[place] = self._entered(around, resource)

    def write(self) -> Plain:
        """The plain form, or a fault when the copies grow beyond what a schema may be."""
        made = self._copied("", self._document, self._homes[""])
        copies: dict[str, Any] = {}
        size = 0
        for start, state, key in self._waiting:  # it grows: a copy refers to others
            part = self._names.at(start)
            size += len(orjson.dumps(part))
            if size > MAX_WRITTEN or self._subschemas > MAX_SUBSCHEMAS:
                return Plain(self._document, [Fault("", _TOO_MANY)])
            copies[key] = self._copied(start, part, state)
        if copies:
            made[self._names.draft.defs] = _held(made, self._names.draft.defs, dict) | copies
        instead = {"$schema": self._names.draft.address} if self._dialect.place else {}
        places = {f"/{self._names.draft.defs}/{key}": start for start, _, key in self._waiting}
        return Plain({**made, **instead}, [], places, instead)

    def _copied(self, place: str, schema: Any, state: State) -> Any:
        if not isinstance(schema, dict):
            return schema
        self._subschemas += 1
        resource = self._names.resources.get(place)
        if resource is not None:
            state = self._entered(state, resource)
        made = with_parts(schema, lambda step, part: self._copied(place + step, part, state))
        self._unname(place, made)
        leads = [
            f"#{quote(self._pointer(self._names.targets[place, keyword], state), safe=_AS_THEY_ARE)}"
            for keyword in self._names.draft.refs
            if keyword in schema
        ]
        for keyword in REFS:
            made.pop(keyword, None)
        if leads:
            made["$ref"] = leads[0]
        if leads[1:]:
            made["allOf"] = [*_held(made, "allOf", list), *({"$ref": lead} for lead in leads[1:])]
        return made

    def _unname(self, place: str, schema: dict[str, Any]) -> None:
        names, dialect = self._names, self._dialect
        for keyword in _NAMES:
            schema.pop(keyword, None)
        if isinstance(schema.get(names.draft.id), str):
            del schema[names.draft.id]
        if place in names.resources and place and says_standard(names, schema):
            del schema["$schema"]
        if place == dialect.place or not is_written(place):
            schema.pop("$vocabulary", None)
        if dialect.left_out and not follows_standard(names, names.around(place)):
            for keyword in dialect.left_out & schema.keys():
                del schema[keyword]

    def _pointer(self, target: Target, state: State) -> str:
        """Where in the plain form that stands which a reference means, on a way that has met what `state` says."""
        names, place = self._names, target.place
        met = dict(state)
        if target.name in met:
            place = names.resources[met[target.name]].dynamic[target.name]
        resource = names.around(place)
        state = self._entered(state, resource)
        loose = names.is_loose(place)
        if not loose and is_written(place) and state == self._homes[resource.place]:
            return place
        start = place if loose else resource.place
        if (start, state) not in self._slots:
            key = self._slots[start, state] = f"{self._prefix}{len(self._slots)}"
            self._waiting.append((start, state, key))
        return f"/{names.draft.defs}/{self._slots[start, state]}{place[len(start) :]}"

    def _entered(self, state: State, resource: Resource) -> State:
        new = (resource.dynamic.keys() & self._asked) - dict(state).keys()
        return tuple(sorted((*state, *((name, resource.place) for name in new)))) if new else state


def _held(schema: dict[str, Any], keyword: str, kind: type[_Kind]) -> _Kind:
    """What a keyword holds; nothing where it holds what the meta-schema will refuse."""
    held = schema.get(keyword)
    return held if isinstance(held, kind) else kind()
