"""The CLI as a user runs it: a process with its own environment, in a pipe or on a terminal."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.server import KEPT, Server

SECONDS = 60


@dataclass(frozen=True)
class Done:
    """What a command printed and how it ended."""

    exit: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode("utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def rows(self) -> list[list[str]]:
        """A table's lines below its headings, by word."""
        return [line.split() for line in self.out.splitlines()[1:]]


@dataclass(frozen=True)
class Shell:
    """Nothing of the tests' own environment is seen by a command but what every process needs."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    @classmethod
    def beside(cls, server: Server) -> "Shell":
        """As on the server's machine, with its data directory and port."""
        known = {"TOOLCRIB_DATA_DIR": str(server.data_dir), "TOOLCRIB_PORT": str(server.port)}
        return cls(server.data_dir.parent, known)

    def having(self, **env: str) -> "Shell":
        return Shell(self.folder, self.env | env)

    def run(self, *arguments: str, stdin: bytes = b"", seconds: float = SECONDS) -> Done:
        done = subprocess.run(
            [*program(), *arguments],
            input=stdin,
            capture_output=True,
            timeout=seconds,
            check=False,
            **self._place(),
        )
        return Done(done.returncode, done.stdout, done.stderr.decode("utf-8"))

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """A command that goes on; its lines come as it prints them."""
        return subprocess.Popen(
            [*program(), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **self._place()
        )  # fmt: skip

    def on_terminal(self, *arguments: str, typed: str = "", prompt: str = "") -> Done:
        """Run on a pseudo-terminal; `typed` is entered once `prompt` is seen. Both streams come as one."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [*program(), *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            **self._place(),
        )
        os.close(theirs)
        try:
            seen = _read(ours, prompt.encode()) if prompt else b""
            if typed:
                os.write(ours, f"{typed}\n".encode())
            seen += _read(ours, None)
            return Done(process.wait(SECONDS), seen, "")
        finally:
            os.close(ours)
            process.kill()
            process.wait()

    def _place(self) -> dict[str, Any]:
        # Coverage looks into child processes where these tell it to.
        kept = {
            name: value for name, value in os.environ.items() if name in KEPT or name.startswith("COVERAGE_")
        }
        return {"env": kept | self.env, "cwd": self.folder}


def program() -> list[str]:
    installed = Path(sys.executable).with_name("toolcrib")
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "toolcrib.cli"]


def _read(terminal: int, until: bytes | None) -> bytes:
    seen, end = b"", time.monotonic() + SECONDS
    while time.monotonic() < end and (until is None or until not in seen):
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            chunk = os.read(terminal, 65_536)
        except OSError:  # the other end is gone
            break
        if not chunk:
            break
        seen += chunk
    return seen
