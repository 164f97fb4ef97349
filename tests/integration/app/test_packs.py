"""Packs that the operator names: loaded, set up, refused by name with the next step."""

import dataclasses
import sys

import pytest

from tests.support import toolbox
from tests.support.door import Door
from toolcrib.app.packs import load_packs
from toolcrib.app.settings import Settings, UnsafeSetting
from toolcrib.app.wiring import House
from toolcrib.migrations.fresh import bring_up

NUMBERS = "tests.support.toolbox:numbers"


@pytest.fixture
def settings(tmp_path, rig_url):
    return Settings(
        data_dir_text=str(tmp_path / "data"), database_url=rig_url, egress_allow="127.0.0.1", packs=NUMBERS
    )


async def opened(settings):
    house = House(settings, "1")
    await house.start(bring_up)
    return house, Door(house.app, (settings.data_dir / "owner.key").read_text().strip())


async def test_tools_of_a_pack_are_listed_and_called_over_rest(settings):
    house, ask = await opened(settings)
    _, _, answer = await ask("GET", "/api/v1/tools?scope=global")
    assert [tool["name"] for tool in answer["tools"]] == sorted(one.tool.name for one in toolbox.TOOLS)
    status, _, answer = await ask("POST", "/api/v1/tools/numbers.add/execute", {"input": {"a": 1}})
    assert (status, answer["output"]) == (200, {"total": 2})
    status, _, answer = await ask("POST", "/api/v1/tools/numbers.add/execute", {"input": {"a": 5_000}})
    assert (status, answer["error"]["code"]) == (413, "TOO_LARGE")
    await house.stop()


async def test_a_restart_changes_nothing_and_a_newer_pack_replaces_its_tools(settings):
    house, ask = await opened(settings)
    tool = (await ask("GET", "/api/v1/tools/numbers.add")).json
    await house.stop()
    house, ask = await opened(settings)
    assert (await ask("GET", "/api/v1/tools/numbers.add")).json == tool
    await house.stop()
    house, ask = await opened(dataclasses.replace(settings, packs="tests.support.toolbox:newer"))
    new = (await ask("GET", "/api/v1/tools/numbers.add")).json
    assert (new["id"], new["version"], new["created_at"]) == (tool["id"], "2.0.0", tool["created_at"])
    assert (await ask("POST", "/api/v1/tools/numbers.add/execute", {"input": {"a": 1}})).json["output"] == 2
    await house.stop()


@pytest.mark.parametrize(
    ("packs", "why"),
    [
        ("", "The pack numbers is not loaded; the operator adds it to TOOLCRIB_PACKS."),
        (
            "tests.support.toolbox:newer",
            "The pack numbers no longer has numbers.crash; delete the tool: toolcrib tools delete numbers.crash",
        ),
    ],
)
async def test_a_tool_without_its_function_is_told_at_the_start_and_when_called(settings, capsys, packs, why):
    house, _ = await opened(settings)
    await house.stop()
    assert "The pack numbers" not in capsys.readouterr().err
    house, ask = await opened(dataclasses.replace(settings, packs=packs))
    lines = [line for line in capsys.readouterr().err.splitlines() if 'tool="numbers.crash"' in line]
    assert len(lines) == 1
    assert why in lines[0]
    status, _, answer = await ask("POST", "/api/v1/tools/numbers.crash/execute", {"input": {}})
    assert (status, answer["error"]["code"], answer["error"]["message"]) == (503, "UNAVAILABLE", why)
    assert (await ask("DELETE", "/api/v1/tools/numbers.crash")).status == 204
    await house.stop()


async def test_nobody_registers_a_python_tool_over_http(settings):
    house, ask = await opened(settings)
    config = toolbox.add.tool.in_pack("numbers") | {"name": "mine.add", "scope": "workspace"}
    status, _, answer = await ask("POST", "/api/v1/tools", config)
    assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert "TOOLCRIB_PACKS" in answer["error"]["message"]
    await house.stop()


async def test_a_tool_that_cannot_be_set_up_refuses_the_start_by_name(settings):
    house, ask = await opened(dataclasses.replace(settings, packs=""))
    config = {
        "name": "numbers.add",
        "description": "",
        "scope": "global",
        "kind": "dummy",
        "input_schema": {},
    }
    assert (await ask("POST", "/api/v1/tools", config)).status == 201
    await house.stop()
    house = House(settings, "1")
    with pytest.raises(
        UnsafeSetting, match=r"TOOLCRIB_PACKS: the pack numbers cannot be set up: There is a global"
    ):
        await house.start(bring_up)
    await house.stop()


