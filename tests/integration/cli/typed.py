"""`toolcrib` as it is typed, with an environment of its own, but in this process."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from tests.support.client import Client
from tests.support.ports import LOOPBACK, free_port
from tests.support.until import until
from toolcrib.cli.main import app

Environment = dict[str, str]


def place(folder: Path, **more: str) -> Environment:
    """Settings of a server in this folder, on a free port."""
    return {"TOOLCRIB_DATA_DIR": str(folder / "data"), "TOOLCRIB_PORT": str(free_port())} | more


def client(env: Environment) -> Client:
    """The owner before that server."""
    key = Path(env["TOOLCRIB_DATA_DIR"]) / "owner.key"
    return Client(
        f"http://{LOOPBACK}:{env['TOOLCRIB_PORT']}", key.read_text().strip() if key.exists() else ""
    )


def typed(*arguments: str, env: Environment, stdin: str = "") -> Result:
    """What the command printed and how it ended; what it does not catch is raised."""
    return CliRunner().invoke(app, arguments, env=env, input=stdin, catch_exceptions=False)


def served(*arguments: str, env: Environment, meanwhile: Callable[[], object] = lambda: None) -> Result:
    """`toolcrib serve` until `meanwhile` has returned; then it is told to stop, as by an operator."""
    ended = threading.Event()

    def operator() -> None:
        until(lambda: ended.is_set() or _healthy(env), "a server that answers or has ended")
        if ended.is_set():
            return
        try:
            meanwhile()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    with ThreadPoolExecutor(1) as beside:
        watching = beside.submit(operator)
        try:
            done = typed("serve", *arguments, env=env)
        finally:
            ended.set()
        watching.result()
    return done


def _healthy(env: Environment) -> bool:
    with contextlib.suppress(OSError):
        return client(env).call("GET", "/health").status == 200
    return False
