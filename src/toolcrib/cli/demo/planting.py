"""Starts the demo's upstream and, as the owner and over HTTP like anybody, registers its tools and calls them."""

import asyncio
import contextlib
import secrets
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, Self

import typer

from toolcrib.app.keys import write_private
from toolcrib.app.settings import Settings
from toolcrib.cli.refused import Refused
from toolcrib.cli.session import API, USUAL, Session

from .harbour import HOST, PORT
from .markets import address_on, allowed, give_key

_HERE = Path(__file__).parent
_END_SECONDS = 5
_PAUSE = 0.05
_PATIENCE = 200
_CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("harbours.list", {}),
    ("tides.next", {"harbour": "oslo"}),
    ("tides.next", {"harbour": "brest"}),
    ("tides.next", {"harbour": "atlantis"}),
    ("tides.next", {}),
)


def _kept_key(path: Path) -> str:
    """The tide service's key, the same at every start, so that readers can set a secret of their own to it."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text("utf-8").strip()


class Demo:
    """The upstream's process and what is planted in the server at `address`. It asks for nothing that a client may not do."""

    def __init__(self, settings: Settings, address: str, port: int = PORT) -> None:
        self._settings = settings
        self._address = address
        self._port = port
        self._upstream = f"{HOST}:{port}"
        self._key = ""
        self._quotes = False
        self._child: subprocess.Popen[str] | None = None
        self._planting: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        if allowed(self._settings, self._port):
            # Isolated and without an environment: it sees no setting and no key of ours.
            command = [sys.executable, "-I", str(_HERE / "harbour.py"), str(self._port)]
            self._child = subprocess.Popen(  # noqa: S603 our own file
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={},
                text=True,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is None:
            return
        _close(self._child.stdin)
        try:
            self._child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        _close(self._child.stdout)

    def begin(self) -> None:
        """Inside the server's loop: plant as soon as it listens."""
        self._planting = asyncio.create_task(self.plant())

    async def plant(self) -> None:
        """Tools, calls, and what to type next. Trouble is told in one line; the server goes on."""
        if self._child is None:
            _say(
                f"TOOLCRIB_EGRESS_ALLOW does not allow {self._upstream}, so there are no demo tools. Start with TOOLCRIB_EGRESS_ALLOW={self._upstream} to have them."
            )
            return
        self._key = _kept_key(self._settings.data_dir / "tide.key")
        said = await asyncio.to_thread(self._hear, self._child)
        if said != "ready":
            _say(
                f"no upstream on {self._upstream} ({said or 'it ended'}), so there are no new demo calls. Free the port, or choose another with --demo-port, and start again to have them."
            )
            return
        try:
            await self._listening()
            await self._plant()
        except Refused as refused:
            _say(f"not all could be set up: {refused}")
            return
        except OSError as error:
            _say(f"the owner's key is not at hand ({error.strerror}), so nothing was registered")
            return
        self._tell_what_to_try()

    def _hear(self, child: "subprocess.Popen[str]") -> str:
        if child.stdin is None or child.stdout is None:
            return ""
        try:
            print(self._key, file=child.stdin, flush=True)
        except BrokenPipeError:
            return ""
        return child.stdout.readline().strip()

    async def _listening(self) -> None:
        nobody = Session(self._address, credential="none")
        for _ in range(_PATIENCE):
            try:
                await nobody.exchange("GET", "/health")
            except Refused:
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def _plant(self) -> None:
        owner = Session(
            self._address, credential=(self._settings.data_dir / "owner.key").read_text("utf-8").strip()
        )
        await owner.exchange("POST", f"{API}/secrets", {"name": "TIDE_KEY", "value": self._key})
        self._quotes = await give_key(owner, self._key, address_on(self._port))
        for config in sorted((_HERE / "tools").glob("*.json")):
            if not await _found(owner, f"{API}/tools/{config.stem}"):
                text = config.read_text("utf-8").replace(address_on(PORT), address_on(self._port))
                await owner.exchange("POST", f"{API}/tools", text.encode())
        called = await owner.exchange("GET", f"{API}/tools/executions", query={"limit": "1"})
        for tool, given in () if called.document["items"] else _CALLS:
            await _call(owner, tool, given)

    def _tell_what_to_try(self) -> None:
        key = shlex.quote(str(self._settings.data_dir / "owner.key"))
        body = '{"input": {"harbour": "oslo"}}'
        place = "" if self._address == USUAL else f"TOOLCRIB_URL={self._address} "
        shell = f"TOOLCRIB_DATA_DIR={shlex.quote(str(self._settings.data_dir))} {place}{_program()}"
        quotes = ", made-up quotes for the pack markets" if self._quotes else ""
        shown = self._settings.environment == "development"
        page = f" {self._address}/docs has every route, for a browser." if shown else ""
        _say(
            f"a tide service on {self._upstream}, the tools tides.next and harbours.list{quotes}, and calls in the ledger.{page} Try:"
        )
        typer.echo(f"  {shell} call tides.next -i harbour=oslo")
        if self._quotes:
            typer.echo(f"  {shell} call quotes.get -i symbol=IBM")
        typer.echo(f"  {shell} executions list")
        bearer = f'"Authorization: Bearer $(cat {key})"'
        typer.echo(f"  curl -s {self._address}{API}/tools/tides.next/execute -H {bearer} -d '{body}'")


async def _found(owner: Session, path: str) -> bool:
    try:
        await owner.exchange("GET", path)
    except Refused as refused:
        if refused.code == "NOT_FOUND":
            return False
        raise
    return True


async def _call(owner: Session, tool: str, given: dict[str, Any]) -> None:
    """A call that fails is in the ledger too: some do on purpose."""
    try:
        await owner.exchange("POST", f"{API}/tools/{tool}/execute", {"input": given})
    except Refused as refused:
        if refused.execution_id is None:
            raise


def _close(pipe: IO[str] | None) -> None:
    """A child that died with its key unread has broken its pipe, which closing tells once more."""
    if pipe is not None:
        with contextlib.suppress(BrokenPipeError):
            pipe.close()


def _program() -> str:
    """How the reader starts this CLI: by name where the shell finds it, else as this process was started."""
    started = Path(sys.argv[0])
    if started.name != "toolcrib":
        return f"{shlex.quote(sys.executable)} -m toolcrib.cli"
    found = shutil.which("toolcrib")
    return (
        "toolcrib"
        if found and Path(found).resolve() == started.resolve()
        else shlex.quote(str(started.absolute()))
    )


def _say(text: str) -> None:
    typer.echo(f"Demo: {text}")
