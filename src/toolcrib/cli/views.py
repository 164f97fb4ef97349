"""What people see: calm tables, key-value lists and indented JSON. Nothing of a value is obeyed as markup or control."""

import sys
from collections.abc import Sequence
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .safe import shown

_ENDLESS = 4_000
_STYLES = {
    "succeeded": "green", "enabled": "green", "ok": "green", "failed": "red", "denied": "red", "interrupted": "red", "not ok": "red",
    "running": "yellow", "disabled": "yellow",
}  # fmt: skip


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under their headings, one line each however long: what is copied from them is whole."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, no_wrap=True)
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    _print(made, width=_ENDLESS)


def pairs(values: Sequence[tuple[str, object]]) -> None:
    """Names and values, one a line; None is left out."""
    made = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in values:
        if value is not None:
            made.add_row(Text(name), _cell(value))
    _print(made)


def json_block(title: str, value: Any) -> None:
    """A value as indented JSON under a title."""
    _print(Text(f"\n{title}", style="bold"))
    json_value(value)


def json_value(value: Any) -> None:
    """A value as indented JSON."""
    print(shown(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode(), lines=True))


def say(text: str) -> None:
    """A line for people, who may be elsewhere: stderr, so that a pipe carries data only."""
    print(shown(text), file=sys.stderr)


def warn(document: dict[str, Any]) -> None:
    """Tell what stood in no way of the request and should be known."""
    for one in document["warnings"]:
        say(f"warning: {one['code']} {one['message']}")


def more(document: dict[str, Any]) -> None:
    """Tell that there is another page."""
    if document["next"]:
        say(f"there is more: --cursor {document['next']}")


def when(text: str | None) -> str | None:
    """An API time to the second, in UTC as it came."""
    return text and f"{text[:19].replace('T', ' ')}Z"


def spent(milliseconds: float | None) -> str | None:
    """A duration for people."""
    return None if milliseconds is None else f"{milliseconds:.1f} ms"


def _cell(value: object) -> Text:
    text = "" if value is None else shown(value, lines=True)
    return Text(text, style=_STYLES.get(text, ""))


def _print(made: Table | Text, width: int | None = None) -> None:
    console = Console(
        highlight=False, markup=False, emoji=False, width=width if sys.stdout.isatty() else _ENDLESS
    )
    with console.capture() as captured:
        console.print(made)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))
