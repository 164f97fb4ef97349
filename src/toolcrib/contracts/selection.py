"""What of an output is answered: some of its fields, ids alone, the first elements. The ledger keeps the whole output.

Fields lead through objects; at a list they go on in each of its elements. An output that is an object with one list
(`{items, count}`) is read as that list wherever the object itself has nothing of the name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import Invalid
from .faults import Fault
from .paths import MAX_SEGMENTS, PathError, pointer_segments

MAX_PATHS = 32
MAX_LIMIT = 10_000
# Names of a path are joined again and again, so the steps below bound the work only where paths are short.
MAX_PATH = 1_000
# What picking fields may cost: about 50 ms. A list that asks more is cut, and said to be.
MAX_STEPS = 100_000


@dataclass(frozen=True, slots=True)
class Field:
    """A field to keep: its segments, and whether several of them may be one key that holds dots."""

    segments: tuple[str, ...]
    dotted: bool

    def after(self, used: int) -> "Field":
        """What is left of the way behind the first segments."""
        return Field(self.segments[used:], self.dotted)


@dataclass(frozen=True, slots=True)
class Selection:
    """What to answer; made by `parse_selection`."""

    fields: tuple[Field, ...] | None = None
    ids_only: bool = False
    limit: int | None = None

    def apply(self, output: Any) -> tuple[Any, bool]:
        """What is answered of an output, and whether elements were left out."""
        name, elements = _the_list(output)
        if elements is None:
            return (output, False) if self.fields is None else _picked(self.fields, output)
        if self.ids_only:
            ids = [one["id"] for one in elements if isinstance(one, dict) and "id" in one]
            return {"ids": ids[: self.limit], "count": len(ids)}, self._cuts(ids)
        shown = elements if self.limit is None else elements[: self.limit]
        shortened = shown if name is None else {**output, name: shown}
        if self.fields is None:
            return shortened, self._cuts(elements)
        picked, cut = _picked(self.fields, shortened)
        return picked, cut or self._cuts(elements)

    def _cuts(self, elements: Sequence[Any]) -> bool:
        return self.limit is not None and len(elements) > self.limit


def parse_selection(select: Any, limit: Any, *, ids_only: bool) -> Selection | None:
    """The selection in a request; None where all is wanted. Raises `Invalid`."""
    faults: list[Fault] = []
    fields: tuple[Field, ...] | None = None
    if select is not None and (not isinstance(select, list) or len(select) > MAX_PATHS):
        faults.append(Fault("/select", f"give a list of at most {MAX_PATHS} paths"))
    elif select is not None:
        fields = tuple(
            found
            for at, one in enumerate(select)
            if (found := _field(one, f"/select/{at}", faults)) is not None
        )
        fields = fields or None  # nothing named is nothing left out
    if limit is not None and (type(limit) is not int or not 1 <= limit <= MAX_LIMIT):
        faults.append(Fault("/limit", f"give a whole number from 1 to {MAX_LIMIT}"))
    if faults:
        raise Invalid.because("The body is not valid.", faults)
    return Selection(fields, ids_only, limit) if fields is not None or ids_only or limit is not None else None


def _field(path: Any, where: str, faults: list[Fault]) -> Field | None:
    if not isinstance(path, str) or not path:
        faults.append(Fault(where, "give a dotted path or a JSON Pointer"))
        return None
    if len(path) > MAX_PATH:
        faults.append(Fault(where, f"has more than {MAX_PATH} characters"))
        return None
    dotted = not path.startswith("/")
    try:
        segments = tuple(path.split(".")) if dotted else pointer_segments(path)
    except PathError as bad:
        faults.append(Fault(where, str(bad)))
        return None
    if len(segments) > MAX_SEGMENTS:
        faults.append(Fault(where, f"has more than {MAX_SEGMENTS} parts"))
        return None
    return Field(segments, dotted)


def _the_list(output: Any) -> tuple[str | None, list[Any] | None]:
    """The list that an output is, or the only one that it holds and under which name."""
    if isinstance(output, list):
        return None, output
    held = (
        [name for name, value in output.items() if isinstance(value, list)]
        if isinstance(output, dict)
        else []
    )
    return (held[0], output[held[0]]) if len(held) == 1 else (None, None)


def _picked(fields: tuple[Field, ...], output: Any) -> tuple[Any, bool]:
    picker = _Picker()
    kept = picker.pick(output, fields)
    name, elements = _the_list(output)
    if name is not None and elements is not None and name not in kept:
        others = tuple(one for one in fields if picker.step(output, one) is None)
        of_list = picker.pick(elements, others) if others else []
        if others and (not elements or any(of_list)):
            kept = {**kept, name: of_list}
    return kept, picker.cut


@dataclass(slots=True)
class _Picker:
    """Picks fields until its steps are used up."""

    left: int = MAX_STEPS
    cut: bool = field(default=False)

    def pick(self, value: Any, fields: tuple[Field, ...]) -> Any:
        if any(not one.segments for one in fields) or not isinstance(value, (dict, list)):
            return value
        return self._of_list(value, fields) if isinstance(value, list) else self._of_object(value, fields)

    def step(self, value: dict[str, Any], one: Field) -> tuple[str, int] | None:
        """The key that a field begins with here, the longest there is, and how many segments it takes."""
        longest = len(one.segments) if one.dotted else 1
        self.left -= longest
        for used in range(longest, 0, -1):
            key = ".".join(one.segments[:used])
            if key in value and (used == len(one.segments) or isinstance(value[key], (dict, list))):
                return key, used
        return None

    def _of_list(self, elements: list[Any], fields: tuple[Field, ...]) -> list[Any]:
        picked = []
        for element in elements:
            if self.left <= 0:
                self.cut = True
                break
            self.left -= 1
            if isinstance(element, (dict, list)):
                picked.append(self.pick(element, fields))
        return picked

    def _of_object(self, value: dict[str, Any], fields: tuple[Field, ...]) -> dict[str, Any]:
        wanted: dict[str, tuple[Field, ...]] = {}
        for one in fields:
            found = self.step(value, one)
            if found is not None:
                key, used = found
                wanted[key] = (*wanted.get(key, ()), one.after(used))
        picked = {key: self.pick(value[key], wanted[key]) for key in value if key in wanted}
        whole = {key for key, rest in wanted.items() if any(not one.segments for one in rest)}
        return {key: kept for key, kept in picked.items() if kept != {} or key in whole}
