"""The whole house in this process: `Crib`."""

import asyncio
import math
from pathlib import Path

import pytest

from tests.support import toolbox
from toolcrib import Context, Crib, Pack, Subject, ToolcribError, ToolError, tool
from toolcrib.app.settings import UnsafeSetting
from toolcrib.contracts.execution import Status
from toolcrib.gateway import Allowance, Limit
from toolcrib.kit.db.sqlite import AlreadyRunning

OBJECT = {"type": "object", "properties": {"harbour": {"type": "string"}}, "additionalProperties": False}
TIDES = {
    "name": "tides.next",
    "description": "Next high tide.",
    "kind": "dummy",
    "input_schema": OBJECT,
    "dummy": {"output": {"height": 1.2}},
}


@tool("harbour.depth", effects="read", errors=["HARBOUR_NOT_FOUND"])
def depth(harbour: str) -> float:
    """How deep a harbour is."""
    if harbour != "oslo":
        raise ToolError("HARBOUR_NOT_FOUND", "There is no such harbour.")
    return 11.5


@tool("harbour.fits", effects="read", secrets=["HARBOUR_KEY"])
async def fits(context: Context, draught: float) -> bool:
    """Whether a ship floats there."""
    assert context.secret("HARBOUR_KEY") == "s3cret-value"
    found: float = await context.call("harbour.depth", {"harbour": "oslo"})
    return draught < found


@pytest.fixture
async def crib(tmp_path, rig_url):
    async with Crib(data_dir=tmp_path / "data", database_url=rig_url) as opened:
        yield opened


async def refused(work, code):
    with pytest.raises(ToolcribError) as caught:
        await work
    assert caught.value.code == code
    return caught.value


async def test_a_config_is_registered_called_and_found_in_the_ledger(crib):
    assert await crib.register(TIDES) == "tides.next"
    subject = Subject("ship", "42")
    result = await crib.call("tides.next", {"harbour": "oslo"}, subject=subject, exception_id="EXC-1")
    assert (result.status, result.output, result.error) == (Status.SUCCEEDED, {"height": 1.2}, None)
    [listed] = await crib.executions(tool="tides.next", status="succeeded", limit=5)
    assert (listed.execution_id, listed.subject, listed.exception_id) == (
        result.execution_id,
        subject,
        "EXC-1",
    )
    assert (await crib.execution(result.execution_id)).input_payload == {"harbour": "oslo"}


async def test_functions_run_by_the_counter_and_call_each_other(crib):
    assert [await crib.register(depth), await crib.register(fits)] == ["harbour.depth", "harbour.fits"]
    await crib.set_secret("HARBOUR_KEY", "s3cret-value")
    assert (await crib.call("harbour.fits", {"draught": 9.0})).output is True
    failed = await crib.call("harbour.depth", {"harbour": "atlantis"})
    assert (failed.status, failed.error["code"]) == (Status.FAILED, "HARBOUR_NOT_FOUND")
    assert [one.tool for one in await crib.executions()] == ["harbour.depth", "harbour.depth", "harbour.fits"]
    assert await crib.register(depth) == "harbour.depth"


async def test_a_pack_is_registered_whole(crib):
    assert await crib.register(toolbox.numbers) == [one.tool.name for one in toolbox.TOOLS]
    assert (await crib.call("numbers.add", {"a": 1})).output == {"total": 2}


async def test_a_name_stands_for_one_tool(crib):
    await crib.register(TIDES)
    await crib.register(depth)

    @tool("tides.next")
    def hidden() -> int:
        """Behind the config."""
        return 1

    @tool("harbour.depth")
    def other(harbour: str) -> float:
        """Another function."""
        return 0.0

    for twin in (TIDES, hidden, other):
        assert (await refused(crib.register(twin), "CONFLICT")).details["reason"] == "name_taken"
    assert (await crib.call("harbour.depth", {"harbour": "oslo"})).output == 11.5


async def test_a_pack_that_is_refused_is_not_loaded(crib):
    @tool("slow.one", timeout=3_000)
    def slow() -> int:
        """Longer than the operator allows."""
        return 1

    await refused(crib.register(slow), "VALIDATION_ERROR")
    await refused(crib.call("slow.one"), "NOT_FOUND")


