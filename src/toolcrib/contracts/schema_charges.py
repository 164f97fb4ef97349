"""What each keyword of a schema costs, and how heavy a value is: the measured figures that `schema_cost` reckons with.

All are in units of about 10 ns, taken from the worst value found for the keyword.
"""

import re
from dataclasses import dataclass
from itertools import chain
from typing import Any

MAX_VALUE_DEPTH = 64
MAX_COUNTED = 200_000  # nodes: counting more takes as long as validating may

_NAME = 4  # one look-up in the value
_NODE_OF_ENUM = 30  # one comparison; members of one scalar type are hashed instead
_HASHED = 3
_WHOLE_STEP, _SMALL_STEP, _EXTREME_STEP = 60, 400, 1_400  # multipleOf is worked out in long integers
_EXTREME = 1e30
_EXTREME_NUMBER = 8  # more weight for a float whose digits fill a long integer
_UNIQUE = 15  # for each node below the array
_CONTAINS = 10
KEY_TEST = 6
_PATTERN_CALL = 5
_POSITION = 8  # for eight characters, when the engine must track each position of the pattern
_EIGHT_CHARACTERS = {"minLength": 2, "maxLength": 2, "contentEncoding": 10, "contentMediaType": 20}
_LISTS_OF_NAMES = ("required", "dependentRequired", "dependencies", "dependentSchemas")
_SAYS_NOTHING = frozenset(
    (
        "$schema",
        "$id",
        "$comment",
        "$defs",
        "definitions",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
    )
)
_CHARGED = frozenset(  # for more than that they are there
    (
        *_LISTS_OF_NAMES,
        *_EIGHT_CHARACTERS,
        "allOf",
        "anyOf",
        "oneOf",
        "enum",
        "const",
        "multipleOf",
        "pattern",
    )
) | {"patternProperties", "uniqueItems", "contains"}

_TOKEN = re.compile(
    r"\\[pPuk]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|\(\?(?:<\w+>|:)|.", re.DOTALL
)
_ONE_RUN = re.compile(r"\^(?:\.|\\.|\[(?:\\.|[^\]\\\[])+\])(?:[*+?]|\{[\d,]+\})\$?", re.DOTALL)


@dataclass(slots=True)
class Charges:
    """What is asked once for a value, for its text, for all below it, and for each of its children."""

    here: int = 0
    text: int = 0  # for eight characters
    below: int = 0  # for each unit of weight
    each: int = 0

    def add(self, other: "Charges", times: int) -> None:
        """Add what applies so many times more."""
        self.here += times * other.here
        self.text += times * other.text
        self.below += times * other.below
        self.each += times * other.each


@dataclass(frozen=True, slots=True)
class Weight:
    """The measures of a value that its cost depends on."""

    total: int  # nodes, and one more for every eight characters
    nodes: int
    depth: int
    longest_key: int


class TooCostly(ValueError):
    """A schema, or a value under it, asks for more work than the budget allows; the text says what to do."""


def charges_of(schema: dict[str, Any]) -> Charges:
    """Charge the keywords of one subschema; what the subschemas that it holds cost is theirs."""
    here = 1 + len(schema.keys() - _SAYS_NOTHING)
    if _CHARGED.isdisjoint(schema):
        return Charges(here)
    here += sum(len(held) for held in map(schema.get, ("allOf", "anyOf", "oneOf")) if isinstance(held, list))
    here += _NAME * sum(_names_in(schema.get(keyword)) for keyword in _LISTS_OF_NAMES)
    here += _cost_of_enum(schema.get("enum")) + _cost_of_enum(
        [schema["const"]] if "const" in schema else None
    )
    here += _cost_of_step(schema["multipleOf"]) if "multipleOf" in schema else 0
    pattern, keyed = schema.get("pattern"), schema.get("patternProperties")
    text = sum(cost for keyword, cost in _EIGHT_CHARACTERS.items() if keyword in schema)
    text += _cost_of_pattern(pattern) if isinstance(pattern, str) else 0
    return Charges(
        here=here,
        text=text,
        below=_UNIQUE if schema.get("uniqueItems") is True else 0,
        each=(_CONTAINS if "contains" in schema else 0) + sum(map(_cost_of_pattern, keyed or ())),
    )


def _names_in(held: object) -> int:
    if isinstance(held, dict):
        return len(held) + sum(len(names) for names in held.values() if isinstance(names, list))
    return len(held) if isinstance(held, list) else 0


def _cost_of_enum(options: object) -> int:
    if not isinstance(options, list):
        return 0
    if len({type(option) for option in options}) == 1 and isinstance(options[0], (str, int)):
        return _HASHED
    return _NODE_OF_ENUM * weigh(options).total


def _cost_of_step(step: float) -> int:
    if not 1 / _EXTREME < step < _EXTREME:
        return _EXTREME_STEP
    return _SMALL_STEP if step % 1 else _WHOLE_STEP


def _cost_of_pattern(pattern: str) -> int:
    return _PATTERN_CALL + _POSITION * positions(pattern)


def weigh(value: object) -> Weight:
    """Weigh a JSON value level by level; `TooCostly` when it is deeper or larger than is ever counted."""
    level: list[Any] = [value]
    total, nodes, longest_key = 0, 1, 0
    for depth in range(MAX_VALUE_DEPTH + 2):
        kinds = set(map(type, level))
        objects, lists = _of(dict, level, kinds), _of(list, level, kinds)
        nodes += sum(map(len, objects)) + sum(map(len, lists))
        if nodes > MAX_COUNTED:
            raise TooCostly("is too large for this schema")
        keys = list(map(len, chain.from_iterable(objects)))
        longest_key = max(longest_key, max(keys, default=0))
        total += (sum(map(len, _of(str, level, kinds))) + sum(keys)) >> 3
        total += sum(map(extra_of_number, _of(float, level, kinds)))
        level = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(lists)]
        if not level:
            return Weight(total + nodes, nodes, depth, longest_key)
    raise TooCostly(f"is nested more than {MAX_VALUE_DEPTH} levels deep")


def _of(kind: type, level: list[Any], kinds: set[type]) -> list[Any]:
    """The items of one kind, at the speed of the interpreter's own loops: a level may hold all there is."""
    if kind not in kinds:
        return []
    return level if len(kinds) == 1 else [item for item in level if type(item) is kind]


def extra_of_number(item: object) -> int:
    """Return what a number weighs beyond one node: more when its digits fill a long integer."""
    if isinstance(item, float) and not 1 / _EXTREME < abs(item) < _EXTREME:
        return _EXTREME_NUMBER
    return 0


def positions(pattern: str) -> int:
    """Bound how many places of a pattern the engine may have to track at once."""
    if _ONE_RUN.fullmatch(pattern):
        return 1  # starts at one place and is at one place ever after
    open_groups, last = [0], 0
    for token in _TOKEN.finditer(pattern):
        text = token.group()
        if text.startswith("("):
            open_groups.append(0)
        elif text == ")":
            last = open_groups.pop() if len(open_groups) > 1 else 0
            open_groups[-1] += last
        elif token.group(1):
            times = max(int(token.group(1)), int(token.group(2) or 0), 1)
            open_groups[-1] += last * (times - 1)
            last *= times
        elif text not in "*+?|^$":
            last = 1
            open_groups[-1] += 1
    return max(sum(open_groups), 1)
