"""What people see: calm tables, key-value lists and indented JSON. Nothing of a value is obeyed as markup or control."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .safe import shown

_ENDLESS = 4_000
_GAP, _LEAST = 2, 12
_OF_PAGES = {"limit", "cursor"}
_STYLES = {
    "succeeded": "green", "enabled": "green", "ok": "green", "failed": "red", "denied": "red", "interrupted": "red", "not ok": "red", "ended": "red",
    "running": "yellow", "awaiting_approval": "yellow", "pending": "yellow", "granted": "green", "void": "red", "expired": "red", "disabled": "yellow", "deprecated": "yellow",
}  # fmt: skip


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, prose: bool = False) -> None:
    """Rows under their headings, one line each however long: what is copied from them is whole. Where the last column is
    prose, a terminal shows as much of it as fits.
    """
    rows = _cut(columns, rows) if prose and sys.stdout.isatty() else rows
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, no_wrap=True)
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    _print(made, width=_ENDLESS)


def pairs(values: Sequence[tuple[str, object]]) -> None:
    """Names and values, one a line; None is left out. Long ones are folded between words, never inside of one, which could
    not be copied.
    """
    made = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in values:
        if value is not None:
            made.add_row(Text(name), _cell(value))
    room = Console().width - max((len(name) for name, _ in values), default=0) - _GAP
    longest = max((cell_len(word) for _, value in values for word in str(value).split()), default=0)
    _print(made, width=_ENDLESS if longest > room else None)


def block(title: str) -> None:
    """The heading of what follows."""
    _print(Text(f"\n{title}" if title else "", style="bold"))


def alarm(title: str) -> None:
    """The heading of what nobody may miss."""
    _print(Text(f"\n{title}", style="bold red"))


def json_block(title: str, value: Any) -> None:
    """A value as indented JSON under a title."""
    block(title)
    json_value(value)


def json_value(value: Any) -> None:
    """A value as indented JSON."""
    print(shown(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode(), lines=True))


def say(text: str) -> None:
    """A line for people, who may be elsewhere: stderr, so that a pipe carries data only."""
    print(shown(text), file=sys.stderr)


def empty(query: Mapping[str, str], otherwise: str) -> None:
    """Tell why a list is empty: its filters, the pages before it, or that there is nothing yet."""
    if query.keys() - _OF_PAGES:
        say("nothing matches these filters")
    else:
        say("nothing more" if "cursor" in query else otherwise)


def warn(document: dict[str, Any]) -> None:
    """Tell what stood in no way of the request and should be known."""
    for one in document.get("warnings", ()):
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


def _cut(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Sequence[Sequence[object]]:
    before = sum(
        max(cell_len(str(row[at])) for row in (columns, *rows)) + _GAP for at in range(len(columns) - 1)
    )
    room = max(Console().width - before, _LEAST)
    return [(*row[:-1], set_cell_size(str(row[-1]), room - 1).rstrip() + "…" if cell_len(str(row[-1])) > room else row[-1]) for row in rows]  # fmt: skip


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