async def test_what_is_no_tool_and_what_is_no_json_is_refused(crib):
    with pytest.raises(TypeError, match="@tool"):
        await crib.register(print)
    await crib.register(TIDES)
    for given in ({"harbour": {1, 2}}, {"harbour": 2**80}, {1: "oslo"}):
        await refused(crib.call("tides.next", given), "VALIDATION_ERROR")
    assert (await crib.call("tides.next", {"harbour": math.nan})).error["code"] == "VALIDATION_ERROR"


async def test_an_input_may_be_the_text_that_a_model_wrote(crib):
    await crib.register(TIDES)
    assert (await crib.call("tides__next", '{"harbour": "oslo"}')).error is None
    assert not (await crib.validate("tides.next", '{"harbour": "oslo"}')).faults
    for text in ("", "{", '{"harbour": "oslo", "harbour": "bergen"}', "[]", '"oslo"', "\ud800", [1]):
        await refused(crib.call("tides.next", text), "VALIDATION_ERROR")


async def test_models_get_flat_tools_and_their_names_call_them(crib):
    await crib.register(TIDES)
    await crib.register(depth)
    first, second = await crib.openai_tools()
    assert second == {
        "type": "function", "name": "tides__next", "description": "Next high tide.", "parameters": OBJECT, "strict": False,
    }  # fmt: skip
    assert (await crib.call(first["name"], {"harbour": "oslo"})).output == 11.5
    assert [brief.name for brief in await crib.list_tools()] == ["harbour.depth", "tides.next"]


async def test_a_key_calls_and_sees_no_more_than_it_may(crib):
    await crib.register(TIDES)
    await crib.register(depth)
    agent = await crib.create_key("bot", tools=["tides.next"])
    assert (await crib.call("tides.next", principal=agent)).status is Status.SUCCEEDED
    assert (await crib.call("harbour.depth", {"harbour": "oslo"}, principal=agent)).error[
        "code"
    ] == "FORBIDDEN"
    assert [one["name"] for one in await crib.openai_tools(principal=agent)] == ["tides__next"]
    await refused(crib.register(TIDES | {"name": "tides.last"}, principal=agent), "FORBIDDEN")
    await refused(crib.register(fits, principal=agent), "FORBIDDEN")
    await refused(crib.call("tides.next", principal="tcb_nobody"), "UNAUTHORIZED")


async def test_enablement_validation_versions_and_the_end_of_a_tool(crib):
    await crib.register(TIDES)
    found = await crib.validate("tides.next", {"harbor": "oslo"})
    assert ([fault.path for fault in found.faults], found.decision.allowed) == (["/harbor"], True)
    await crib.set_enabled("tides.next", False)
    assert not (await crib.tool("tides.next")).enabled
    assert (await crib.call("tides.next")).error["code"] == "TOOL_DISABLED"
    assert await crib.update("tides.next", TIDES | {"description": "Newer."}) == "1.0.1"
    await crib.delete("tides.next")
    await refused(crib.tool("tides.next"), "NOT_FOUND")


async def test_keys_of_repetition_dry_runs_selections_and_calls_not_waited_for(crib):
    await crib.register(TIDES)
    first = await crib.call("tides.next", idempotency_key="k", select=["height"])
    again = await crib.call("tides.next", idempotency_key="k", select=["height"])
    assert (again.replayed, again.execution_id, again.output) == (True, first.execution_id, {"height": 1.2})
    dry = await crib.call("tides.next", dry_run=True)
    assert dry.output["dry_run"] is True
    later = await crib.call("tides.next", wait=False)
    assert later.status is Status.RUNNING


@pytest.mark.parametrize("key", ["", "a\x00b", "a\nb", "\ud800", "é", "x" * 256])
async def test_an_idempotency_key_is_short_and_printable(crib: Crib, key):
    with pytest.raises(ToolcribError, match="idempotency key is not valid") as refused:
        await crib.call("tides.next", idempotency_key=key)
    assert refused.value.details["errors"][0]["path"] == "/idempotency_key"


async def test_private_upstreams_are_refused_until_they_are_named():
    echo = {
        "name": "echo",
        "description": "Echo.",
        "input_schema": OBJECT,
        "api": {"base_url": "http://127.0.0.1:8000"},
    }
    async with Crib() as crib:
        await refused(crib.register(echo), "EGRESS_DENIED")
    async with Crib(egress_allow=["127.0.0.1"]) as crib:
        assert await crib.register(echo) == "echo"
        assert (await crib.call("echo")).error["code"] != "EGRESS_DENIED"


async def test_a_crib_without_a_folder_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with Crib() as crib:
        await crib.register(TIDES)
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError, match="async with"):
        await crib.list_tools()


