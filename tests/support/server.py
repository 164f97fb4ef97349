"""A real Toolcrib server as a process of its own: started, killed, restarted and read from outside."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.ports import LOOPBACK, free_port

START_SECONDS = 60.0
STOP_SECONDS = 15.0
# A server under test sees nothing of the shell that runs the tests but these.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
SOURCES = "PYTHONPATH"


class DidNotStart(RuntimeError):
    """The process ended, or was not healthy in time. The message carries its last words."""


@dataclass
class Server:
    data_dir: Path
    port: int
    env: dict[str, str]
    arguments: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def owner_key(self) -> str:
        return (self.data_dir / "owner.key").read_text("utf-8").strip()

    @property
    def client(self) -> Client:
        """Calls as the owner of workspace `default`."""
        return Client(self.url, self.owner_key)

    @property
    def stdout(self) -> str:
        return self._log("stdout").read_text("utf-8", "replace")

    @property
    def stderr(self) -> str:
        return self._log("stderr").read_text("utf-8", "replace")

    def start(self, seconds: float = START_SECONDS) -> None:
        self.spawn()
        end = time.monotonic() + seconds
        while not self._healthy():
            if self._running().poll() is not None or time.monotonic() > end:
                self.stop(0.5)
                raise DidNotStart(f"exit {self.exit_code}\n{self.stdout[-2000:]}\n{self.stderr[-4000:]}")
            time.sleep(0.02)

    def spawn(self) -> None:
        """Only start the process, for tests of a start that is refused or interrupted."""
        with self._log("stdout").open("ab") as out, self._log("stderr").open("ab") as err:
            self.process = subprocess.Popen(
                [*_program(), "serve", *self.arguments],
                env=self.env,
                cwd=self._logs(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        return self.process.poll() if self.process else None

    def wait(self, seconds: float = START_SECONDS) -> int:
        return self._running().wait(seconds)

    def kill9(self) -> None:
        """As a crash: the process and its children, with no last word."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._running().wait()

    def freeze(self) -> None:
        """As a machine that hangs: it keeps its connections, and its clock goes on without it."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def terminate(self) -> None:
        """SIGTERM and no waiting, for tests of what happens meanwhile."""
        self._running().terminate()

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """SIGTERM and the exit code; a server that does not end in time is killed and gives -9."""
        process = self._running()
        if process.poll() is None:
            process.terminate()
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill9()
            return process.wait()

    def restart(self) -> None:
        if self.exit_code is None:
            self.stop()
        self.start()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self.process is None:
            raise RuntimeError("the server was never started")
        return self.process

    def _healthy(self) -> bool:
        with contextlib.suppress(OSError):
            return Client(self.url, timeout=5).call("GET", "/health").status == 200
        return False

    def _logs(self) -> Path:
        folder = self.data_dir.with_name(f"{self.data_dir.name}.logs")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _log(self, stream: str) -> Path:
        path = self._logs() / f"{stream}.log"
        path.touch()
        return path


@contextlib.contextmanager
def start_server(
    data_dir: Path,
    env: Mapping[str, str] | None = None,
    *,
    database_url: str | None = None,
    arguments: tuple[str, ...] = (),
) -> Iterator[Server]:
    """A healthy server on a free port. Without `database_url` it makes its SQLite database in `data_dir`."""
    server = prepare_server(data_dir, env, database_url=database_url, arguments=arguments)
    try:
        server.start()
        yield server
    finally:
        if server.process:
            server.stop()


def prepare_server(
    data_dir: Path,
    env: Mapping[str, str] | None = None,
    *,
    database_url: str | None = None,
    arguments: tuple[str, ...] = (),
) -> Server:
    """Configured, not started: the test calls `start` or `spawn`, and `stop`."""
    port = free_port()
    settings = {name: os.environ[name] for name in KEPT if name in os.environ}
    settings |= {"TOOLCRIB_DATA_DIR": str(data_dir), "TOOLCRIB_HOST": LOOPBACK, "TOOLCRIB_PORT": str(port)}
    settings |= {"TOOLCRIB_DATABASE_URL": database_url} if database_url else {}
    settings |= {} if _installed() else {SOURCES: _sources()}
    settings |= env or {}
    return Server(data_dir, int(settings["TOOLCRIB_PORT"]), settings, arguments)


def _program() -> list[str]:
    """The installed command; from a tree that is not installed, the same through `PYTHONPATH`."""
    command = _command()
    return (
        [str(command)] if _installed() else [sys.executable, "-c", "import toolcrib.cli; toolcrib.cli.main()"]
    )


def _installed() -> bool:
    return _command().exists()


def _command() -> Path:
    return Path(sys.executable).with_name("toolcrib")


def _sources() -> str:
    """Absolute, as the server runs in a folder of its own."""
    named = [entry for entry in os.environ.get(SOURCES, "").split(os.pathsep) if entry]
    return os.pathsep.join(str(Path(entry).resolve()) for entry in named or ["src"])


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """`serve(env, database_url=…)` starts a server; all are stopped after the test. Each has a data folder of its own."""
    with contextlib.ExitStack() as servers:
        folders = (tmp_path / f"data-{number}" for number in range(1, 100))

        def start(
            env: Mapping[str, str] | None = None,
            *,
            database_url: str | None = None,
            arguments: tuple[str, ...] = (),
        ) -> Server:
            started = start_server(next(folders), env, database_url=database_url, arguments=arguments)
            return servers.enter_context(started)

        yield start
