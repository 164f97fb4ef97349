"""Why a command failed, as people read it: code, message, each fault with its place, and what to do next."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from toolcrib.contracts.errors import Code

from .exits import NEXT, OF_REASON, Exit, exit_for
from .safe import shown

UNREACHABLE = "UNREACHABLE"
USAGE = "USAGE"


@dataclass(eq=False)
class Refused(Exception):
    """A command that cannot go on. `raw` is the API's answer where there is one."""

    code: str
    message: str
    faults: tuple[tuple[str, str], ...] = ()
    next_step: str | None = None
    exit: Exit = Exit.OTHER
    execution_id: str | None = None
    raw: bytes | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def usage(message: str, next_step: str | None = None) -> Refused:
    """The command was not given what it needs."""
    return Refused(USAGE, message, next_step=next_step, exit=Exit.USAGE)


def from_error(
    error: Mapping[str, Any], *, execution_id: str | None = None, raw: bytes | None = None
) -> Refused:
    """The refusal in the API's error object."""
    code, details = str(error["code"]), error.get("details")
    details = details if isinstance(details, dict) else {}
    listed = details.get("errors") or details.get("breaking")
    faults = tuple(
        (str(fault.get("path", "")), str(fault.get("message", "")))
        for fault in (listed if isinstance(listed, list) else ())
        if isinstance(fault, dict)
    )
    return Refused(
        code,
        str(error["message"]),
        faults,
        _next_step(code, details),
        exit_for(code),
        execution_id,
        raw,
        details,
    )


def tell(refused: Refused, about: str = "") -> None:
    """Write it to stderr; `about` names which of several things was refused."""
    where = f"{shown(about)}: " if about else ""
    lines = [f"error: {where}{_bold(shown(refused.code))} {shown(refused.message)}"]
    lines += [f"  {shown(path) or '/'}: {shown(message)}" for path, message in refused.faults]
    lines += [f"execution: {shown(refused.execution_id)}"] if refused.execution_id else []
    lines += [f"next: {shown(refused.next_step)}"] if refused.next_step else []
    print("\n".join(lines), file=sys.stderr)


def _next_step(code: str, details: Any) -> str | None:
    known = details if isinstance(details, dict) else {}
    step = OF_REASON.get(str(known.get("reason"))) if code == Code.CONFLICT else None
    step, name = step or NEXT.get(code), known.get("name")
    return step.replace("NAME", str(name)) if step and code == Code.SECRET_NOT_FOUND and name else step


def _bold(text: str) -> str:
    return f"\x1b[1;31m{text}\x1b[0m" if sys.stderr.isatty() else text
