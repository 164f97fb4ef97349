"""Rules by which calls wait know tools by their names alone."""

import pytest

from toolcrib.contracts.errors import Invalid
from toolcrib.gateway import ApprovalRule


async def test_a_rule_by_an_id_is_refused_and_one_by_a_name_is_not(sqlite_rig):
    rules, name = sqlite_rig.gateway.rules, await sqlite_rig.register()
    tool_id = (await sqlite_rig.gateway.tools.get(sqlite_rig.owner, name)).tool.id

    with pytest.raises(Invalid, match="not valid") as refused:
        await rules.set(sqlite_rig.owner, ApprovalRule("mine", tool=tool_id))

    assert name in str(refused.value.details)
    for tool in (name, "no.such", None):
        await rules.set(sqlite_rig.owner, ApprovalRule("mine", tool=tool, effects=("write",)))
    assert [one.name for one in await rules.list(sqlite_rig.owner, 9, None)] == ["mine"]
