"""Names of tools: which are allowed, how free text becomes one, and the reversible name that models see."""

import hashlib
import re
import unicodedata

_NAME = re.compile(r"[a-z][a-z0-9_]*(?:[.-][a-z0-9_]+)*\Z")
_ID = re.compile(r"tool_[0-9a-f]{32}\Z")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}\Z")
_WIRE_LIMIT = 64
NAME_LIMIT = 128
GLOBAL = "global"
"""Stands for the scope that all workspaces share, as a workspace of its own."""
HOUSE = "house"
"""Stands for what belongs to the installation as a whole: which workspaces there are, and where a person is a member."""
_RESERVED = frozenset({"executions", "saved", "import", "search"})


def is_tool_name(name: str) -> bool:
    """`namespace.action` or a plain name: lower case letters, digits, `_`, with `.` or `-` between parts."""
    return len(name) <= NAME_LIMIT and bool(_NAME.match(name)) and name not in _RESERVED


def is_tool_id(text: str) -> bool:
    """Whether this has the form of a tool's id; no tool may have such a name."""
    return bool(_ID.match(text))


def is_error_code(code: str) -> bool:
    """A declared error's code: UPPER_SNAKE, at most 64 characters."""
    return bool(_CODE.match(code))


def slug(text: str) -> str:
    """The tool name made of a free text: "Get Weather" → `get_weather`. Empty when nothing usable is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9.]+", "_", plain).strip("_.")
    made = re.sub(r"_*\.[._]*", ".", made)
    return made if is_tool_name(made) else ""


def wire_name(name: str) -> str:
    """The name a model sees: at most 64 of `[A-Za-z0-9_-]`; two tools of one workspace never share one."""
    made = name.replace(".", "__")
    if len(made) <= _WIRE_LIMIT:
        return made
    tail = hashlib.sha256(name.encode()).hexdigest()[:10]
    return f"{made[: _WIRE_LIMIT - 11]}-{tail}"
