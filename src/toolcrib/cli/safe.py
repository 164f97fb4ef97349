"""Text from elsewhere, made harmless for a terminal: control characters and bidi overrides are shown, not obeyed."""

import re

_JSON_UNSAFE = re.compile(
    "[^\x09\x0a\x20-\x7e\xa0-\U0010ffff]|[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)


def shown(text: object, *, lines: bool = False) -> str:
    """The text with everything that is not printable written as an escape; `lines` keeps line ends and tabs."""
    kept = "\n\t" if lines else ""
    return "".join(c if c.isprintable() or c in kept else _escape(c) for c in str(text))


def one_line(text: object, most: int = 72) -> str:
    """The first line, cut to fit a table."""
    first = str(text).strip().split("\n", 1)[0]
    return shown(first if len(first) <= most else f"{first[: most - 1].rstrip()}…")


def safe_json(text: str) -> str:
    """JSON for a terminal: the same value, with what a terminal might obey written as JSON escapes."""
    return _JSON_UNSAFE.sub(_json_escape, text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _json_escape(found: re.Match[str]) -> str:
    units = found.group().encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
