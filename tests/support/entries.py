"""Intents and settlements as the gateway would make them."""

import itertools
from typing import Any

from tests.support.fakes import START
from tests.support.rig import Rig
from toolcrib.contracts.execution import Status
from toolcrib.contracts.names import GLOBAL
from toolcrib.contracts.principal import Principal
from toolcrib.kit.db import Tx
from toolcrib.ledger.service import Intent, Settlement

_numbers = itertools.count(1)


async def intent(rig: Rig, who: Principal | None = None, **parts: Any) -> Intent:
    """A call about to run, decided on what is true now; `parts` replace members."""
    workspace = (who or rig.owner).workspace_id
    generation, shared = await generations(rig, workspace)
    members: dict[str, Any] = {
        "execution_id": f"exe_{next(_numbers):06}",
        "workspace_id": workspace,
        "generation": generation,
        "global_generation": shared,
        "status": Status.RUNNING,
        "tool_id": "tool_1",
        "tool": "test.tool",
        "tool_version": "1.0.0",
        "actor_type": "user",
        "actor_id": "user:owner",
        "key_id": "k1",
        "subject_type": None,
        "subject_id": None,
        "exception_id": None,
        "error_code": None,
        "error_message": None,
        "owner": rig.gateway.stores.ledger.owner.id,
        "at": START,
        "input": "{}",
    }
    return Intent(**members | parts)


def settlement(of: Intent, **parts: Any) -> Settlement:
    """It succeeded; `parts` replace members."""
    members: dict[str, Any] = {
        "execution_id": of.execution_id,
        "workspace_id": of.workspace_id,
        "owner": of.owner,
        "status": Status.SUCCEEDED,
        "tool": of.tool,
        "actor_type": of.actor_type,
        "actor_id": of.actor_id,
        "error_code": None,
        "error_message": None,
        "at": START + 5_000,
        "execution_time_us": 5_000,
        "output": '{"done":true}',
    }
    return Settlement(**members | parts)


async def generations(rig: Rig, workspace: str) -> tuple[int, int]:
    async def read(tx: Tx) -> tuple[int, int]:
        return await rig.gateway.stores.ledger.generations(tx, workspace)

    return await rig.db.read((workspace, GLOBAL), read)


async def running(rig: Rig, who: Principal | None = None, **parts: Any) -> Intent:
    """A call that is recorded and runs."""
    made = await intent(rig, who, **parts)
    assert await rig.gateway.stores.ledger.record(made)
    return made


async def status(rig: Rig, of: Intent) -> str:
    rows = await rig.rows(f"SELECT status FROM executions WHERE id = '{of.execution_id}'")
    return str(rows[0]["status"]) if rows else "absent"
