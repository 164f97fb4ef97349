"""Paths into JSON values: how a mapping names a place. Keys that hold dots are found as they stand."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

MAX_SEGMENTS = 64
# Twice what any path needs that never has to step back: a hostile value cannot buy more work than this.
MAX_LOOKUPS = 4096

_INDEX = re.compile(r"(?:0|[1-9][0-9]{0,8})\Z")
_BAD_ESCAPE = re.compile(r"~(?![01])")


class _Missing(Enum):
    MISSING = "missing"


MISSING: Final = _Missing.MISSING

Step = tuple[str, int | None, int]


class PathError(ValueError):
    """A text or list is no path; the message says why and what to write instead."""


@dataclass(frozen=True, slots=True)
class Path:
    """A path made ready. `steps[i]` are the keys to try from segment `i` on, longest first: (key, index, next)."""

    text: str
    steps: tuple[tuple[Step, ...], ...]

    def find(self, value: Any) -> Any:
        """The value at this path, or `MISSING`; `None` only when the place holds a null."""
        if len(self.steps) == 1 and type(value) is dict:
            return value.get(self.steps[0][0][0], MISSING)
        pending = [(0, value)]
        looked = 0
        while pending and looked < MAX_LOOKUPS:
            start, node = pending.pop()
            if start == len(self.steps):
                return node
            looked += len(self.steps[start])
            # The longest key goes on top of the stack, so shorter ones are tried only when it leads nowhere.
            pending += [
                (after, child)
                for key, index, after in reversed(self.steps[start])
                if (child := _child(node, key, index)) is not MISSING
            ]
        return MISSING


def parse_path(expression: str | Sequence[str | int]) -> Path:
    """A path from its written form: a list of keys, a JSON Pointer (starts with `/`) or a dotted text ("" is all)."""
    if not isinstance(expression, str):
        return Path("/" + "/".join(_escape(str(part)) for part in expression), _exact(_listed(expression)))
    if expression.startswith("/"):
        return Path(expression, _exact(pointer_segments(expression)))
    return Path(expression, _dotted(expression.split(".")) if expression else ())


def pointer_segments(pointer: str) -> tuple[str, ...]:
    """The keys of a JSON Pointer; raises `PathError` when it is none."""
    if not pointer.startswith("/"):
        raise PathError("A JSON Pointer starts with `/`.")
    if _BAD_ESCAPE.search(pointer):
        raise PathError("In a JSON Pointer `~` stands only in `~0` (for `~`) and `~1` (for `/`).")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))


def pointer(*parts: str | int) -> str:
    """The JSON Pointer that leads through these keys."""
    return "".join("/" + _escape(str(part)) for part in parts)


def _child(node: Any, key: str, index: int | None) -> Any:
    if type(node) is dict:
        return node.get(key, MISSING)
    if type(node) is list and index is not None and index < len(node):
        return node[index]
    return MISSING


def _listed(parts: Sequence[str | int]) -> tuple[str, ...]:
    if not parts:
        raise PathError("A path given as a list names at least one key.")
    if any(isinstance(part, bool) or (isinstance(part, int) and part < 0) for part in parts):
        raise PathError("An index in a path is a whole number from 0 on.")
    return tuple(str(part) for part in parts)


def _exact(segments: Sequence[str]) -> tuple[tuple[Step, ...], ...]:
    _refuse_long(segments)
    return tuple(((segment, _index(segment), at + 1),) for at, segment in enumerate(segments))


def _dotted(segments: Sequence[str]) -> tuple[tuple[Step, ...], ...]:
    _refuse_long(segments)
    return tuple(_prefixes(segments, start) for start in range(len(segments)))


def _prefixes(segments: Sequence[str], start: int) -> tuple[Step, ...]:
    longer = [(".".join(segments[start:end]), None, end) for end in range(len(segments), start + 1, -1)]
    return (*longer, (segments[start], _index(segments[start]), start + 1))


def _index(segment: str) -> int | None:
    return int(segment) if _INDEX.match(segment) else None


def _refuse_long(segments: Sequence[str]) -> None:
    if len(segments) > MAX_SEGMENTS:
        raise PathError(f"A path has at most {MAX_SEGMENTS} parts; this one has {len(segments)}.")


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
