"""What the demo plants in a running server, what it says to try, and how it meets trouble."""

import asyncio
import contextlib
import dataclasses
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.ports import LOOPBACK, free_port
from tests.support.until import eventually
from toolcrib.app import server
from toolcrib.app.settings import Settings
from toolcrib.cli.demo import Demo, with_markets
from toolcrib.cli.demo.harbour import Handler, main
from toolcrib.migrations.fresh import bring_up

NOTHING: list = []


@pytest.fixture
def settings(free_harbour, tmp_path):
    return Settings(
        data_dir_text=str(tmp_path / "data"), port_text=str(free_port()), egress_allow=free_harbour.place
    )


def demo_of(settings) -> Demo:
    return Demo(settings, address(settings), port_of(settings))


def port_of(settings) -> int:
    return int(settings.egress_allow.rpartition(":")[2])


def address(settings) -> str:
    return f"http://{LOOPBACK}:{settings.port}"


@contextlib.asynccontextmanager
async def running(settings):
    """The house as `serve` runs it, in this loop, until the end of the block."""
    serving = asyncio.create_task(server.run(settings, "1", bring_up, lambda _: None))
    await eventually(lambda: serving.done() or healthy(settings), "a server that answers")
    try:
        yield
    finally:
        if not serving.done():
            signal.raise_signal(signal.SIGTERM)
        await serving


async def healthy(settings) -> bool:
    with contextlib.suppress(OSError):
        return (await Client(address(settings)).acall("GET", "/health")).status == 200
    return False


async def plant(settings) -> None:
    with demo_of(settings) as demo:
        await demo.plant()


async def planted(settings) -> tuple[list, list]:
    """Names of the tools; tool and error code of the calls, oldest first."""
    owner = Client(address(settings), (settings.data_dir / "owner.key").read_text().strip())
    tools = (await owner.acall("GET", "/api/v1/tools")).json["tools"]
    calls = (await owner.acall("GET", "/api/v1/tools/executions")).json["items"]
    return [tool["name"] for tool in tools], [(call["tool"], call["error_code"]) for call in reversed(calls)]


async def test_the_demo_plants_two_tools_and_calls_of_every_ending(free_harbour, settings, capsys):
    async with running(settings):
        await plant(settings)
        tools, calls = await planted(settings)
    assert tools == ["harbours.list", "tides.next"]
    assert calls == [
        ("harbours.list", None),
        ("tides.next", None),
        ("tides.next", None),
        ("tides.next", "HARBOUR_NOT_FOUND"),
        ("tides.next", "VALIDATION_ERROR"),
    ]
    assert f"Demo: a tide service on {settings.egress_allow}" in capsys.readouterr().out
    assert not free_harbour.listens()


@pytest.fixture
def with_quotes(settings, monkeypatch):
    """As `serve --demo` serves."""
    monkeypatch.delenv("ALPHAVANTAGE_BASE_URL", raising=False)
    environment: dict[str, str] = {}
    made = with_markets(settings, environment, port_of(settings))
    monkeypatch.setenv("ALPHAVANTAGE_BASE_URL", environment["ALPHAVANTAGE_BASE_URL"])
    return made


def owner_of(settings) -> Client:
    return Client(address(settings), (settings.data_dir / "owner.key").read_text().strip())


async def asked(settings, tool: str, **given):
    return await owner_of(settings).acall("POST", f"/api/v1/tools/{tool}/execute", {"input": given})


async def test_a_newcomer_asks_for_a_quote_at_once(free_harbour, with_quotes, capsys):
    async with running(with_quotes):
        with demo_of(with_quotes) as demo:
            await demo.plant()
            quotes = [
                await asked(with_quotes, tool, symbol="TSCO.LON") for tool in ("quotes.get", "quotes.read")
            ]
            found = await asked(with_quotes, "companies.search", keywords="inc")
            unknown = await asked(with_quotes, "quotes.get", symbol="NOPE")
    assert [quote.json["output"]["symbol"] for quote in quotes] == ["TSCO.LON"] * 2
    assert [one["symbol"] for one in found.json["output"]["companies"]] == ["AAPL"]
    assert unknown.json["error"]["code"] == "SYMBOL_NOT_FOUND"
    assert "call quotes.get -i symbol=IBM" in capsys.readouterr().out


async def test_a_key_of_the_operators_own_stays(free_harbour, with_quotes, capsys):
    async with running(with_quotes):
        own = {"name": "ALPHAVANTAGE_KEY", "value": "my own key"}
        await owner_of(with_quotes).acall("POST", "/api/v1/secrets", own)
        with demo_of(with_quotes) as demo:
            await demo.plant()
            refused = await asked(with_quotes, "quotes.get", symbol="IBM")
    assert refused.json["error"]["code"] == "QUOTE_REFUSED"


async def test_quotes_from_elsewhere_are_given_no_key(free_harbour, with_quotes, monkeypatch, capsys):
    monkeypatch.setenv("ALPHAVANTAGE_BASE_URL", "https://www.alphavantage.co")
    async with running(with_quotes):
        await plant(with_quotes)
        secrets = (await owner_of(with_quotes).acall("GET", "/api/v1/secrets")).json["items"]
    assert [secret["name"] for secret in secrets] == ["TIDE_KEY"]
    assert "call quotes.get" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("packs", "served"),
    [
        ("", "toolcrib_packs.markets:pack"),
        ("mine:pack, other", "mine:pack,other,toolcrib_packs.markets:pack"),
        ("markets", "markets"),
    ],
)
def test_the_demo_serves_the_markets_beside_what_the_operator_names(settings, packs, served):
    environment: dict[str, str] = {}
    assert (
        with_markets(dataclasses.replace(settings, packs=packs), environment, port_of(settings)).packs
        == served
    )
    assert environment == {"ALPHAVANTAGE_BASE_URL": f"http://{settings.egress_allow}"}


