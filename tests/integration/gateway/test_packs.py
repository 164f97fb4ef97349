"""A pack's tools in the registry: added, replaced where they changed, left alone where not; alone and side by side."""

import asyncio
from typing import Annotated

import pytest
from pydantic import Field

from tests.support import toolbox
from tests.support.fakes import FakeClock
from tests.support.rig import config, open_rig
from toolcrib import Pack, Setting, tool
from toolcrib.contracts.errors import Conflict, Invalid
from toolcrib.contracts.names import GLOBAL

OLD, NEW = Pack("numbers", "1.0.0", tools=[toolbox.add]), toolbox.newer


def loaded(*packs):
    clock = FakeClock()
    return {"clock": clock, "more": toolbox.providers(clock, *packs)}


@pytest.fixture
async def house(rig_url):
    """A process with the old pack, which is not installed yet."""
    async with open_rig(rig_url, **loaded(OLD)) as rig:
        yield rig


@pytest.fixture
async def sqlite_house(tmp_path):
    async with open_rig(f"sqlite:///{tmp_path / 'toolcrib.db'}", **loaded(OLD)) as rig:
        yield rig


async def told(rig):
    found = await rig.rows(f"SELECT * FROM events WHERE workspace_id = '{GLOBAL}' ORDER BY seq")
    return [(event["type"], event["about"], event["actor_id"]) for event in found]


async def stored(rig):
    rows = await rig.rows("SELECT * FROM tools")
    return [(row["workspace_id"], row["id"], row["name"], row["version"], row["generation"]) for row in rows]


async def test_an_absent_tool_is_added_for_all(house):
    assert await house.gateway.packs.install(OLD) == ["numbers.add"]
    view = await house.gateway.tools.get(house.owner, "numbers.add")
    assert (view.tool.workspace_id, view.config["kind"], view.config["scope"]) == (GLOBAL, "python", "global")
    assert view.config["python"] == {"pack": "numbers", "function": "numbers.add"}
    assert await told(house) == [("ToolRegistered", "numbers.add", "system")]


async def test_an_unchanged_tool_is_left_alone(house):
    await house.gateway.packs.install(OLD)
    before = await stored(house), await told(house)
    assert await house.gateway.packs.install(OLD) == []
    assert (await stored(house), await told(house)) == before


async def test_a_changed_tool_is_replaced_and_keeps_its_id(house):
    await house.gateway.packs.install(OLD)
    ((_, kept, *_),) = await stored(house)
    newer = await house.beside(**loaded(NEW))
    assert await newer.gateway.packs.install(NEW) == ["numbers.add"]
    assert await stored(house) == [(GLOBAL, kept, "numbers.add", "2.0.0", 2)]
    assert (await told(house))[-1] == ("ToolUpdated", "numbers.add", "system")
    assert (await newer.call("numbers.add", {"a": 1}, by=house.owner)).output == 2


async def test_a_new_version_of_a_tool_is_logged_with_what_it_breaks(sqlite_house, capsys):
    await sqlite_house.gateway.packs.install(OLD)
    assert "pack numbers" not in capsys.readouterr().err
    await (await sqlite_house.beside(**loaded(NEW))).gateway.packs.install(NEW)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "pack numbers" in line]
    assert "warning pack numbers: numbers.add 1.0.0 → 2.0.0 breaks=[" in line
    assert '"/input_schema/properties/b"' in line


async def test_a_new_version_that_breaks_nothing_is_logged_without(sqlite_house, capsys):
    await sqlite_house.gateway.packs.install(OLD)

    @tool("numbers.add", version="1.0.1", effects="read", errors=[{"code": "TOO_LARGE", "http_status": 413}])
    async def add(a: int, b: Annotated[int, Field(ge=0)] = 1) -> toolbox.Sum:
        """Add two numbers, as ever."""
        return toolbox.Sum(total=a + b)

    later = Pack("numbers", "1.0.1", tools=[add])
    await (await sqlite_house.beside(**loaded(later))).gateway.packs.install(later)
    lines = [line for line in capsys.readouterr().err.splitlines() if "numbers.add" in line]
    assert [line.split(" ", 1)[1] for line in lines] == ["info    pack numbers: numbers.add 1.0.0 → 1.0.1"]


