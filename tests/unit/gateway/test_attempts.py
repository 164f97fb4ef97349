"""Which runs are tried again, how often, after which pause, and within which time."""

from dataclasses import dataclass, field

import pytest

from tests.support.fakes import FakeClock
from toolcrib.contracts.contract import parse_contract
from toolcrib.contracts.provider import Failure, Invocation, Success
from toolcrib.contracts.schema import compile_schema
from toolcrib.gateway import attempts
from toolcrib.gateway.workshop import Ready

AGAIN = Failure("UPSTREAM_ERROR", "later", retryable=True)
NEVER = Failure("UPSTREAM_ERROR", "never")
CALL = Invocation("exe_1", "w1", {"a": 1}, {}, 100.0)


@dataclass
class Script:
    """Answers one outcome after the other; each run takes `spends` seconds."""

    clock: FakeClock
    outcomes: list[object]
    spends: float = 0
    ran: list[Invocation] = field(default_factory=list)
    secrets: frozenset[str] = frozenset()

    async def run(self, invocation):
        self.ran.append(invocation)
        self.clock.go(self.spends)
        return self.outcomes.pop(0)


@pytest.fixture
def pauses(monkeypatch):
    """How long was waited; time goes on by as much."""
    found = []

    class Sleeping:
        @staticmethod
        async def sleep(seconds):
            found.append(seconds)
            found.clock.go(seconds)

    class Pauses(list):
        clock = FakeClock()

    found = Pauses()
    monkeypatch.setattr(attempts, "asyncio", Sleeping)
    return found


async def attempt(pauses, outcomes, spends=0, **parts):
    config = {"name": "a", "description": "", "input_schema": {}, "api": {"base_url": "https://x.example"}}
    contract = parse_contract(config | {"effects": "read"} | parts)
    script = Script(pauses.clock, list(outcomes), spends)
    ready = Ready(contract, compile_schema({}), None, script, 1, 100.0)
    return await attempts.attempt(ready, CALL, pauses.clock), script.ran


async def test_without_retries_a_run_is_one_run(pauses):
    assert await attempt(pauses, [AGAIN]) == (AGAIN, [CALL])
    assert pauses == []


async def test_what_passes_is_tried_again_with_longer_pauses(pauses):
    outcome, ran = await attempt(pauses, [AGAIN, AGAIN, AGAIN, Success(1)], retries=5)
    assert (outcome, len(ran)) == (Success(1), 4)
    assert pauses == [1.0, 1.5, 2.25]
    assert {invocation.execution_id for invocation in ran} == {"exe_1"}
    assert [invocation.seconds for invocation in ran] == [100, 99, 97.5, 95.25]


async def test_the_last_failure_is_the_outcome(pauses):
    outcome, ran = await attempt(pauses, [AGAIN] * 3, retries=2, backoff=0)
    assert (outcome, len(ran), pauses) == (AGAIN, 3, [0, 0])


@pytest.mark.parametrize("outcome", [NEVER, Success(1), Failure("X", "", unknown=True)])
async def test_what_does_not_pass_is_not_tried_again(pauses, outcome):
    assert await attempt(pauses, [outcome], retries=3) == (outcome, [CALL])


@pytest.mark.parametrize(("asked", "pause"), [(7, 7), (0.5, 1.0), (10_000, 30), ("7", 1.0), (None, 1.0)])
async def test_an_upstream_may_ask_for_a_longer_pause(pauses, asked, pause):
    busy = Failure("UPSTREAM_ERROR", "busy", {"retry_after": asked}, retryable=True)
    await attempt(pauses, [busy, Success(1)], retries=1)
    assert pauses == [pause]


async def test_pauses_do_not_grow_for_ever(pauses):
    await attempt(pauses, [AGAIN] * 4, retries=3, backoff=25)
    assert pauses == [25, 30, 30]


async def test_nothing_is_tried_beyond_the_time_of_the_call(pauses):
    outcome, ran = await attempt(pauses, [AGAIN] * 9, spends=30, retries=9, backoff=10)
    assert (outcome, len(ran), pauses) == (AGAIN, 3, [10, 15])
