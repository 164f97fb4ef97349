"""What the ledger keeps of payloads, and what the caller is told: redacted here, whole there, and the kept again to who repeats."""

import hashlib
import json

import pytest

from toolcrib.contracts.errors import Code
from toolcrib.contracts.execution import Status
from toolcrib.contracts.provider import Failure, Success
from toolcrib.contracts.redaction import REDACTED

GIVEN = {"user": "me", "password": "hunter2-long", "pin": 4711, "text": "sent with Bearer abcdef0123"}
KEPT = {"user": "me", "password": REDACTED, "pin": REDACTED, "text": f"sent with Bearer {REDACTED}"}
SCHEMA = {"type": "object", "additionalProperties": True, "properties": {"pin": {"type": "integer", "writeOnly": True}}}  # fmt: skip
SECRETS = (b"hunter2-long", b"4711", b"abcdef0123")


async def everything(rig):
    """What lies in the ledger's tables, as text."""
    tables = [await rig.rows(f"SELECT * FROM {name}") for name in ("executions", "events", "bodies", "idempotency_keys")]  # fmt: skip
    return json.dumps(tables, default=str).encode()


async def test_the_record_is_redacted_and_the_answer_is_not(rig):
    tool = await rig.register(input_schema=SCHEMA, output_schema=SCHEMA)
    result = await rig.call(tool, GIVEN)
    assert result.output == GIVEN
    assert rig.provider.ran[0].input == GIVEN
    found = await rig.find(result.execution_id)
    assert (found.input_payload, found.output_payload) == (KEPT, KEPT)
    stored = await everything(rig)
    assert [secret for secret in SECRETS if secret in stored] == []


async def test_who_repeats_a_call_is_told_what_is_kept(rig):
    tool = await rig.register(input_schema=SCHEMA, output_schema=SCHEMA)
    first = await rig.call(tool, GIVEN, idempotency_key="k")
    again = await rig.call(tool, GIVEN, idempotency_key="k")
    later = await rig.gateway.history.result(rig.owner, first.execution_id)
    assert (first.output, again.output, later.output) == (GIVEN, KEPT, KEPT)
    assert (again.replayed, len(rig.provider.ran)) == (True, 1)


async def test_a_refused_input_is_redacted_too(rig):
    tool = await rig.register(input_schema=SCHEMA | {"required": ["never"]})
    result = await rig.call(tool, GIVEN)
    assert result.error["code"] == "VALIDATION_ERROR"
    assert (await rig.find(result.execution_id)).input_payload == KEPT
    stored = await everything(rig)
    assert [secret for secret in SECRETS if secret in stored] == []


async def test_a_digest_is_of_what_was_said(rig):
    tool = await rig.register(record="digest")
    result = await rig.call(tool, {"a": 1})
    found, written = await rig.find(result.execution_id), b'{"a":1}'
    assert result.output == {"a": 1}
    assert found.input_payload == found.output_payload == {
        "sha256": hashlib.sha256(written).hexdigest(), "bytes": len(written),
    }  # fmt: skip


async def test_where_nothing_is_to_be_recorded_the_rest_of_the_record_is(rig):
    tool = await rig.register(record="none")
    result = await rig.call(tool, {"a": 1}, exception_id="x1")
    found = await rig.find(result.execution_id)
    assert (found.input_payload, found.output_payload, found.status) == (None, None, Status.SUCCEEDED)
    assert (found.exception_id, found.actor_id) == ("x1", "user:owner")
    assert await rig.rows("SELECT * FROM bodies") == []
    assert len([event for event in await rig.events() if event["execution_id"]]) == 2


@pytest.mark.parametrize("record", ["full", "digest", "none"])
async def test_a_failure_is_recorded_whatever_is_kept_of_payloads(rig, record):
    rig.provider.answers(Failure(Code.UPSTREAM_ERROR, "The upstream answered 500.", {"status": 500}))
    tool = await rig.register(record=record)
    result = await rig.call(tool, {"a": 1})
    again = await rig.gateway.history.result(rig.owner, result.execution_id)
    assert again.error == result.error
    assert again.error["details"] == {"status": 500}


@pytest.mark.parametrize(
    ("secret", "given", "kept"),
    [
        ("a-long-secret", {"a": "with a-long-secret in it"}, {"a": "with [secret:KEY] in it"}),
        ("12345678", {"number": 12345678, "a": "b"}, {"number": "[secret:KEY]", "a": "b"}),
        (
            "a-long-secret",
            {"a-long-secret": 1, "YS1sb25nLXNlY3JldA": 2},
            {"[secret:KEY]": REDACTED, "[secret:KEY] (2)": REDACTED},
        ),
    ],
    ids=["a text", "a number", "two names that become one"],
)
async def test_a_secret_of_the_tool_is_never_kept_however_it_was_given(rig, secret, given, kept):
    await rig.gateway.secrets.set(rig.owner, "KEY", secret)
    auth = {"method": "bearer", "secret_ref": "${KEY}"}
    tool = await rig.register(api={"base_url": "https://upstream.example", "auth": auth})
    rig.provider.answers(Success({"ok": True}))
    result = await rig.call(tool, given)
    assert result.output == {"ok": True}
    assert (await rig.find(result.execution_id)).input_payload == kept
    assert secret.encode() not in await everything(rig)


async def test_a_dry_run_keeps_nothing_that_its_input_does_not(sqlite_rig):
    rig = sqlite_rig

    async def preview(invocation):
        given = invocation.input
        url = f"https://upstream.example/pins/{given['pin']}?password={given['password']}&note=a%2Fb%20c"
        return Success({"dry_run": True, "request": {"url": url, "body": given}})

    rig.provider.shows = preview
    marked = {"type": "object", "additionalProperties": True, "properties": {"notes": {"items": {"writeOnly": True}}, **SCHEMA["properties"]}}  # fmt: skip
    tool = await rig.register(input_schema=marked)
    told = await rig.call(tool, GIVEN | {"notes": [["a/b c", 8.5], None, True]}, dry_run=True)
    assert "hunter2-long&note=a%2Fb%20c" in told.output["request"]["url"]
    request = (await rig.find(told.execution_id)).output_payload["request"]
    assert request["url"] == (
        "https://upstream.example/pins/[secret:pin]?password=[secret:password]&note=[secret:notes]"
    )
    assert request["body"]["notes"] == [["[secret:notes]", "[secret:notes]"], None, True]
    stored = await everything(rig)
    assert [secret for secret in (*SECRETS, b"a/b c", b"a%2Fb") if secret in stored] == []


async def test_a_dry_run_that_would_cost_too_much_to_look_through_is_left_out_whole(sqlite_rig):
    rig = sqlite_rig

    async def preview(invocation):
        return Success({"dry_run": True, "request": {"body": invocation.input}})

    rig.provider.shows = preview
    given = {"passwords": [], "password": [f"pw-{n}" for n in range(400)]}
    told = await rig.call(await rig.register(), given, dry_run=True)
    assert (await rig.find(told.execution_id)).output_payload == REDACTED