@pytest.mark.parametrize("status", [503, 429])
async def test_an_idempotent_tool_is_tried_again_under_one_key(settings, upstream, status):
    house, ask = await opened(settings)
    config = {
        "name": "try.again", "description": "", "input_schema": {}, "idempotent": True, "retries": 2, "backoff": 0,
        "api": {"base_url": upstream.url, "path": f"status/{status}", "method": "POST"},
    }  # fmt: skip
    assert (await ask("POST", "/api/v1/tools", config)).status == 201
    _, _, answer = await ask("POST", "/api/v1/tools/try.again/execute", {"input": {}})
    assert (answer["error"]["code"], answer["error"]["details"]["status"]) == ("UPSTREAM_ERROR", status)
    keys = [request.header("idempotency-key") for request in upstream.requests(f"/status/{status}")]
    assert keys == [answer["execution_id"]] * 3
    await house.stop()


async def test_what_does_not_pass_is_sent_once(settings, upstream):
    house, ask = await opened(settings)
    config = {
        "name": "try.once", "description": "", "input_schema": {}, "retries": 5, "backoff": 0,
        "api": {"base_url": upstream.url, "path": "status/404"},
    }  # fmt: skip
    assert (await ask("POST", "/api/v1/tools", config)).status == 201
    await ask("POST", "/api/v1/tools/try.once/execute", {"input": {}})
    assert len(upstream.requests("/status/404")) == 1
    await house.stop()


async def test_attempts_end_with_the_time_of_the_call(settings, upstream):
    house, ask = await opened(settings)
    config = {
        "name": "try.late", "description": "", "input_schema": {}, "timeout": 0.3, "retries": 10, "backoff": 0,
        "api": {"base_url": upstream.url, "path": "hold"},
    }  # fmt: skip
    assert (await ask("POST", "/api/v1/tools", config)).status == 201
    status, _, answer = await ask("POST", "/api/v1/tools/try.late/execute", {"input": {}})
    assert (status, answer["error"]["code"], len(upstream.requests("/hold"))) == (504, "UPSTREAM_TIMEOUT", 1)
    await house.stop()


def test_settings_of_a_pack_come_from_the_environment():
    (plain,) = load_packs(NUMBERS, {})
    (given,) = load_packs(f" {NUMBERS} ,, ", {"NUMBERS_TOKEN": "mine", "OTHER": "x"})
    assert (plain.settings, given.settings) == ({"NUMBERS_TOKEN": "t0ken"}, {"NUMBERS_TOKEN": "mine"})
    assert load_packs("", {}) == []


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("no.such.module:pack", "no.such.module:pack cannot be loaded: ModuleNotFoundError.*is it installed"),
        ("tests.support.toolbox:nothing", "cannot be loaded: AttributeError.*mend the pack"),
        ("tests.support.toolbox:not_a_pack", "is a int, not a toolcrib.Pack"),
        ("broken_pack:pack", "broken_pack:pack cannot be loaded: ZeroDivisionError"),
        ("odd_pack:pack", "odd_pack:pack cannot be loaded: the tool odd: .*/tags/0"),
        (
            "unknown",
            r"no installed package brings a pack unknown \(there are: (none|.*)\); install it, or write",
        ),
        (
            f"{NUMBERS},tests.support.toolbox:again",
            "the tool numbers.add comes twice, with numbers and with again",
        ),
        (f"{NUMBERS},{NUMBERS}", "the pack numbers comes twice"),
    ],
)
def test_a_pack_that_cannot_be_loaded_is_refused_by_name(tmp_path, monkeypatch, names, said):
    (tmp_path / "broken_pack.py").write_text("1 / 0")
    (tmp_path / "odd_pack.py").write_text(
        "from toolcrib import Pack, tool\n"
        "@tool\ndef odd() -> None: 'Odd.'\n"
        "odd.tool.contract['tags'] = [7]\n"
        "pack = Pack('odd', '1.0.0', tools=[odd])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnsafeSetting, match=f"(?s)TOOLCRIB_PACKS: .*{said}"):
        load_packs(names, {})
    for name in ("broken_pack", "odd_pack"):
        sys.modules.pop(name, None)


def test_an_installed_package_brings_a_pack_by_its_name(monkeypatch, tmp_path):
    folder = tmp_path / "guest-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: guest\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[toolcrib.packs]\nguest = {NUMBERS}\n")
    monkeypatch.syspath_prepend(tmp_path)
    (loaded,) = load_packs("guest", {})
    assert loaded.pack is toolbox.numbers
