"""What a docstring says of a tool: its first paragraph, and the lines of its `Args:` section."""

import inspect
import re

_HEADER = re.compile(r"(?:Args|Arguments|Parameters):\s*\Z")
_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)\Z")


def first_paragraph(text: str | None) -> str:
    """The first paragraph as one line."""
    paragraph = inspect.cleandoc(text or "").split("\n\n", 1)[0]
    return " ".join(line.strip() for line in paragraph.splitlines() if line.strip())


def told_parameters(text: str | None) -> dict[str, str]:
    """Each parameter that the section describes, with its description as one line."""
    found: dict[str, list[str]] = {}
    lines = _section(inspect.cleandoc(text or "").splitlines())
    margin = min((_indent(line) for line in lines), default=0)
    for line in lines:
        entry = _ENTRY.match(line.strip()) if _indent(line) == margin else None
        if entry:
            found[entry[1]] = [entry[2]]
        elif found:
            found[next(reversed(found))].append(line.strip())
    return {name: " ".join(part for part in parts if part) for name, parts in found.items()}


def _section(lines: list[str]) -> list[str]:
    """The lines below the header, up to the first that stands as far left as it does."""
    start = next((at for at, line in enumerate(lines) if _HEADER.match(line)), len(lines))
    inside: list[str] = []
    for line in lines[start + 1 :]:
        if line.strip() and not _indent(line):
            break
        if line.strip():
            inside.append(line)
    return inside


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
