"""Starts of the server that are refused, many of them: each a whole process, forked from one that has read the code already.

Reads environments from stdin, one JSON object a line; prints what each start said, as a JSON list.
"""

import importlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator

READ_AHEAD = ("toolcrib.cli", "toolcrib.app.server", "toolcrib.app.settings", "toolcrib.kit.db.sqlite", "toolcrib.migrations.fresh")  # fmt: skip
SECONDS = 15


def starts(lines: Iterable[str]) -> Iterator[str]:
    """What each says. Once one is not refused, and would serve for ever, no other is tried."""
    refused = True
    for line in lines:
        refused, words = said(json.loads(line)) if refused else (False, "not tried")
        yield words


def said(environment: dict[str, str]) -> tuple[bool, str]:
    """Whether `toolcrib serve` ended by itself, and what it said on stderr."""
    with tempfile.TemporaryFile() as words:
        child = os.fork()
        if child == 0:
            _serve(environment, words.fileno())
        _, status = os.waitpid(child, 0)
        words.seek(0)
        return os.WIFEXITED(status), words.read().decode("utf-8", "replace")


def _serve(environment: dict[str, str], words: int) -> None:
    signal.alarm(SECONDS)
    os.dup2(words, 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["toolcrib", "serve"]
    try:
        importlib.import_module("toolcrib.cli").main()
    finally:
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    for module in READ_AHEAD:
        importlib.import_module(module)
    print(json.dumps([*starts(sys.stdin)]))
