"""The route of packs: what is loaded is listed for whoever may see tools, in pages, without a setting's value."""

import pytest

from tests.support import toolbox
from tests.support.door import Door
from tests.support.fakes import FakeClock
from tests.support.rig import open_rig
from toolcrib import Pack, Setting
from toolcrib.api import ApiOptions, create_app

PACKS = "/api/v1/packs"
FIRST = Pack(
    "calendars", "2.0.0", "Calendars", "Days.", tools=[], settings=[Setting("DAYS", "7", "How many.")]
)
SECOND = Pack("numbers", "1.0.0", tools=[toolbox.add])


@pytest.fixture
async def rig(tmp_path):
    clock = FakeClock()
    more = toolbox.providers(clock, SECOND)
    async with open_rig(f"sqlite:///{tmp_path / 'toolcrib.db'}", clock=clock, more=more) as rig:
        yield rig


@pytest.fixture
def door(rig):
    return Door(create_app(rig.gateway, ApiOptions()), rig.owner_key)


async def test_a_house_without_packs_lists_none(door):
    assert (await door("GET", PACKS)).json == {"items": [], "next": None}


async def test_loaded_packs_are_listed_by_name_with_tools_and_settings_and_without_values(rig, door):
    await rig.gateway.packs.install(SECOND)
    await rig.gateway.packs.install(FIRST, {"DAYS": "a-value-of-the-operator"})
    answer = await door("GET", PACKS)
    calendars, numbers = answer.json["items"]
    assert calendars == {
        "name": "calendars", "version": "2.0.0", "title": "Calendars", "description": "Days.", "tools": [],
        "settings": [{"name": "DAYS", "default": "7", "description": "How many."}],
        "views": [],
    }  # fmt: skip
    assert (numbers["name"], numbers["tools"], numbers["settings"]) == ("numbers", ["numbers.add"], [])
    assert b"a-value-of-the-operator" not in answer.body


async def test_packs_come_in_pages(rig, door):
    for pack in (FIRST, SECOND):
        await rig.gateway.packs.install(pack)
    one = (await door("GET", f"{PACKS}?limit=1")).json
    two = (await door("GET", f"{PACKS}?limit=1&cursor={one['next']}")).json
    assert [page["items"][0]["name"] for page in (one, two)] == ["calendars", "numbers"]
    assert two["next"] is None
