"""What a workspace lets its tools call, kept by the one way out: HTTP tools and packs, real upstreams, each request as it is sent."""

import asyncio
import contextlib
from collections import Counter

import pytest

from tests.integration.kit.http.raw import serve
from tests.support import toolbox
from tests.support.fakes import FakeClock
from tests.support.meter import Meter
from tests.support.rig import open_rig
from tests.support.upstream import run_upstream
from toolcrib import Context, Pack, RequestFailed, tool
from toolcrib.contracts.execution import Status
from toolcrib.kit.http import Egress, HttpClient
from toolcrib.providers.http import HttpProvider

ALLOWED = "127.0.0.0/8,[::1],localhost"
gates: dict[str, asyncio.Event] = {}


@tool("late.fetch", effects="read")
async def late(context: Context, url: str, gate: str) -> int:
    """Send a request once a test lets it."""
    gates[f"{gate} is here"].set()
    await gates[gate].wait()
    return (await context.http.request("GET", url)).status


@tool("careful.fetch", effects="read")
async def careful(context: Context, url: str) -> str:
    """Tell what a request was refused with."""
    try:
        return str((await context.http.request("GET", url)).status)
    except RequestFailed as failed:
        return f"{failed.code} {failed.reason} {failed.sent} {failed.message}"


waiting = Pack("waiting", "1.0.0", tools=[late, careful])


@contextlib.asynccontextmanager
async def opened(url):
    clock, egress = FakeClock(), Egress.parse(ALLOWED)
    client = HttpClient(egress)
    http = HttpProvider(client, egress, toolbox.LIMITS)
    packs = toolbox.providers(clock, toolbox.numbers, waiting, client=client)
    async with open_rig(url, clock=clock, provider=http, more=packs, narrow=client.narrow) as rig:
        await rig.gateway.packs.install(toolbox.numbers)
        await rig.gateway.packs.install(waiting)
        yield rig
    await client.close()


@pytest.fixture
async def rig(rig_url):
    """A house on SQLite and on PostgreSQL, whose tools send real requests."""
    async with opened(rig_url) as made:
        yield made


@pytest.fixture
async def sqlite(tmp_path):
    async with opened(f"sqlite:///{tmp_path / 'toolcrib.db'}") as made:
        yield made


@pytest.fixture
def gate():
    gates.update({"gate": asyncio.Event(), "gate is here": asyncio.Event()})
    return gates["gate"]


async def only(rig, *hosts, by=None):
    await rig.gateway.hosts.set(by or rig.owner, list(hosts))


async def suspend(rig, host):
    await rig.gateway.suspensions.suspend(rig.owner, "host", host)


async def fetched(rig, url, **rest):
    """What a pack's request met: how its call ended, with which code and why."""
    return told(await rig.call("numbers.fetch", {"url": url}, **rest))


def told(result):
    error = result.error or {}
    return result.status, error.get("code"), (error.get("details") or {}).get("reason")


OUTSIDE = (Status.FAILED, "EGRESS_DENIED", "workspace_hosts")
SUSPENDED = (Status.FAILED, "EGRESS_DENIED", "host_suspended")
FINE = (Status.SUCCEEDED, None, None)


