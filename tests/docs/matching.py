"""Whether what a command printed is what its page shows. `…` stands for anything; ids, times and measures go by kind."""

import json
import re
from typing import Any

_KINDS = (
    (re.compile(r"\b(exe|tool|prc)_(?:[0-9a-f]{32}|…)"), r"\1_ID"),
    (re.compile(r"\btcb_(?:[0-9a-f]+_[0-9a-f]+_[0-9a-f]+|…)"), "KEY"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z"), "TIME"),
    (re.compile(r"(?<![\w.])\d+\.\d+(?![\w.])"), "MEASURE"),
)
_BLANKS = re.compile(r"[ \t]+")


def agrees(shown: str, printed: str) -> bool:
    """JSON by its value where the page shows whole JSON, else text, line by line but for blanks."""
    try:
        expected, found = json.loads(shown), json.loads(printed)
    except ValueError:
        return _text_agrees(shown.strip("\n"), printed.strip("\n"))
    return _value_agrees(expected, found)


def _value_agrees(expected: Any, found: Any) -> bool:
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(_value_agrees(expected[k], found[k]) for k in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(_value_agrees, expected, found))
    if isinstance(expected, str) and isinstance(found, str):
        return _text_agrees(expected, found)
    if isinstance(expected, float):
        return type(found) in (int, float)
    return type(expected) is type(found) and bool(expected == found)


def _text_agrees(shown: str, printed: str) -> bool:
    pattern = re.escape(_plain(shown)).replace("…", ".*?")
    return re.fullmatch(pattern, _plain(printed), re.DOTALL) is not None


def _plain(text: str) -> str:
    for kind, name in _KINDS:
        text = kind.sub(name, text)
    return "\n".join(_BLANKS.sub(" ", line).strip() for line in text.splitlines())
