"""Who opened a secret, when and which version of it; for calls without secrets nothing is written."""

import pytest

from tests.support.fakes import refusing
from toolcrib.contracts.errors import Forbidden, NotFound, Unavailable
from toolcrib.contracts.principal import Role
from toolcrib.kit.db import DatabaseUnavailable


def api(name):
    return {"base_url": "https://x.example", "auth": {"method": "bearer", "secret_ref": f"${{{name}}}"}}


async def uses(rig, name="K", limit=50, after=None, by=None):
    found = await rig.gateway.secrets.uses(by or rig.owner, name, limit, after)
    return [(one.execution.tool, one.execution.actor_id, one.version) for one in found]


async def test_uses_are_told_newest_first(rig):
    await rig.gateway.secrets.set(rig.owner, "K", "s3cr3t-value")
    await rig.gateway.secrets.set(rig.owner, "L", "s3cr3t-other")
    first, second = await rig.register(api=api("K")), await rig.register(api=api("L"))
    bot = await rig.principal(name="bot")
    await rig.call(first)
    await rig.call(second)
    await rig.gateway.secrets.set(rig.owner, "K", "s3cr3t-newer")
    result = await rig.call(first, by=bot)
    assert await uses(rig) == [(first, "user:bot", 2), (first, "user:owner", 1)]
    assert await uses(rig, limit=1, after=result.execution_id) == [(first, "user:owner", 1)]
    assert await uses(rig, "L") == [(second, "user:owner", 1)]
    await rig.gateway.secrets.delete(rig.owner, "K")
    assert len(await uses(rig)) == 2


async def test_what_is_refused_opens_nothing_and_what_has_no_secret_writes_nothing(rig):
    await rig.gateway.secrets.set(rig.owner, "K", "s3cr3t-value")
    tool = await rig.register(api=api("K"))
    await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=False)
    await rig.call(tool)
    await rig.call(await rig.register())
    assert await uses(rig) == []
    assert await rig.rows("SELECT * FROM secret_uses") == []


async def test_uses_of_another_workspace_and_of_no_secret_do_not_exist(rig):
    await rig.gateway.secrets.set(rig.owner, "K", "s3cr3t-value")
    await rig.call(await rig.register(api=api("K")))
    other = await rig.workspace()
    for who, name in ((other, "K"), (rig.owner, "NONE")):
        with pytest.raises(NotFound):
            await uses(rig, name, by=who)
    limited = await rig.principal(role=Role.MEMBER, tools=("a",))
    with pytest.raises(Forbidden):
        await uses(rig, by=limited)
    rig.tap.reading = [refusing(DatabaseUnavailable("away"))]
    with pytest.raises(Unavailable):
        await uses(rig)
    rig.tap.reading = [refusing(DatabaseUnavailable("away"))]
    with pytest.raises(Unavailable):
        await rig.gateway.rotation.progress(rig.owner)