async def test_a_replaced_tool_binds_processes_that_knew_the_old_one(house):
    await house.gateway.packs.install(OLD)
    assert (await house.call("numbers.add", {"a": 1, "b": 5})).output == {"total": 6}
    newer = await house.beside(**loaded(NEW))
    await newer.gateway.packs.install(NEW)
    assert (await house.call("numbers.add", {"a": 1, "b": 5})).error["code"] == "VALIDATION_ERROR"


async def test_enablement_outlives_a_replacement(house):
    await house.gateway.packs.install(OLD)
    await house.gateway.tools.set_enabled(house.owner, "numbers.add", enabled=False)
    newer = await house.beside(**loaded(NEW))
    await newer.gateway.packs.install(NEW)
    assert (await newer.call("numbers.add", {"a": 1}, by=house.owner)).error["code"] == "TOOL_DISABLED"


async def test_two_processes_that_start_at_once_add_a_tool_once(house):
    other = await house.beside(**loaded(OLD))
    changed = await asyncio.gather(house.gateway.packs.install(OLD), other.gateway.packs.install(OLD))
    assert sorted(map(len, changed)) == [0, 1]
    assert len(await stored(house)) == 1
    assert len(await told(house)) == 1


async def test_a_tool_of_a_pack_that_is_gone_stays_and_says_so(house):
    await house.gateway.packs.install(OLD)
    without = await house.beside(**loaded())
    result = await without.call("numbers.add", {"a": 1}, by=house.owner)
    assert result.error["code"] == "UNAVAILABLE"
    assert "The pack numbers" in result.error["message"]


async def test_a_global_tool_of_another_kind_is_not_replaced(house):
    await house.gateway.tools.register(house.owner, config("numbers.add", scope="global"))
    with pytest.raises(Conflict, match=r"a global tool numbers\.add already that comes from no pack"):
        await house.gateway.packs.install(OLD)


def at(url):
    """A pack of one config, at the address of its setting."""
    tide = config("tides.next", api={"base_url": "${TIDES}"})
    return Pack("sea", "1.0.0", configs=[tide], settings=[Setting("TIDES", url)])


async def test_a_config_of_a_pack_is_a_global_tool_that_everybody_calls(house):
    assert await house.gateway.packs.install(at("https://a.example")) == ["tides.next"]
    other = await house.workspace()
    assert (await house.call("tides.next", {"n": 1}, by=other)).output == {"n": 1}
    view = await house.gateway.tools.get(other, "tides.next")
    assert (view.config["scope"], view.config["metadata"]) == ("global", {"pack": "sea"})


async def test_a_config_is_replaced_where_its_setting_has_changed_only(house):
    pack = at("https://a.example")
    await house.gateway.packs.install(pack)
    assert await house.gateway.packs.install(pack) == []
    assert await house.gateway.packs.install(pack, {"TIDES": "https://b.example"}) == ["tides.next"]
    view = await house.gateway.tools.get(house.owner, "tides.next")
    assert (view.tool.version, view.config["api"]["base_url"]) == ("1.0.1", "https://b.example")


async def test_a_config_does_not_replace_a_global_tool_that_somebody_registered(house):
    await house.gateway.tools.register(house.owner, config("tides.next", scope="global"))
    with pytest.raises(Conflict, match="already that comes from no pack"):
        await house.gateway.packs.install(at("https://a.example"))


async def test_a_tool_that_its_provider_does_not_know_is_refused(house):
    with pytest.raises(Invalid, match="Python tools come with packs"):
        await house.gateway.packs.install(Pack("numbers", "1.0.0", tools=[toolbox.crash]))
    assert await stored(house) == []
