"""The ledger followed over a real server: what was missed is told, who may no longer see is cut, and nobody holds up a stop."""

import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest

from tests.acceptance.rows.lab import Lab, sqlite_lab
from tests.support.calls import Seen, call
from tests.support.client import Client
from tests.support.stream import Told, follow
from tests.support.tools import make_key, marked, register, revoke_key
from tests.support.until import until

STUCK_EVENTS = 40_000
"""More than the buffers of a connection between two processes hold."""


@pytest.fixture(scope="module")
def stuck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[float]]:
    """A client that asks for much and takes nothing: it must be waited for, so it is begun first."""

    def run() -> float:
        with sqlite_lab(tmp_path_factory.mktemp("stuck")) as lab:
            return seconds_until_cut(lab)

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(run)


def seconds_until_cut(lab: Lab) -> float:
    server = lab.serve()
    server.stop()
    many_events(lab)
    server.start()
    began = time.monotonic()
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", server.port))
        request = f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {lab.client(server).key}\r\nLast-Event-ID: 0\r\n\r\n"
        slow.sendall(request.encode())
        until(lambda: connections(server.port) == 1, "the slow client is connected")
        until(lambda: connections(server.port) == 0, "the slow client is cut", 60)
    return time.monotonic() - began


def connections(port: int) -> int:
    """Open ones of that port, as the system knows them: the client hears of its end only when it reads."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


def many_events(lab: Lab) -> None:
    """Written while the server is down, as a workspace with a past."""
    import sqlite3

    with contextlib.closing(sqlite3.connect(lab.folder / "toolcrib.db")) as connection:
        [(workspace, seq)] = connection.execute("SELECT workspace_id, seq FROM workspace_state WHERE workspace_id <> 'global'")  # fmt: skip
        row = (workspace, "ToolEnabled", None, "user", "user:owner", "x" * 100, 0, None)
        past = ((row[0], seq + n, *row[1:]) for n in range(1, STUCK_EVENTS + 1))
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", past)
        connection.execute("UPDATE workspace_state SET seq = seq + ? WHERE workspace_id = ?", (STUCK_EVENTS, workspace))  # fmt: skip
        connection.commit()


@pytest.fixture
def followed(lab: Lab, stuck: Future[float]) -> Lab:
    """A lab with one server and the tools `quick` and `held`."""
    client = lab.client(lab.serve())
    register(client, marked(lab.upstream, "quick", "/echo"), marked(lab.upstream, "held", "/hold", 60))
    return lab


def calls(client: Client, times: int) -> list[Seen]:
    return [call(client, "quick") for _ in range(times)]


def ids(told: list[Told]) -> list[int]:
    return [one.id for one in told if one.id is not None]


@pytest.mark.parametrize("how", ["terminate", "kill9"])
def test_a_stream_resumes_over_a_restart_and_misses_nothing(followed: Lab, how: str):
    [server] = followed.servers
    client = followed.client(server)
    with follow(client, after=0) as stream:
        assert stream.status == 200
        first = list(islice(stream, 3))
        calls(client, 2)
        getattr(server, how)()
        with contextlib.suppress(ConnectionError, OSError):
            first += [told for told in stream if told.id]
    server.wait()
    server.start()
    calls(client, 3)
    last = followed.books.events()[-1]["seq"]
    with follow(client, after=ids(first)[-1]) as stream:
        rest = list(islice(stream, last - ids(first)[-1]))
    assert ids(first + rest) == list(range(1, last + 1))


def test_what_is_committed_is_told_at_once(followed: Lab):
    client = followed.client(followed.servers[0])
    with follow(client) as stream:
        seen = call(client, "quick")
        told = stream.until("ToolExecutionCompleted")
    assert [one.data["execution_id"] for one in told] == [seen.execution_id] * 2


def test_a_stream_ends_when_its_key_is_revoked(followed: Lab):
    client = followed.client(followed.servers[0])
    key_id, key = make_key(client, "passing")
    with follow(client.as_(key)) as stream:
        revoke_key(client, key_id)
        [told] = list(stream)
    assert (told.name, told.data["code"]) == ("error", "UNAUTHORIZED")


def test_a_server_with_open_streams_stops_at_once_and_says_so(followed: Lab):
    [server] = followed.servers
    client = followed.client(server)
    with contextlib.ExitStack() as open_ones:
        streams = [open_ones.enter_context(follow(client)) for _ in range(8)]
        assert server.stop() == 0  # killed after half of its grace
        assert [[told.name for told in stream] for stream in streams] == [["end"]] * 8
    assert "Traceback" not in server.stderr


def test_a_call_whose_caller_goes_away_runs_on_and_its_result_is_found(followed: Lab):
    client = followed.client(followed.servers[0])
    with socket.create_connection(("127.0.0.1", followed.servers[0].port)) as caller:
        body = b'{"input": {"n": "gone"}}'
        caller.sendall(
            f"POST /api/v1/tools/held/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.key}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        until(lambda: followed.upstream.hits()["gone"], "the upstream has the call")
    [running] = client.call("GET", "/api/v1/tools/executions?status=running").json["items"]
    place = f"/api/v1/tools/executions/{running['execution_id']}"
    assert client.call("GET", f"{place}/result").status == 202
    with follow(client, f"{place}/events") as stream:
        followed.upstream.release()
        assert [told.name for told in stream] == ["ToolExecutionRequested", "ToolExecutionCompleted", "end"]
    result = client.call("GET", f"{place}/result")
    assert (result.status, result.json["output"]) == (200, {"held": True})
    assert followed.upstream.hits()["gone"] == 1


def test_a_client_that_takes_nothing_is_cut(stuck: Future[float]):
    assert stuck.result() < 55
