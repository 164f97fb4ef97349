"""Secrets from the environment: for the workspace that they are listed for, after its own, and in no list."""

from toolcrib.app.environment import environment_secrets
from toolcrib.contracts.execution import Call
from toolcrib.contracts.secret import texts

HELD = {"TOOL_KEYED_GET_API_KEY": "from-the-environment", "ELSEWHERE": "not-for-you"}
API = {
    "base_url": "https://x.example",
    "auth": {"method": "bearer", "secret_ref": "${TOOL_KEYED_GET_API_KEY}"},
}


async def test_the_vault_comes_first_and_no_other_workspace_gets_it(rig):
    listed = environment_secrets("default:TOOL_KEYED_GET_API_KEY,other:ELSEWHERE", HELD)
    process = await rig.beside(beside=listed)
    tool = await rig.register("keyed.get", scope="global", api=API)

    async def sent(by=None):
        result = await process.call(tool, by=by or rig.owner)
        return result.error["code"] if result.error else dict(texts(process.provider.ran[-1].secrets))

    assert await sent() == {"TOOL_KEYED_GET_API_KEY": "from-the-environment"}
    assert (await process.gateway.tools.validate(rig.owner, Call(tool, {}))).warnings == ()
    assert await process.gateway.secrets.list(rig.owner, 50, None) == []
    await rig.gateway.secrets.set(rig.owner, "TOOL_KEYED_GET_API_KEY", "of-the-workspace")
    assert await sent() == {"TOOL_KEYED_GET_API_KEY": "of-the-workspace"}
    await rig.gateway.secrets.delete(rig.owner, "TOOL_KEYED_GET_API_KEY")
    assert await sent() == {"TOOL_KEYED_GET_API_KEY": "from-the-environment"}
    assert await sent(await rig.workspace()) == "SECRET_NOT_FOUND"
    uses = await process.gateway.secrets.uses(rig.owner, "TOOL_KEYED_GET_API_KEY", 50, None)
    assert [one.version for one in uses] == [0, 1, 0]


async def test_it_is_the_workspaces_that_has_the_name_now(rig):
    process = await rig.beside(beside=environment_secrets("harbour:TOOL_KEYED_GET_API_KEY", HELD))
    tool = await rig.register("keyed.get", scope="global", api=API)
    other = await rig.workspace("harbour")
    assert (await process.call(tool, by=other)).error is None
    await rig.gateway.workspaces.update(rig.owner, other.workspace_id, name="pier")
    assert (await process.call(tool, by=other)).error["code"] == "SECRET_NOT_FOUND"


async def test_it_is_struck_from_what_is_kept(rig):
    process = await rig.beside(beside=environment_secrets("default:TOOL_KEYED_GET_API_KEY", HELD))
    tool = await process.register("keyed.get", api=API)
    result = await process.call(tool, {"q": "see from-the-environment"})
    kept = await process.gateway.history.get(rig.owner, result.execution_id)
    assert kept.input_payload == {"q": "see [secret:TOOL_KEYED_GET_API_KEY]"}