async def test_a_folder_is_kept_and_a_function_comes_back_to_life(tmp_path):
    async with Crib(data_dir=tmp_path / "kept") as crib:
        await crib.register(depth)
        with pytest.raises(AlreadyRunning):
            await Crib(data_dir=tmp_path / "kept").__aenter__()
    async with Crib(data_dir=str(tmp_path / "kept")) as crib:
        lost = await crib.call("harbour.depth", {"harbour": "oslo"})
        assert lost.error["code"] == "UNAVAILABLE"
        await crib.register(depth)
        assert (await crib.call("harbour.depth", {"harbour": "oslo"})).output == 11.5


async def test_a_database_alone_keeps_its_keys_where_a_server_would(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path / 'own.db'}"
    async with Crib(database_url=url) as crib:
        await crib.register(TIDES)
    assert (tmp_path / ".toolcrib" / "root.key").exists()
    (tmp_path / ".toolcrib" / "owner.key").rename(tmp_path / "owner.key")
    async with Crib(database_url=url) as crib:
        await refused(crib.call("tides.next"), "UNAUTHORIZED")
        key = (tmp_path / "owner.key").read_text().strip()
        assert (await crib.call("tides.next", principal=key)).status is Status.SUCCEEDED


async def test_settings_that_cannot_be_are_refused_by_name(tmp_path):
    with pytest.raises(UnsafeSetting, match="TOOLCRIB_EGRESS_ALLOW"):
        await Crib(egress_allow="not an address").__aenter__()
    with pytest.raises(UnsafeSetting, match="TOOLCRIB_ROOT_KEY"):
        await Crib(data_dir=tmp_path, root_key="short").__aenter__()


async def test_many_calls_at_once(crib):
    await crib.register(depth)
    results = await asyncio.gather(*(crib.call("harbour.depth", {"harbour": "oslo"}) for _ in range(50)))
    assert {result.output for result in results} == {11.5}


def test_the_face_gives_the_crib_lazily():
    assert (Pack.__name__, Crib.__module__) == ("Pack", "toolcrib.app.crib")
    assert Path(__import__("toolcrib").__file__).name == "__init__.py"


@tool("harbour.sink")
def sink() -> None:
    """Fail in a way that nobody foresaw."""
    raise RuntimeError("it went down")


@pytest.mark.parametrize("environment", ["development", "production"])
async def test_an_exception_of_a_tool_is_logged_whole_in_development_only(monkeypatch, capsys, environment):
    monkeypatch.setenv("TOOLCRIB_ENV", environment)
    async with Crib() as crib:
        await crib.register(sink)
        result = await crib.call("harbour.sink")
    assert "it went down" not in str(result.error)
    logged = capsys.readouterr().err
    assert "RuntimeError" in logged
    assert ("RuntimeError: it went down" in logged) == (environment == "development")


async def test_what_is_given_of_a_contract_is_the_callers_own():
    seen = []

    @tool("nosy.look", effects="read")
    async def look(context: Context) -> int:
        """Look at the others, and meddle."""
        seen.extend(await context.list_tools())
        for brief in seen:
            meddle(brief.input_schema)
        return len(seen)

    def meddle(schema):
        schema["additionalProperties"] = True
        schema["properties"].clear()

    async with Crib() as crib:
        await crib.register(TIDES)
        await crib.register(look)
        assert (await crib.call("nosy.look")).output == 2
        meddle(next(one for one in await crib.openai_tools() if one["name"] == "tides__next")["parameters"])
        meddle(next(one for one in await crib.list_tools() if one.name == "tides.next").input_schema)
        meddle((await crib.tool("tides.next")).config["input_schema"])
        shown = (await crib.tool("tides.next")).config["input_schema"]
        refused = await crib.call("tides.next", {"harbor": "oslo"})
    assert shown == OBJECT
    assert (refused.status, refused.error["code"]) == (Status.FAILED, "VALIDATION_ERROR")


async def test_a_call_over_a_limit_raises_and_says_when_to_come_back(crib):
    await crib.register(TIDES)
    owner = await crib.principal()
    await crib.gateway.limits.set(
        owner, owner.workspace_id, Limit("tool", "tides.next", Allowance(per_day=1))
    )
    await crib.call("tides.next")
    with pytest.raises(ToolcribError) as refused:
        await crib.call("tides.next")
    assert (refused.value.code, refused.value.retryable) == ("RATE_LIMITED", True)
    assert refused.value.details["retry_after"] >= 1
