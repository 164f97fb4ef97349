"""Workspaces for tests from outside: made by the operator's route, else by the house's own stores while the server rests."""

import asyncio
from typing import Any

from tests.support.server import Server


def add_workspaces(server: Server, *names: str) -> list[str]:
    """The keys of their owners."""
    made = [server.client.call("POST", "/api/v1/workspaces", {"name": name}) for name in names]
    if all(reply.status == 201 for reply in made):
        return [str(reply.json["key"]) for reply in made]
    server.stop()
    keys = [asyncio.run(_add(server.env, name)) for name in names]
    server.start()
    return keys


async def _add(env: dict[str, str], name: str) -> str:
    from toolcrib.app.keys import root_key
    from toolcrib.app.settings import Settings
    from toolcrib.app.wiring import open_engine
    from toolcrib.contracts.principal import ActorType, NewKey, Role
    from toolcrib.gateway import open_gateway
    from toolcrib.kit.cipher import Cipher
    from toolcrib.kit.clock import SystemClock
    from toolcrib.kit.db import Database

    settings = Settings.read(env)
    engine = open_engine(settings)
    stores = open_gateway(Database(engine), Cipher(root_key(settings)), SystemClock(), []).stores

    async def make(tx: Any) -> str:
        workspace = await stores.identity.create_workspace(tx, name)
        await stores.ledger.open_workspace(tx, workspace)
        _, generation = await stores.ledger.raise_generation(tx, workspace)
        owner = NewKey("owner", ActorType.USER, Role.OWNER)
        _, text = await stores.identity.add_key(tx, workspace, owner, "test", generation)
        return text

    key: str = await stores.db.change((name,), make)
    await stores.db.close()
    return key
