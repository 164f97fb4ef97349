"""A stand-in: it waits, then answers what its contract says, and does nothing else."""

from typing import Any

import pytest

from toolcrib.contracts.contract import parse_contract
from toolcrib.contracts.provider import Failure, Invocation, Outcome, Success
from toolcrib.providers.dummy import DummyProvider


async def run(block: dict[str, Any] | None = None, seconds: float | None = None, **parts: Any) -> Outcome:
    config = {"name": "a.b", "description": "", "kind": "dummy", "input_schema": {}} | parts
    contract = parse_contract(config if block is None else config | {"dummy": block})
    dummy = DummyProvider()
    dummy.check(contract)
    return await dummy.prepare(contract).run(Invocation("exe_1", "w1", {"n": 1}, {}, seconds))


async def test_without_an_output_it_repeats_what_it_was_given():
    usual = {
        "status": "success",
        "message": "a.b is a dummy: nothing was done.",
        "tool": "a.b",
        "payload": {"n": 1},
    }
    assert await run() == Success(usual)
    assert await run({"output": None}) == Success(usual)


@pytest.mark.parametrize("output", [0, False, "", [], {"a": None}])
async def test_any_json_can_be_its_output(output):
    assert await run({"output": output, "delay": 0.001}) == Success(output)


async def test_it_fails_as_it_is_told():
    fail = {"fail": {"code": "CLOSED", "message": "It is closed."}}
    assert await run(fail) == Failure("CLOSED", "It is closed.")
    assert await run(fail, errors=[{"code": "CLOSED", "http_status": 409}]) == Failure(
        "CLOSED", "It is closed.", http_status=409
    )


async def test_a_delay_beyond_what_is_left_is_a_timeout():
    assert await run({"delay": 60}, 0.01) == Failure(
        "UPSTREAM_TIMEOUT", "The tool did not answer within 0.01 seconds."
    )
