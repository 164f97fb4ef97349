"""Everything put together in-process: first start, later starts, a start killed half-way, a call that really goes out."""

import asyncio
import base64
import gc
import secrets
import signal

import pytest

from tests.support.door import Door
from tests.support.ports import free_port
from tests.support.tools import marked
from tests.support.until import eventually
from toolcrib.app import server
from toolcrib.app.keys import keep_pending
from toolcrib.app.settings import Settings, UnsafeSetting
from toolcrib.app.wiring import House, open_engine
from toolcrib.identity.tokens import new_token
from toolcrib.kit.db.sqlite import AlreadyRunning
from toolcrib.migrations.fresh import bring_up
from toolcrib.vault.roots import WrongRootKey


@pytest.fixture
def settings(tmp_path, rig_url):
    return Settings(data_dir_text=str(tmp_path / "data"), database_url=rig_url, egress_allow="127.0.0.1")


def door(house, settings):
    return Door(house.app, (settings.data_dir / "owner.key").read_text().strip())


async def test_the_first_start_leaves_the_owners_key_and_later_ones_keep_it(settings):
    house = House(settings, "1")
    assert await house.start(bring_up) == settings.data_dir / "owner.key"
    assert (await door(house, settings)("GET", "/api/v1/keys")).status == 200
    await house.stop()
    again = House(settings, "1")
    assert await again.start(bring_up) is None
    assert (await door(again, settings)("GET", "/api/v1/keys")).status == 200
    await again.stop()


async def test_a_start_killed_between_key_file_and_commit_is_made_good_by_the_next(settings):
    house, killed = House(settings, "1"), RuntimeError("killed")
    commit = house.gateway.stores.db.change

    async def never_commits(workspaces, work):
        async def then_dies(tx):
            await work(tx)
            raise killed

        return await commit(workspaces, then_dies)

    house.gateway.stores.db.change = never_commits
    with pytest.raises(RuntimeError, match="killed"):
        await house.start(bring_up)
    assert (settings.data_dir / "owner.key.pending").exists()
    lost = (settings.data_dir / "owner.key.pending").read_text()
    house.gateway.stores.db.change = commit
    await house.stop()
    again = House(settings, "1")
    assert await again.start(bring_up) == settings.data_dir / "owner.key"
    assert (settings.data_dir / "owner.key").read_text() != lost
    assert (await door(again, settings)("GET", "/api/v1/tools")).status == 200
    await again.stop()


async def test_a_start_killed_between_commit_and_renaming_keeps_the_key_it_made(settings):
    house = House(settings, "1")
    await house.start(bring_up)
    (settings.data_dir / "owner.key").rename(settings.data_dir / "owner.key.pending")
    await house.stop()
    again = House(settings, "1")
    assert await again.start(bring_up) == settings.data_dir / "owner.key"
    assert (await door(again, settings)("GET", "/api/v1/tools")).status == 200
    await again.stop()


async def test_a_pending_key_that_the_database_does_not_know_is_dropped(settings):
    house = House(settings, "1")
    await house.start(bring_up)
    await house.stop()
    for name in ("owner.key", "owner.key.pending"):
        (settings.data_dir / name).unlink(missing_ok=True)
    keep_pending(settings.data_dir, new_token("nowhere").text)
    again = House(settings, "1")
    assert await again.start(bring_up) is None
    assert not (settings.data_dir / "owner.key").exists()
    assert not (settings.data_dir / "owner.key.pending").exists()
    await again.stop()


async def test_a_call_goes_out_and_comes_back(settings, upstream):
    house = House(settings, "1")
    await house.start(bring_up)
    ask = door(house, settings)
    assert (await ask("POST", "/api/v1/tools", marked(upstream, "a.echo", "/echo"))).status == 201
    status, _, answer = await ask("POST", "/api/v1/tools/a.echo/execute", {"input": {"n": "x1"}})
    assert (status, answer["success"]) == (200, True)
    assert "x1" in str(answer["output"])
    await house.stop()


