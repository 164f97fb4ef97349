"""How much work a schema can ask for: a bound known at compile, and a count over one value where the bound is too wide.

`schema` refuses a value whose validation could pass the budget. Costs are in units of about 10 ns, as measured.
A rate is the most that one unit of a value's weight (a node, or eight characters) can cost at a given depth. It is
worked out by arithmetic over the graph of subschemas; no `$ref` is ever expanded.
"""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field

from .schema_charges import (
    KEY_TEST,
    MAX_VALUE_DEPTH,
    Charges,
    TooCostly,
    Weight,
    charges_of,
    extra_of_number,
    weigh,
)
from .schema_rules import IN_PLACE, Node, Reading, unescape

BUDGET = 2_500_000  # units: 25 ms where every unit is spent, so that a slow machine stays within 50 ms
MAX_CHAIN = 64  # subschemas that apply to one value through one another: each is a frame on the native stack
MAX_RATE = 100_000
MAX_LINKS = 20_000
MAX_STEPS = 40_000  # of counting, at half a microsecond each

_OF_ITEMS = frozenset(  # any item may meet any of these
    ("prefixItems", "items", "additionalItems", "contains", "unevaluatedItems")
)
_OF_MEMBERS = frozenset(("additionalProperties", "patternProperties", "unevaluatedProperties"))
_SIZES = tuple(sorted({2**n for n in range(26)} | {3 * 2**n for n in range(24)}))

Group = dict[str, int]
"""How often each of some subschemas applies."""


@dataclass(slots=True)
class Profile:
    """What one subschema asks for, with all that applies in place with it: at the value, and at each child."""

    own: Charges = field(default_factory=Charges)
    keyed: dict[str, Group] = field(default_factory=dict)
    members: Group = field(default_factory=dict)
    items: Group = field(default_factory=dict)

    def groups(self) -> Iterator[Group]:
        """Yield the subschemas that may meet at one child, once for each kind of child."""
        yield self.members
        yield self.items
        yield from self.keyed.values()


