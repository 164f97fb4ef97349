"""An outgoing proxy as operators run one: CONNECT alone, to addresses, with a password where it is given one.

By itself it is a process: `python -m tests.standins.proxy PORT [user:password]` prints a line of JSON for its port and for
each CONNECT. It opens ways to anywhere on loopback, and says 403 to the ports that it is told to deny.
"""

import asyncio
import base64
import contextlib
import json
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from subprocess import PIPE, Popen
from typing import Any

LOOPBACK = "127.0.0.1"
_ENDS = 30


@dataclass
class Asked:
    """One CONNECT: what was asked for, and the headers by lower-case name."""

    line: str
    headers: dict[str, str]

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]


@dataclass
class ConnectProxy:
    """`status` is answered to every CONNECT, and opens a way where it is any 2xx; `denied` are ports that get 403."""

    user: str | None = None
    port: int = 0
    status: int = 200
    denied: set[int] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)
    told: Callable[[Asked], None] = lambda _: None
    _running: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def url(self) -> str:
        at = f"{self.user}@" if self.user else ""
        return f"http://{at}{LOOPBACK}:{self.port}"

    @property
    def targets(self) -> list[str]:
        return [one.target for one in self.asked]

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["ConnectProxy"]:
        """In this loop, until the block ends; then all ways are shut."""
        server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._running):
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").strip().split("\r\n")
        asked = Asked(
            line, {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
        )
        self.asked.append(asked)
        self.told(asked)
        host, _, port = asked.target.rpartition(":")
        status = self._judge(asked, int(port))
        if status // 100 != 2:
            writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 3\r\n\r\nno\n".encode())
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except OSError:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        writer.write(f"HTTP/1.1 {status} Connection established\r\n\r\n".encode())
        await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))

    def _judge(self, asked: Asked, port: int) -> int:
        if not asked.line.startswith("CONNECT "):
            return 405
        wanted = None if self.user is None else "Basic " + base64.b64encode(self.user.encode()).decode()
        if wanted is not None and asked.headers.get("proxy-authorization") != wanted:
            return 407
        return 403 if port in self.denied else self.status


async def _pour(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(65_536):
            into.write(piece)
            await into.drain()
    with contextlib.suppress(OSError, RuntimeError):
        into.close()


@dataclass
class ProxyProcess:
    """The same as a process of its own: what it was asked comes back over its stdout."""

    port: int
    asked: list[dict[str, Any]]
    _process: "Popen[str]"

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def run_proxy(port: int = 0, user: str = "") -> Iterator[ProxyProcess]:
    command = [sys.executable, "-m", "tests.standins.proxy", str(port), user]
    process = Popen(command, stdout=PIPE, text=True)
    assert process.stdout is not None
    asked: list[dict[str, Any]] = []
    first = json.loads(process.stdout.readline())
    stdout = process.stdout

    def follow() -> None:
        for line in stdout:
            asked.append(json.loads(line))  # noqa: PERF401 each as it comes

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield ProxyProcess(first["port"], asked, process)
    finally:
        process.kill()
        process.wait()
        thread.join(_ENDS)
        stdout.close()


async def _main(port: int, user: str) -> None:
    def tell(asked: Asked) -> None:
        print(json.dumps({"line": asked.line, "headers": asked.headers}), flush=True)

    async with ConnectProxy(user or None, port, told=tell).listening() as proxy:
        print(json.dumps({"port": proxy.port}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
