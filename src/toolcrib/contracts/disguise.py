"""Characters that make a text look like another one: who agrees to a call must see what it says."""

import unicodedata
from collections.abc import Iterator
from typing import Any, Final

_HARMLESS: Final = frozenset("\n\r\t")
_MOST: Final = 100
_MORE: Final = "there are more texts like these; none of those after them is named"
_UNSEEN: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
) | frozenset(map(chr, (*range(0xFE00, 0xFE0F), *range(0xE0100, 0xE01F0))))
"""Letters and marks that leave no trace on the screen; but the selector that makes a sign an emoji."""
_ALIKE: Final = frozenset({"LATIN", "CYRILLIC", "GREEK"})
"""Scripts whose letters are taken for each other."""


def disguises(value: Any) -> dict[str, str]:
    """What is odd in the texts of a JSON value, by JSON Pointer: characters that are not seen or turn the writing round,
    and words of letters that look alike. A hundred places at most; that there are more stands under the pointer to all.
    """
    found: dict[str, str] = {}
    for pointer, text in _texts(value, ""):
        odd = _odd(text)
        if odd is not None:
            if len(found) == _MOST and pointer not in found:
                return {**found, "": _MORE}
            found[pointer] = odd
    return found


def _texts(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, dict):
        for name, child in value.items():
            below = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            yield below, name
            yield from _texts(child, below)
    elif isinstance(value, list):
        for at, child in enumerate(value):
            yield from _texts(child, f"{pointer}/{at}")


def _odd(text: str) -> str | None:
    if text.isascii() and text.isprintable():
        return None
    for char in text:
        unseen = char in _UNSEEN or unicodedata.category(char) in ("Cf", "Cc", "Co", "Cn", "Zl", "Zp")
        if unseen and char not in _HARMLESS:
            return f"U+{ord(char):04X} {unicodedata.name(char, 'a control character')} is not seen as it is"
    for word in text.split():
        scripts = {unicodedata.name(char, "").partition(" ")[0] for char in word if char.isalpha()} & _ALIKE
        if len(scripts) > 1:
            return f"one word mixes letters of {' and '.join(sorted(scripts))} that look alike"
    return None
