"""Checks that every relative link of README.md, CHANGELOG.md and docs/ leads to a file and a heading. `make docs` runs it."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#+\s+(.+)$", re.MULTILINE)


def main() -> int:
    pages = [
        page
        for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"))
        if page.exists()
    ]
    broken = [f"{page.relative_to(ROOT)}: {target}" for page in pages for target in dead_links(page)]
    print("\n".join(broken) or f"{len(pages)} pages, every link leads somewhere")
    return 1 if broken else 0


def dead_links(page: Path) -> Iterator[str]:
    for target in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        goal = (page.parent / name).resolve() if name else page
        if not goal.exists() or (anchor and goal.suffix == ".md" and anchor not in anchors(goal)):
            yield target


def anchors(page: Path) -> set[str]:
    """As code hosts make them from headings."""
    titles = HEADING.findall(FENCE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


if __name__ == "__main__":
    sys.exit(main())