def test_the_demo_leaves_an_address_alone(settings):
    environment = {"ALPHAVANTAGE_BASE_URL": "https://mine.example"}
    with_markets(settings, environment, port_of(settings))
    assert environment == {"ALPHAVANTAGE_BASE_URL": "https://mine.example"}


@pytest.mark.parametrize("allowed", ["", "10.0.0.0/8", "no address"])
def test_the_demo_adds_nothing_where_its_upstream_may_not_be_called(settings, allowed):
    environment: dict[str, str] = {}
    narrow = dataclasses.replace(settings, egress_allow=allowed)
    assert with_markets(narrow, environment, port_of(settings)) is narrow
    assert environment == {}


async def test_a_second_demo_adds_nothing_and_keeps_the_tide_services_key(free_harbour, settings, capsys):
    async with running(settings):
        await plant(settings)
        before, key = await planted(settings), (settings.data_dir / "tide.key").read_text()
        await plant(settings)
        assert await planted(settings) == before
    assert (settings.data_dir / "tide.key").read_text() == key
    assert capsys.readouterr().out.count("Try:") == 2


@pytest.mark.parametrize(("environment", "told"), [("development", 1), ("production", 0)])
async def test_the_demo_names_the_page_of_the_api_where_there_is_one(
    free_harbour, settings, capsys, environment, told
):
    async with running(settings):
        await plant(dataclasses.replace(settings, environment_text=environment))
    assert capsys.readouterr().out.count("/docs has every route") == told


async def test_the_demo_waits_for_a_server_that_does_not_listen_yet(free_harbour, settings, capsys):
    settings.data_dir.mkdir()
    with demo_of(settings) as demo:
        planting = asyncio.create_task(demo.plant())
        await eventually(free_harbour.listens, "an upstream that listens")
        async with running(settings):
            await planting
            tools, _ = await planted(settings)
    assert tools == ["harbours.list", "tides.next"]


@pytest.mark.parametrize(
    ("started_as", "found", "shown"),
    [
        ("pytest", False, f"{sys.executable} -m toolcrib.cli"),
        ("toolcrib", True, "toolcrib"),
        ("toolcrib", False, "{bin}/toolcrib"),
    ],
    ids=["as a module", "by name", "by path"],
)
async def test_what_to_type_names_the_program_as_the_reader_finds_it(
    free_harbour, settings, capsys, monkeypatch, tmp_path, started_as, found, shown
):
    program = tmp_path / "bin" / started_as
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(program), "serve"])
    monkeypatch.setenv("PATH", str(program.parent) if found else "/nowhere")
    async with running(settings):
        await plant(settings)
    [call] = [line for line in capsys.readouterr().out.splitlines() if "call tides.next" in line]
    assert call == (
        f"  TOOLCRIB_DATA_DIR={settings.data_dir} TOOLCRIB_URL={address(settings)}"
        f" {shown.format(bin=program.parent)} call tides.next -i harbour=oslo"
    )


async def test_a_taken_port_is_told_and_nothing_is_planted(taken_harbour, settings, capsys):
    async with running(settings):
        await plant(settings)
        assert await planted(settings) == (NOTHING, NOTHING)
    assert f"Demo: no upstream on {settings.egress_allow} (Address already in use)" in capsys.readouterr().out


async def test_an_upstream_that_died_is_told_and_the_demo_ends_in_order(free_harbour, settings, capsys):
    async with running(settings):
        before = children()
        with demo_of(settings) as demo:
            [upstream] = children() - before
            os.kill(upstream, signal.SIGKILL)
            os.waitid(os.P_PID, upstream, os.WEXITED | os.WNOWAIT)
            await demo.plant()
        assert await planted(settings) == (NOTHING, NOTHING)
    assert f"Demo: no upstream on {settings.egress_allow} (it ended)" in capsys.readouterr().out


async def test_without_the_owners_key_the_demo_says_what_it_lacks(free_harbour, settings, capsys):
    async with running(settings):
        (settings.data_dir / "owner.key").rename(settings.data_dir / "elsewhere")
        await plant(settings)
    said = "Demo: the owner's key is not at hand (No such file or directory), so nothing was registered\n"
    assert capsys.readouterr().out == said


async def test_a_key_that_may_not_register_is_told_with_the_servers_reason(free_harbour, settings, capsys):
    async with running(settings):
        file = settings.data_dir / "owner.key"
        owner = Client(address(settings), file.read_text().strip())
        wanted = {"name": "clerk", "actor_type": "user", "role": "member"}
        file.write_text((await owner.acall("POST", "/api/v1/keys", wanted)).json["key"])
        await plant(settings)
        assert (await owner.acall("GET", "/api/v1/tools")).json["tools"] == []
    assert capsys.readouterr().out.startswith("Demo: not all could be set up: FORBIDDEN: ")


def test_the_upstream_says_why_it_cannot_listen(taken_harbour, capsys, monkeypatch):
    import io

    monkeypatch.setattr(Handler, "key", "")
    monkeypatch.setattr(sys, "stdin", io.StringIO("tide-key\n"))
    monkeypatch.setattr(sys, "argv", ["harbour.py", str(taken_harbour.port)])
    main()
    assert capsys.readouterr().out == "Address already in use\n"
    assert Handler.key == "tide-key"


def children() -> set[int]:
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}