class TestPacks:
    async def test_a_request_to_another_host_is_refused_recorded_and_never_sent(self, rig, upstream):
        url = f"{upstream.url}/quote"
        assert await fetched(rig, url) == FINE
        await only(rig, "api.example.com", f"127.0.0.1:{upstream.port + 1}")
        sent, dialled = len(upstream.journal), upstream.connections
        refused = await rig.call("numbers.fetch", {"url": url})
        assert told(refused) == OUTSIDE
        assert "not among those that this workspace may call" in refused.error["message"]
        assert refused.error["retryable"] is False
        found = await rig.find(refused.execution_id)
        assert (found.status, found.error_code) == (Status.FAILED, "EGRESS_DENIED")
        assert (len(upstream.journal), upstream.connections) == (sent, dialled)
        await only(rig, upstream.host)
        assert await fetched(rig, url) == FINE
        await only(rig)
        assert await fetched(rig, url) == FINE

    async def test_a_suspended_host_is_out_of_reach_for_packs_in_every_spelling(self, rig, upstream):
        await suspend(rig, "localhost")
        for host in ("localhost", "LOCALHOST", "localhost."):
            assert await fetched(rig, f"http://{host}:{upstream.port}/quote") == SUSPENDED
        assert upstream.connections == 0
        assert await fetched(rig, f"{upstream.url}/quote") == FINE
        await rig.gateway.suspensions.lift(rig.owner, "host", "Localhost.")
        assert await fetched(rig, f"http://LocalHost:{upstream.port}/quote") == FINE

    async def test_a_suspension_of_one_port_leaves_the_others(self, sqlite, upstream):
        with run_upstream() as other:
            await suspend(sqlite, upstream.host)
            assert await fetched(sqlite, f"{upstream.url}/quote") == SUSPENDED
            assert await fetched(sqlite, f"{other.url}/quote") == FINE

    async def test_a_list_says_nothing_in_another_workspace(self, rig, upstream):
        other = await rig.workspace()
        await only(rig, "api.example.com")
        assert await fetched(rig, f"{upstream.url}/quote") == OUTSIDE
        assert await fetched(rig, f"{upstream.url}/quote", by=other) == FINE

    async def test_a_list_widens_nothing(self, sqlite):
        await only(sqlite, "10.9.8.7", "169.254.169.254")
        for url in ("http://10.9.8.7/", "http://169.254.169.254/"):
            assert await fetched(sqlite, url) == (Status.FAILED, "EGRESS_DENIED", None)

    async def test_the_code_of_a_tool_may_see_why(self, sqlite, upstream):
        await only(sqlite, "api.example.com")
        said = (await sqlite.call("careful.fetch", {"url": f"{upstream.url}/quote"})).output
        assert said.startswith(
            "EGRESS_DENIED workspace_hosts False The host of this request is not among those"
        )

    async def test_a_hop_is_asked_about_as_it_is_followed(self, rig):
        """The first request was fine; before its redirect comes the list is another one."""
        moved, asked = asyncio.Event(), asyncio.Event()

        async def script(line):
            await line.request()
            asked.set()
            await moved.wait()
            await line.send(b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n")
            await line.request()
            await line.reply(b"{}")

        async with serve(script) as raw:
            call = asyncio.create_task(fetched(rig, raw.url()))
            await asked.wait()
            await only(rig, "api.example.com")
            moved.set()
            assert await call == OUTSIDE
            assert len(raw.journal) == 1

    async def test_a_hop_is_followed_where_nothing_changed(self, sqlite):
        async def script(line):
            await line.request()
            await line.send(b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n")
            await line.request()
            await line.reply(b"{}")

        async with serve(script) as raw:
            await only(sqlite, f"127.0.0.1:{raw.port}")
            assert await fetched(sqlite, raw.url()) == FINE
            assert len(raw.journal) == 2

    @pytest.mark.parametrize(("say", "met"), [(suspend, "host_suspended"), (only, "workspace_hosts")])
    async def test_a_call_that_was_decided_before_sends_nothing_afterwards(
        self, rig, upstream, gate, say, met
    ):
        call = asyncio.create_task(rig.call("late.fetch", {"url": f"{upstream.url}/quote", "gate": "gate"}))
        await gates["gate is here"].wait()
        await say(rig, "127.0.0.1" if say is suspend else "api.example.com")
        gate.set()
        assert told(await call) == (Status.FAILED, "EGRESS_DENIED", met)
        assert upstream.connections == 0

    async def test_a_call_of_another_process_sends_nothing_once_it_knows(self, rig, upstream, gate):
        """The process that runs the call hears of the change as of all others: within a second, here at once."""
        second = await rig.beside(more=toolbox.providers(rig.clock, toolbox.numbers, waiting))
        call = asyncio.create_task(rig.call("late.fetch", {"url": f"{upstream.url}/quote", "gate": "gate"}))
        await gates["gate is here"].wait()
        await suspend(second, "127.0.0.1")
        await rig.gateway.snapshots.refresh()
        gate.set()
        assert told(await call) == SUSPENDED
        assert upstream.connections == 0

    async def test_the_next_call_is_fenced_whoever_changed_it(self, rig, upstream):
        """No refresh in between: recording the call tells the process that its facts are old."""
        assert await fetched(rig, f"{upstream.url}/quote") == FINE
        second = await rig.beside(more=toolbox.providers(rig.clock, toolbox.numbers, waiting))
        await only(second, "api.example.com")
        assert await fetched(rig, f"{upstream.url}/quote") == OUTSIDE


class TestHttpTools:
    async def test_a_tool_of_another_host_is_denied_and_of_a_listed_one_is_called(self, rig, upstream):
        tool_of = await rig.register(api={"base_url": upstream.url, "path": "/quote"})
        assert told(await rig.call(tool_of)) == FINE
        await only(rig, f"127.0.0.1:{upstream.port + 1}")
        dialled = upstream.connections
        denied = await rig.call(tool_of)
        assert told(denied) == (Status.DENIED, "EGRESS_DENIED", "workspace_hosts")
        assert (await rig.find(denied.execution_id)).status == Status.DENIED
        assert upstream.connections == dialled
        await only(rig, "127.0.0.1")
        assert told(await rig.call(tool_of)) == FINE

    @pytest.mark.parametrize("host", ["LOCALHOST", "localhost.", "LocalHost."])
    async def test_a_suspended_host_is_not_called_in_any_spelling(self, sqlite, upstream, host):
        tool_of = await sqlite.register(api={"base_url": f"http://{host}:{upstream.port}", "path": "/quote"})
        assert told(await sqlite.call(tool_of)) == FINE
        await suspend(sqlite, "localhost")
        assert told(await sqlite.call(tool_of)) == (Status.DENIED, "EGRESS_DENIED", "host_suspended")
        assert len(upstream.journal) == 1

    async def test_a_tool_called_by_a_tool_is_kept_from_there_too(self, sqlite, upstream):
        tool_of = await sqlite.register(api={"base_url": upstream.url, "path": "/quote"})
        assert (await sqlite.call("numbers.relay", {"tool": tool_of, "input": {}})).status == Status.SUCCEEDED
        await only(sqlite, "api.example.com")
        refused = await sqlite.call("numbers.relay", {"tool": tool_of, "input": {}})
        assert (refused.status, refused.error["details"]["code"]) == (Status.FAILED, "EGRESS_DENIED")
        assert len(upstream.journal) == 1

    async def test_a_tool_of_all_workspaces_is_kept_back_where_the_caller_is(self, rig, upstream):
        tool_of = await rig.register(api={"base_url": upstream.url, "path": "/quote"}, scope="global")
        narrow = await rig.workspace()
        await only(rig, "api.example.com", by=narrow)
        assert told(await rig.call(tool_of, by=narrow)) == (Status.DENIED, "EGRESS_DENIED", "workspace_hosts")
        assert told(await rig.call(tool_of)) == FINE

    async def test_what_slips_past_the_decision_is_stopped_at_the_way_out(self, sqlite, upstream):
        """Between deciding and sending the facts change: the request itself is refused."""
        tool_of = await sqlite.register(api={"base_url": upstream.url, "path": "/quote"})
        client = sqlite.provider._client

        async def narrowed_meanwhile(*_):
            from toolcrib.kit.http import Reach

            client.narrow(sqlite.owner.workspace_id, Reach.of(["api.example.com"], []))

        sqlite.tap.after.append(narrowed_meanwhile)
        refused = await sqlite.call(tool_of)
        assert told(refused) == OUTSIDE
        assert upstream.connections == 0


async def test_a_call_costs_no_statement_more(rig, upstream):
    tool_of = await rig.register(api={"base_url": upstream.url, "path": "/quote"})
    meter = Meter(rig)

    async def cost():
        await rig.call(tool_of)
        found = [await meter.cost(lambda: rig.call(tool_of)) for _ in range(3)]
        return min(found, key=Counter.total)

    before = counted(await cost())
    await only(rig, "127.0.0.1", *(f"h{n}.example" for n in range(50)))
    await suspend(rig, "elsewhere.example")
    assert counted(await cost()) == before


def counted(cost):
    return {statement: count for statement, count in cost.items() if not statement.startswith("steps")}
