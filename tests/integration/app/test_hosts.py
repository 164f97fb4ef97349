"""A workspace's hosts in the whole house, and after it was started again."""

import pytest

from tests.support import toolbox
from toolcrib import Crib


async def fetched(crib, url):
    result = await crib.call("numbers.fetch", {"url": url})
    return result.error and (result.error["code"], result.error["details"]["reason"])


@pytest.mark.parametrize("again", [False, True])
async def test_they_bind_what_packs_send(tmp_path, rig_url, upstream, again):
    def opened():
        return Crib(data_dir=tmp_path / "data", database_url=rig_url, egress_allow=upstream.host)

    url = f"{upstream.url}/quote"
    async with opened() as crib:
        await crib.register(toolbox.numbers)
        assert await fetched(crib, url) is None
        owner = await crib.principal(None)
        await crib.gateway.hosts.set(owner, ["api.example.com"])
        if not again:
            assert await fetched(crib, url) == ("EGRESS_DENIED", "workspace_hosts")
            await crib.gateway.hosts.set(owner, [upstream.host])
            assert await fetched(crib, url) is None
    if again:
        async with opened() as crib:
            await crib.register(toolbox.numbers)
            assert await fetched(crib, url) == ("EGRESS_DENIED", "workspace_hosts")
    assert len(upstream.journal) == (1 if again else 2)
