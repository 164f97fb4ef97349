"""Structured logs on stderr: one JSON object a line in production, readable lines in development.

Only named fields are logged, never a request, a payload or an exception's arguments, so no secret can ride along. A
`traceback`, which whoever logs it has made fit to be read, stands indented below its line in development.
"""

import logging
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from io import TextIOBase
from typing import Any, TextIO, cast

from .json import dumps

Event = MutableMapping[str, Any]
_NUMBERS = {name.lower(): number for name, number in logging.getLevelNamesMapping().items()}


@dataclass(slots=True)
class _Format:
    json: bool = False
    level: str = "info"


_format = _Format()


def configure(*, json: bool, level: str = "info") -> None:
    """Set up the process's log once, at start."""
    _format.json, _format.level = json, level
    _configured.cache_clear()


class Log:
    """A room's log. structlog is imported with the first line, as it costs a tenth of the server's start-up time."""

    def __init__(self, room: str) -> None:
        self._room = room

    def shows(self, level: str) -> bool:
        """Whether lines of this level are written, for whoever would make one often."""
        return _NUMBERS[level] >= _NUMBERS[_format.level]

    def debug(self, event: str, **fields: Any) -> None:
        """Something ordinary happened."""
        _configured().debug(event, room=self._room, **fields)

    def info(self, event: str, **fields: Any) -> None:
        """Something worth knowing happened."""
        _configured().info(event, room=self._room, **fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Something is wrong that may mend itself."""
        _configured().warning(event, room=self._room, **fields)

    def error(self, event: str, **fields: Any) -> None:
        """Something failed."""
        _configured().error(event, room=self._room, **fields)


def logger(room: str) -> Log:
    """A room's log."""
    return Log(room)


class _Stderr(TextIOBase):
    """The process's stderr as it is when a line is written."""

    def write(self, text: str, /) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


@lru_cache(maxsize=1)
def _configured() -> Any:
    import structlog  # noqa: PLC0415 see Log

    return structlog.wrap_logger(
        structlog.WriteLogger(cast("TextIO", _Stderr())),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _as_json if _format.json else _as_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_NUMBERS[_format.level]),
    )


def _as_json(_logger: Any, _method: str, event: Event) -> str:
    return dumps(dict(event)).decode()


def _as_line(_logger: Any, _method: str, event: Event) -> str:
    head = f"{event.pop('timestamp')} {event.pop('level'):7} {_on_one_line(event.pop('event'))}"
    event.pop("room", None)
    traceback = event.pop("traceback", "").splitlines()
    told = (f"{_on_one_line(name)}={dumps(value).decode()}" for name, value in event.items())
    return "\n    ".join([" ".join([head, *told]), *map(_on_one_line, traceback)])


def _on_one_line(text: str) -> str:
    """A text that would begin another line, or speak to a terminal, stands there as JSON."""
    return text if text.isprintable() else dumps(text).decode()
