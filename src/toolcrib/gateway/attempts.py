"""Tries a run again where its contract allows it: only what failed in passing, within the seconds of the whole call.

It is the same call each time: one execution, and for idempotent tools the same key upstream.
"""

import asyncio
from dataclasses import replace
from typing import Final

from toolcrib.contracts.provider import Failure, Invocation, Outcome
from toolcrib.kit.clock import Clock

from .workshop import Ready

_FACTOR: Final = 1.5
_LONGEST_PAUSE: Final = 30.0


async def attempt(ready: Ready, invocation: Invocation, clock: Clock) -> Outcome:
    """Run once, and again after a pause while the failure may pass, as often as the contract says."""
    until = clock.monotonic() + ready.seconds
    outcome = await ready.runnable.run(invocation)
    for past in range(ready.contract.retries):
        if not isinstance(outcome, Failure) or not outcome.retryable:
            break
        pause = _pause(ready.contract.backoff, past, outcome)
        if clock.monotonic() + pause >= until:
            break
        await asyncio.sleep(pause)
        outcome = await ready.runnable.run(replace(invocation, seconds=until - clock.monotonic()))
    return outcome


def _pause(backoff: float, past: int, failure: Failure) -> float:
    """Longer each time, and as long as the upstream asks for."""
    asked = failure.details.get("retry_after", 0)
    wanted = asked if isinstance(asked, int | float) else 0
    return min(max(backoff * _FACTOR**past, wanted), _LONGEST_PAUSE)