class Cost:
    """The cost of one schema. Built at compile, asked before each validation that is not obviously cheap."""

    def __init__(self, reading: Reading) -> None:
        """Work out profiles and rates; `TooCostly` when the smallest value would already ask too much."""
        self._nodes = reading.nodes
        self._links = 0
        self._heights: dict[str, int] = {}
        self._closures: dict[str, Group] = {}
        self._collected: dict[str, Group] = {}
        self._profiles: dict[str, Profile] = {}
        self._read_profiles()
        self.rates = self._work_out_rates()
        if self.rates[0] > MAX_RATE:
            raise TooCostly(
                "asks too much work of one value; refer to each part once and shorten mixed enums"
            )
        # A larger value costs more, so the sizes within the budget come first.
        self.free_size = _SIZES[bisect(_SIZES, BUDGET, key=lambda size: self._bound(size, size // 2)) - 1]

    def rate(self, depth: int) -> int:
        """Return the most that a unit of weight can cost in a value of this depth."""
        return self.rates[min(depth, len(self.rates) - 1)]

    def check(self, value: object) -> Weight:
        """Weigh a value, or raise `TooCostly` when its validation could pass the budget."""
        weight = weigh(value)
        if self._bound(weight.total, weight.depth) > BUDGET and self._count(value, weight.total) > BUDGET:
            raise TooCostly("is too large or too deep for this schema")
        return weight

    def _bound(self, weight: int, depth: int) -> int:
        return self.rate(depth) * weight

    def _count(self, value: object, weight: int) -> int:
        """Walk value and schema together. Many steps are a refusal too, for they cost as validating would."""
        total = steps = 0
        waiting: list[tuple[str, int, object]] = [("", 1, value)]
        while waiting and total <= BUDGET:
            pointer, times, item = waiting.pop()
            profile = self._profiles[pointer]
            total += times * profile.own.here * (1 + extra_of_number(item))
            if isinstance(item, str):
                total += times * profile.own.text * (1 + (len(item) >> 3))
            elif isinstance(item, list):
                total += times * profile.own.below * weight
            for key, child in _children(item):
                total += times * profile.own.each * (1 + (len(key or "") >> 3))
                group = profile.items if key is None else profile.keyed.get(key, profile.members)
                waiting.extend((name, times * n, child) for name, n in group.items() if n)
                steps += 1 + len(group)
                if steps > MAX_STEPS:
                    return BUDGET + 1
        return total

    def _read_profiles(self) -> None:
        waiting = [""]
        while waiting:
            pointer = waiting.pop()
            if pointer not in self._profiles and pointer in self._nodes:
                profile = self._profiles[pointer] = self._profile(pointer)
                waiting.extend({name for group in profile.groups() for name in group})

    def _work_out_rates(self) -> list[int]:
        """Return the root's rate for depth 0, 1, 2 …, ending where no rate grows any more."""
        rates = {pointer: _rate(profile, {}) for pointer, profile in self._profiles.items()}
        of_root = [rates[""]]
        with_children = [pair for pair in self._profiles.items() if any(pair[1].groups())]
        for _ in range(MAX_VALUE_DEPTH):
            grown = {pointer: _rate(profile, rates) for pointer, profile in with_children}
            new = rates | grown
            of_root.append(new[""])
            if new == rates:
                break
            rates = new
        return of_root

    def _profile(self, pointer: str) -> Profile:
        self._height(pointer, 0)
        profile, members = Profile(), Group()
        for name, times in self._closure(pointer).items():
            node = self._nodes[name]
            profile.own.add(charges_of(node.schema), times)
            uneval = "unevaluatedProperties" in node.schema or "unevaluatedItems" in node.schema
            profile.own.each += KEY_TEST * times * len(self._closure(name)) if uneval else 0
            fallback = [part for keyword, _, part in node.parts if keyword == "additionalProperties"]
            for keyword, key, part in node.parts:
                if keyword == "properties":
                    group = profile.keyed.setdefault(unescape(key[1:]), {})
                    _tally(group, part, times)
                    for other in fallback:
                        _tally(group, other, -times)  # a key that `properties` names is no additional one
                elif keyword in _OF_ITEMS:
                    _tally(profile.items, part, times)
                elif keyword in _OF_MEMBERS:
                    _tally(members, part, times)
                elif keyword == "propertyNames":
                    profile.own.each += times * self._cost_of_name(part)
        self._spread(profile, members)
        return profile

    def _cost_of_name(self, pointer: str) -> int:
        self._height(pointer, 0)
        own = Charges(here=KEY_TEST)
        for name, times in self._closure(pointer).items():
            own.add(charges_of(self._nodes[name].schema), times)
        return own.here + own.text

    def _spread(self, profile: Profile, members: Group) -> None:
        """Give each named key what may apply to every key."""
        profile.members = members
        for group in profile.keyed.values():
            _add(group, members)
            self._charge(len(group))
        self._charge(len(members) + len(profile.items))

    def _height(self, pointer: str, above: int) -> int:
        """Measure the longest chain in place; this also refuses a schema that comes back to itself in place."""
        if pointer not in self._heights:
            if above > MAX_CHAIN:
                raise TooCostly(
                    f"applies more than {MAX_CHAIN} subschemas through one another, or itself, to one value"
                )
            below = [self._height(name, above + 1) for name in self._in_place(pointer)]
            self._heights[pointer] = 1 + max(below, default=0)
        if above + self._heights[pointer] > MAX_CHAIN:
            raise TooCostly(f"applies more than {MAX_CHAIN} subschemas through one another to one value")
        return self._heights[pointer]

    def _closure(self, pointer: str) -> Group:
        """Count how often each subschema is applied to the value to which this one is applied once."""
        if pointer not in self._closures:
            total = {pointer: 1}
            for name in self._in_place(pointer):
                _add(total, self._closure(name))
            if (
                not self._nodes[pointer]
                .schema.keys()
                .isdisjoint(("unevaluatedProperties", "unevaluatedItems"))
            ):
                _add(total, self._collect(pointer))
            self._charge(len(total))
            self._closures[pointer] = total
        return self._closures[pointer]

    def _collect(self, pointer: str) -> Group:
        """Count what runs again to learn which keys or items were evaluated: every subschema in place, at each level."""
        if pointer not in self._collected:
            total = Group()
            for name in self._in_place(pointer):
                _add(total, self._closure(name))
                _add(total, self._collect(name))
            self._charge(len(total))
            self._collected[pointer] = total
        return self._collected[pointer]

    def _in_place(self, pointer: str) -> list[str]:
        node: Node = self._nodes[pointer]
        return node.refs + [part for keyword, _, part in node.parts if keyword in IN_PLACE]

    def _charge(self, links: int) -> None:
        self._links += links
        if self._links > MAX_LINKS:
            raise TooCostly(
                "combines too many subschemas; refer to each part once and merge what can be merged"
            )


def _tally(group: Group, name: str, times: int) -> None:
    group[name] = group.get(name, 0) + times


def _add(group: Group, more: Group) -> None:
    for name, times in more.items():
        _tally(group, name, times)


def _rate(profile: Profile, rates: dict[str, int]) -> int:
    own, child = profile.own, 0
    for group in profile.groups() if rates else ():
        child = max(child, sum([times * rates.get(name, 0) for name, times in group.items()]))
    return min(own.below + max(own.here + own.text, own.each + child), BUDGET + 1)


def _children(item: object) -> Iterator[tuple[str | None, object]]:
    if isinstance(item, dict):
        yield from item.items()
    elif isinstance(item, list):
        yield from ((None, child) for child in item)
