"""Why a command failed, as people read it: code, message, each fault with its place, and what to do next."""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from toolcrib.contracts.errors import Code

from .exits import EXITS, NEXT, OF_REASON, Exit, exit_for
from .safe import one_line, shown

UNREACHABLE = "UNREACHABLE"
USAGE = "USAGE"
_MOST, _LONGEST = 20, 200
_REASONED = (Code.CONFLICT, Code.FORBIDDEN, Code.VALIDATION_ERROR, Code.EGRESS_DENIED)
_LISTED = re.compile(r"; see details\.(errors|breaking)(?=\.)")


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
    headers: Mapping[str, str] = field(default_factory=dict)

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
    message = str(error["message"])
    return Refused(
        code,
        _LISTED.sub("", message) if faults else message,
        faults or _inner(details) or _declared(code, details),
        _next_step(code, details),
        exit_for(code),
        execution_id,
        raw,
        details,
    )


def tell(refused: Refused, about: str = "") -> None:
    """Write it to stderr; `about` names which of several things was refused."""
    where = f"{shown(about)}: " if about else ""
    faults = refused.faults
    if [message for _, message in faults] == [
        refused.message
    ]:  # the one fault is the message, so once is enough
        where, faults = f"{where}{shown(path)}: " if (path := faults[0][0]) else where, ()
    lines = [f"error: {where}{_bold(shown(refused.code))} {shown(refused.message)}"]
    lines += [f"  {shown(path) or '/'}: {shown(message)}" for path, message in faults]
    lines += [f"execution: {shown(refused.execution_id)}"] if refused.execution_id else []
    lines += [f"next: {shown(refused.next_step)}"] if refused.next_step else []
    print("\n".join(lines), file=sys.stderr)


def _inner(details: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What the tool said that failed inside of the one that was called."""
    if _inside(details) is None or not details.get("message"):
        return ()
    return ((str(details["tool"]), str(details["message"])),)


def _declared(code: str, details: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What a tool says of an error of its own, in the words of its contract."""
    if code in EXITS:
        return ()
    return tuple((str(name), _small(value)) for name, value in [*details.items()][:_MOST])


def _small(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return one_line(text, _LONGEST)


def _inside(details: Mapping[str, Any]) -> str | None:
    """The call inside of this one that failed."""
    execution = details.get("execution_id")
    return str(execution) if execution and details.get("tool") else None


def _next_step(code: str, details: Mapping[str, Any]) -> str | None:
    execution = _inside(details)
    if execution is not None:
        return f"toolcrib executions show {execution}"
    step = OF_REASON.get(str(details.get("reason"))) if code in _REASONED else None
    filled = step is not None or code == Code.SECRET_NOT_FOUND
    step = step or NEXT.get(code)
    for word in ("name", "version") if step and filled else ():
        step = step.replace(word.upper(), str(details[word])) if step and word in details else step
    return step


def _bold(text: str) -> str:
    return f"\x1b[1;31m{text}\x1b[0m" if sys.stderr.isatty() else text
