"""Characters that make a text look like another one: who agrees to a call must see what it says."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

_MOST: Final = 100
_MORE: Final = "there are more texts like these; none of those after them is named"
_MOST_LOOKED_AT: Final = 200_000
_UNREAD: Final = "there is too much text beyond ASCII; the end of it was not looked at"
_BEGINNING: Final = 20
"""To begin with a text takes as long as so many characters."""

_HARMLESS: Final = frozenset("\n\r\t ")
_ASCII_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNSEEN_KINDS: Final = frozenset({"Cf", "Cc", "Co", "Cn", "Cs", "Zl", "Zp"})
_UNSEEN: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
) | frozenset(map(chr, (*range(0xFE00, 0xFE0F), *range(0xE0100, 0xE01F0))))
"""Letters and marks that leave no trace on the screen; but the selector that makes a sign an emoji."""
_TWINS: Final = frozenset("\u0338\u2024\u2044\u212a\u212b\u2215\u29f8") | frozenset(
    map(
        chr,
        (
            *range(0x1D400, 0x1D800),
            *range(0x24B6, 0x24EA),
            *range(0xFF0E, 0xFF1A),
            *range(0xFF21, 0xFF3B),
            *range(0xFF41, 0xFF5B),
        ),
    )
)
"""Signs that are read as a plain letter, digit, dot or slash, or that strike one through: styled, circled, full width."""

_EMOJI: Final = "\ufe0f"
_EMOJI_OF_OTHER_KINDS: Final = frozenset("\u203c\u2049\u2139\u2194\u2934\u2935\u25fb\u25fc\u25fd\u25fe\u3030")
"""What the selector makes an emoji, beside the signs that Unicode calls such."""

_ALIKE: Final = frozenset({"ARMENIAN", "CHEROKEE", "CYRILLIC", "GREEK", "LATIN"})
"""Scripts whose letters are taken for each other."""
_LIKE_LATIN: Final = (
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04bb\u04cf\u0501\u051b\u051d"
    "\u0405\u0406\u0408\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425"
    "\u03bd\u03bf"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
)
"""The small and the large letters of Cyrillic, then of Greek, that nobody can tell from Latin ones."""
_LIKE_LATIN_CHARS: Final = frozenset(_LIKE_LATIN)
_WORD_LIKE_LATIN: Final = re.compile(rf"(?<![^\W\d_])[{_LIKE_LATIN}]{{2,}}(?![^\W\d_])")


def disguises(value: Any) -> dict[str, str]:
    """What is odd in the texts of a JSON value, by JSON Pointer: characters that are not seen, turn the writing round or
    are read as others, and words of letters that look alike. A hundred places at most, and only so much text that nobody
    else is held up for long; that there is more stands under the pointer to all.
    """
    found: dict[str, str] = {}
    left = _MOST_LOOKED_AT
    for pointer, text in _texts(value, ""):
        if text.isascii():
            odd = _odd_control(text)
        else:
            left -= _BEGINNING
            odd = _odd(text[:left]) if left > 0 else None
            left -= len(text)
        if odd is not None:
            if len(found) == _MOST and pointer not in found:
                return {**found, "": _MORE}
            found[pointer] = odd
    if left < 0:
        found.setdefault("", _UNREAD)
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


def _odd_control(text: str) -> str | None:
    """As `_odd`, of a text in ASCII: fast, for it is looked at whole."""
    found = None if text.isprintable() else _ASCII_CONTROL.search(text)
    return found and _told(found[0], _oddity(found[0]))


def _odd(text: str) -> str | None:
    """Judged by the characters that are in it, each once, however long it is."""
    chars = set(text)
    odd = {char for char in chars if _oddity(char)}
    if odd:
        first = next(char for char in text if char in odd)
        return _told(first, _oddity(first))
    if _EMOJI in chars and not all(map(_is_emoji, text.split(_EMOJI)[:-1])):
        return _told(_EMOJI, "is not seen as it is")
    return _mixed(text, chars) or _all_like_latin(text, chars)


def _told(char: str, why: str) -> str:
    return f"U+{ord(char):04X} {unicodedata.name(char, 'a control character')} {why}"


@lru_cache(4_096)  # texts of one writing repeat its characters
def _oddity(char: str) -> str:
    """What is odd about a character wherever it stands."""
    if char in _HARMLESS:
        return ""
    kind = unicodedata.category(char)
    if kind == "Zs":
        return "is no plain space"
    if char in _TWINS:
        return "is read as another character"
    return "is not seen as it is" if kind in _UNSEEN_KINDS or char in _UNSEEN else ""


def _is_emoji(before: str) -> bool:
    """Whether what stands before the selector ends in a sign that it makes an emoji."""
    sign = before[-1:]
    return sign in _EMOJI_OF_OTHER_KINDS or (sign != "" and unicodedata.category(sign) == "So")


def _mixed(text: str, chars: set[str]) -> str | None:
    letters: dict[str, set[str]] = {}
    for char in chars:
        letters.setdefault(_script(char), set()).add(char)
    alike = [(script, letters[script]) for script in sorted(_ALIKE & letters.keys())]
    for word in set(text.split()) if len(alike) > 1 else ():
        scripts = [script for script, of_it in alike if not of_it.isdisjoint(word)]
        if len(scripts) > 1:
            return f"one word mixes letters of {' and '.join(scripts)} that look alike"
    return None


@lru_cache(4_096)  # as above
def _script(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0] if char.isalpha() else ""


def _all_like_latin(text: str, chars: set[str]) -> str | None:
    """Where other letters of its script stand beside it, a word is read as one of that."""
    found = _WORD_LIKE_LATIN.search(text)
    script = found and _script(found[0][0])
    if script is None or any(_script(char) == script for char in chars - _LIKE_LATIN_CHARS):
        return None
    return f"one word is all letters of {script} that look like LATIN ones"
