"""Where a schema marks values as `writeOnly`: which of its subschemas apply to a value, from the root downwards.

Whatever may apply is taken to apply: an alternative that the value does not match, a pattern that a name may not match.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .schema_plain import plain
from .schema_rules import IN_PLACE, Node, Reading, unescape

State: TypeAlias = frozenset[str]
"""The subschemas that apply to one value, by pointer; only those that lead to a mark."""

_OTHER_MEMBERS = frozenset(("patternProperties", "additionalProperties", "unevaluatedProperties"))
_OTHER_ITEMS = frozenset(("items", "additionalItems", "unevaluatedItems"))
_MOST_REMEMBERED = 4_096


@dataclass(slots=True)
class _Leads:
    """Where one subschema leads."""

    in_place: list[str] = field(default_factory=list)
    members: dict[str, str] = field(default_factory=dict)
    other_members: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    other_items: list[str] = field(default_factory=list)
    any_item: list[str] = field(default_factory=list)

    def all(self) -> Iterator[str]:
        """Every subschema that a value here, or one below it, may meet."""
        yield from (*self.in_place, *self.members.values(), *self.other_members)
        yield from (*self.places, *self.other_items, *self.any_item)


class Marks:
    """The marks of one accepted schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        nodes = Reading(plain(schema).document).nodes
        self._leads = {pointer: _leads(node) for pointer, node in nodes.items()}
        self._marked = {pointer for pointer, node in nodes.items() if node.schema.get("writeOnly") is True}
        self._live = _before(self._marked, self._leads)
        self._named = frozenset(name for leads in self._leads.values() for name in leads.members)
        self._known: dict[tuple[State, str | int | None], State] = {}
        self.root = self._together([""])

    def marks(self, state: State) -> bool:
        """Whether the value itself is marked."""
        return not self._marked.isdisjoint(state)

    def member(self, state: State, name: str) -> State:
        """What applies to a member of an object."""
        return self._step(state, name if name in self._named else None)

    def item(self, state: State, position: int) -> State:
        """What applies to an item of a list."""
        longest = max((len(self._leads[pointer].places) for pointer in state), default=0)
        return self._step(state, min(position, longest))

    def _step(self, state: State, to: str | int | None) -> State:
        known = self._known.get((state, to))
        if known is not None:
            return known
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        below = (part for pointer in state for part in _below(self._leads[pointer], to))
        found = self._known[state, to] = self._together(below)
        return found

    def _together(self, pointers: Iterable[str]) -> State:
        found: set[str] = set()
        waiting = list(pointers)
        while waiting:
            pointer = waiting.pop()
            if pointer in self._live and pointer not in found:
                found.add(pointer)
                waiting += self._leads[pointer].in_place
        return frozenset(found)


def _below(leads: _Leads, to: str | int | None) -> Iterable[str]:
    if isinstance(to, int):
        return [*(leads.places[to : to + 1] or leads.other_items), *leads.any_item]
    named = leads.members.get(to) if to is not None else None
    return leads.other_members if named is None else [named]


def _leads(node: Node) -> _Leads:
    found = _Leads(in_place=list(node.refs))
    for keyword, key, below in node.parts:
        if keyword in IN_PLACE:
            found.in_place.append(below)
        elif keyword == "properties":
            found.members[unescape(key[1:])] = below
        elif keyword in _OTHER_MEMBERS:
            found.other_members.append(below)
        elif keyword == "prefixItems" or (keyword == "items" and key):
            found.places.append(below)
        elif keyword in _OTHER_ITEMS:
            found.other_items.append(below)
        elif keyword == "contains":
            found.any_item.append(below)
    return found


def _before(marked: Iterable[str], leads: Mapping[str, _Leads]) -> set[str]:
    """The subschemas from which a marked one is reached."""
    above = defaultdict(list)
    for pointer, one in leads.items():
        for below in one.all():
            above[below].append(pointer)
    found, waiting = set[str](), list(marked)
    while waiting:
        pointer = waiting.pop()
        if pointer not in found:
            found.add(pointer)
            waiting += above[pointer]
    return found
