"""The workbench of the public test kit: a whole crib for one test."""

from pathlib import Path

import pytest

from tests.support import toolbox
from toolcrib import Context, Pack, Setting, tool
from toolcrib.contracts.errors import EgressRefused, NotFound
from toolcrib.contracts.principal import ActorType
from toolcrib.contracts.secret import texts
from toolcrib.testing import START, FakeClock, FakeProvider, open_workbench, tool_config


@pytest.fixture
async def bench():
    async with open_workbench(packs=[toolbox.numbers]) as opened:
        yield opened


@tool("clock.tell", effects="read")
async def tell(context: Context) -> str:
    """The time, and a setting."""
    return f"{context.clock.now():%Y} {context.settings['PLACE']}"


CLOCK = Pack("clock", "1.0.0", tools=[tell], settings=[Setting("PLACE", "here")])


@tool(
    "clock.wind",
    aliases=["clock.turn"],
    record="none",
    deprecated={"sunset": "2028-01-01", "use": "clock.tell"},
)
def wind(turns: int) -> int:
    """Wind it."""
    return turns


async def test_a_packs_tools_are_called_over_the_counter_and_recorded(bench):
    result = await bench.call("numbers.add", {"a": 1})
    assert result.output == {"total": 2}
    assert (await bench.find(result.execution_id)).tool == "numbers.add"
    assert (await bench.call("numbers.add", {"a": "x"})).error["code"] == "VALIDATION_ERROR"


async def test_there_are_two_workspaces_that_do_not_see_each_other(bench):
    name = await bench.register(kind="dummy", api=None, dummy={"output": 7})
    mine = await bench.call(name)
    assert mine.output == 7
    with pytest.raises(NotFound):
        await bench.call(name, by=bench.stranger)
    with pytest.raises(NotFound):
        await bench.find(mine.execution_id, by=bench.stranger)
    assert bench.stranger.workspace_id != bench.owner.workspace_id


async def test_a_principal_may_what_its_key_allows(bench):
    agent = await bench.principal(actor_type="agent", tools=("numbers.seen",))
    assert agent.actor_type is ActorType.AGENT
    assert (await bench.call("numbers.add", {"a": 1}, by=agent)).error["code"] == "FORBIDDEN"


async def test_time_stands_still_until_told_to_go_on():
    clock = FakeClock()
    async with open_workbench(packs=[CLOCK], settings={"PLACE": "there"}, clock=clock) as bench:
        first = await bench.call("clock.tell")
        await bench.go(400 * 86_400)
        later = await bench.call("clock.tell")
    assert (first.output, later.output) == ("2027 there", "2028 there")
    assert clock.now() == START + 400 * 86_400_000_000


async def test_a_function_has_aliases_an_end_and_what_is_kept_of_it():
    async with open_workbench(packs=[Pack("clock", "1.0.0", tools=[wind])]) as bench:
        result = await bench.call("clock.turn", {"turns": 2})
        kept = await bench.find(result.execution_id)
        await bench.go(400 * 86_400)
        later = await bench.call("clock.wind", {"turns": 2})
    assert (result.output, kept.input_payload, kept.output_payload) == (2, None, None)
    assert later.error["code"] == "TOOL_SUNSET"


async def test_a_fake_provider_takes_the_place_of_the_houses_own():
    fake = FakeProvider()
    async with open_workbench(providers=[fake]) as bench:
        auth = {"method": "bearer", "secret_ref": "${KEY}"}
        api = {"base_url": "https://upstream.example", "auth": auth}
        name = await bench.register(api=api)
        assert (await bench.call(name)).error["code"] == "SECRET_NOT_FOUND"
        await bench.secret("KEY", "mine-and-only-mine")
        assert (await bench.call(name, {"n": 1})).output == {"n": 1}
    assert [dict(texts(run.secrets)) for run in fake.ran] == [{"KEY": "mine-and-only-mine"}]


async def test_private_addresses_are_called_only_where_the_test_allows_it(upstream):
    config = tool_config("echo.it", api={"base_url": upstream.url, "path": "echo"})
    async with open_workbench(egress_allow="127.0.0.1") as bench:
        await bench.gateway.tools.register(bench.owner, config)
        assert (await bench.call("echo.it", {"n": 1})).error is None
    async with open_workbench() as bench:
        with pytest.raises(EgressRefused):
            await bench.gateway.tools.register(bench.owner, config)


async def test_nothing_is_left_behind(bench, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with open_workbench() as another:
        assert len(list(tmp_path.iterdir())) == 1
        assert another.owner.workspace_id != bench.owner.workspace_id
    assert list(Path(tmp_path).iterdir()) == []


async def test_a_workspaces_hosts_bind_a_packs_requests(upstream):
    async with open_workbench(packs=[toolbox.numbers], egress_allow=upstream.host) as bench:
        url = {"url": f"{upstream.url}/quote"}
        await bench.gateway.hosts.set(bench.owner, ["api.example.com"])
        refused = await bench.call("numbers.fetch", url)
        assert refused.error["details"] == {"reason": "workspace_hosts"}
        assert (await bench.call("numbers.fetch", url, by=bench.stranger)).error is None
