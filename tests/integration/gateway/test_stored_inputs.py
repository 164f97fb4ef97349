"""What the ledger keeps of an input: JSON whatever is struck out of it, no secret even of a refused call, nothing too large."""

import pytest

from tests.support.rig import config
from toolcrib.contracts.errors import Code
from toolcrib.contracts.execution import Status
from toolcrib.contracts.principal import Role

AUTH = {"method": "bearer", "secret_ref": "${PIN}"}
WITH_SECRET = {"base_url": "https://upstream.example", "auth": AUTH}


async def stored(rig, result):
    return (await rig.find(result.execution_id)).input_payload


@pytest.mark.parametrize("secret", ["1234", "n", '"', ":", "true", "\\u0000", "é"])
async def test_any_secret_in_any_place_leaves_a_record_that_can_be_read(sqlite_rig, secret):
    tool = await sqlite_rig.register(api=WITH_SECRET)
    await sqlite_rig.gateway.secrets.set(sqlite_rig.owner, "PIN", secret)
    given = {f"k{secret}": 1, "list": [1234, 91234.5, True, None], "text": f"a\n\x01{secret}"}

    found = await stored(sqlite_rig, await sqlite_rig.call(tool, given))

    assert len(found) == 3
    assert "[secret:PIN]" in str(found)
    numbers = next(item for item in found.values() if isinstance(item, list))
    assert numbers[2:] == [True, None]
    if secret == "1234":
        assert numbers[:2] == ["[secret:PIN]", "[secret:PIN]"]
        assert found["text"] == "a\n\x01[secret:PIN]"


async def test_keys_that_redaction_makes_alike_leave_a_record_that_can_be_read(sqlite_rig):
    tool = await sqlite_rig.register()
    given = {"sk-aaaaaaaaaaaaaaaaaaaaaaaa": 1, "sk-bbbbbbbbbbbbbbbbbbbbbbbb": 2}
    kept = await stored(sqlite_rig, await sqlite_rig.call(tool, given))
    assert kept == {"[REDACTED]": 1, "[REDACTED] 2": 2}


async def test_the_secrets_of_a_tool_are_struck_from_the_input_of_a_refused_call(rig):
    two = WITH_SECRET | {"auth": AUTH}
    tool = await rig.register(
        api=two, input_schema={"type": "object", "additionalProperties": {"type": "string"}}
    )
    await rig.gateway.secrets.set(rig.owner, "PIN", "s3cr3t-value-1")
    viewer = await rig.principal(role=Role.VIEWER)

    denied = await rig.call(tool, {"a": "s3cr3t-value-1"}, by=viewer)
    invalid = await rig.call(tool, {"a": "s3cr3t-value-1", "b": 1})

    assert (denied.status, invalid.error["code"]) == (Status.DENIED, Code.VALIDATION_ERROR)
    assert await stored(rig, denied) == {"a": "[secret:PIN]"}
    assert await stored(rig, invalid) == {"a": "[secret:PIN]", "b": 1}


async def test_a_call_without_its_secret_is_recorded_as_it_is(sqlite_rig):
    tool = await sqlite_rig.register(api=WITH_SECRET)
    result = await sqlite_rig.call(tool, {"a": "b"})
    assert result.error["code"] == Code.SECRET_NOT_FOUND
    assert await stored(sqlite_rig, result) == {"a": "b"}


async def test_an_input_that_is_larger_than_the_tool_takes_is_not_kept(rig):
    tool = await rig.register(api=config()["api"] | {"max_request": 100})
    result = await rig.call(tool, {"a": "x" * 200}, size=210)
    assert (result.status, result.error["code"]) == (Status.FAILED, Code.VALIDATION_ERROR)
    assert await stored(rig, result) is None
    assert (
        await rig.rows(
            f"SELECT part FROM bodies WHERE execution_id = '{result.execution_id}' AND part = 'input'"
        )
        == []
    )