async def test_another_root_key_is_refused(settings):
    house = House(settings, "1")
    await house.start(bring_up)
    await house.stop()
    (settings.data_dir / "root.key").write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    again = House(settings, "1")
    with pytest.raises(WrongRootKey):
        await again.start(bring_up)
    await again.stop()


async def test_a_second_process_on_sqlite_is_refused(tmp_path):
    settings = Settings(data_dir_text=str(tmp_path / "data"))
    house = House(settings, "1")
    with pytest.raises(AlreadyRunning):
        House(settings, "1")
    await house.start(bring_up)
    await house.stop()
    assert (settings.data_dir / "toolcrib.db").exists()


async def test_a_process_that_does_not_hold_the_database_makes_no_root_key(tmp_path):
    data = tmp_path / "data"
    data.mkdir(0o700)
    first = open_engine(Settings(data_dir_text=str(data)))
    with pytest.raises(AlreadyRunning):
        House(Settings(data_dir_text=str(data)), "1")
    assert not (data / "root.key").exists()
    await first.close()


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"egress_allow": "http://x"}, "TOOLCRIB_EGRESS_ALLOW"),
        ({"egress_ca": "/no/such/file"}, "TOOLCRIB_EGRESS_CA"),
        ({"egress_proxy": " "}, "TOOLCRIB_EGRESS_PROXY"),
        ({"egress_proxy": "https://proxy:3128"}, "TOOLCRIB_EGRESS_PROXY"),
        ({"egress_proxy": "http://ann:hunter2@proxy"}, "TOOLCRIB_EGRESS_PROXY"),
    ],
)
def test_an_egress_that_cannot_be_is_refused_by_name(tmp_path, parts, name):
    with pytest.raises(UnsafeSetting, match=name) as refused:
        House(Settings(data_dir_text=str(tmp_path / "data"), **parts), "1")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(("environment", "status"), [("development", 200), ("production", 404)])
async def test_the_pages_of_the_api_are_for_development(tmp_path, environment, status):
    house = House(Settings(data_dir_text=str(tmp_path / "data"), environment_text=environment), "1.2.3")
    await house.start(bring_up)
    answer = await Door(house.app)("GET", "/openapi.json")
    assert answer.status == status
    if status == 200:
        assert answer.json["info"]["version"] == "1.2.3"
    await house.stop()


async def test_on_postgresql_notifications_can_be_turned_off(empty_postgres):
    loud, quiet = (
        open_engine(Settings(database_url=empty_postgres, notifications_text=text)) for text in ("on", "off")
    )
    assert loud.notices is not None
    assert quiet.notices is None
    await loud.close()
    await quiet.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_server_that_is_told_to_stop_closes_the_ledger_and_returns(tmp_path, number):
    settings = Settings(data_dir_text=str(tmp_path / "data"), port_text=str(free_port()))
    started = []
    running = asyncio.create_task(server.run(settings, "1", bring_up, started.append))
    try:
        await eventually(lambda: started, "the start")
        await eventually(lambda: _listens(settings.port), "an open port")
        signal.raise_signal(number)
        async with asyncio.timeout(60):
            await running
    finally:
        gc.unfreeze()
    engine = open_engine(settings)  # the lock is free
    await engine.close()
    assert started == [settings.data_dir / "owner.key"]


async def _listens(port):
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.mark.parametrize("mode", [0o666, 0o602])
@pytest.mark.parametrize("name", ["TOOLCRIB_DATABASE_URL", "TOOLCRIB_EGRESS_CA"])
def test_a_file_that_everybody_may_write_to_is_refused_by_name(tmp_path, name, mode):
    path = tmp_path / "given"
    path.touch()
    path.chmod(mode)
    parts = {
        "TOOLCRIB_DATABASE_URL": {"database_url": f"sqlite:///{path}"},
        "TOOLCRIB_EGRESS_CA": {"egress_ca": str(path)},
    }
    with pytest.raises(UnsafeSetting, match=rf"^{name}: everybody may write to .*; run chmod o-w on it$"):
        House(Settings(data_dir_text=str(tmp_path / "data"), **parts[name]), "1")
    assert path.read_bytes() == b""
