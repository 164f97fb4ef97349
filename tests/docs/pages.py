"""The pages of the documentation, read as a reader would: fenced blocks, and tables by the names in their first column."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(
    r"^```(?P<language>\w*)(?: (?P<mark>[\w -]+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_ROW = re.compile(r"^\| (?P<first>.+?) (?:\| (?P<rest>.*))?\|$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is where it starts."""

    page: Path
    line: int
    language: str
    mark: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Step:
    """A command block with the output that the page shows for it, if any."""

    command: Block
    shown: Block | None


def pages() -> list[Path]:
    return sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    return [
        Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            found["language"],
            found["mark"] or "",
            found["text"],
        )
        for found in _FENCE.finditer(text)
    ]


def steps(page: Path) -> Iterator[Step]:
    """Each `bash` block; a `text` or `json` block before the next one is its output."""
    every = blocks(page)
    for block, following in zip(every, [*every[1:], None], strict=True):
        if block.language == "bash":
            yield Step(block, following if following and following.language in ("text", "json") else None)


def rows(page: Path) -> dict[str, list[str]]:
    """Table rows whose first cell is one name in code: the name, and the other cells."""
    found = {}
    for row in _ROW.finditer(page.read_text("utf-8")):
        cells = re.split(r"(?<!\\)\|", row["rest"] or "")
        for name in _CODE.findall(row["first"]):
            found[name] = [cell.strip() for cell in cells]
    return found
