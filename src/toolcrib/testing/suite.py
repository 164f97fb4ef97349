"""What every provider promises, as one check: give it a provider and a contract that it can run."""

import asyncio
import copy
from collections.abc import Mapping
from typing import Any

from toolcrib.contracts.contract import Contract, parse_contract
from toolcrib.contracts.errors import Code, EgressRefused, Invalid
from toolcrib.contracts.provider import Failure, Invocation, Outcome, Previews, Provider, Runnable, Success
from toolcrib.contracts.secret import Secret
from toolcrib.kit.json import JsonRefused, dumps, loads

_PATIENCE = 5.0
_SHORT = 0.2


class Broken(AssertionError):
    """A promise that a provider does not keep; the text says which."""


async def check_provider(
    provider: Provider,
    contract: Mapping[str, Any],
    *,
    given: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    refused: Mapping[str, Any] | None = None,
    slow: Mapping[str, Any] | None = None,
) -> Success:
    """Run `contract` on `given` in every way in which the gateway would, and answer its output. `refused` is a contract of
    the same kind that could never run, `slow` one that takes longer than a second and no input. Raises `Broken`.
    """
    parsed = parse_contract(dict(contract))
    _demand(provider.kind == parsed.kind, f"it is of kind {provider.kind} and runs contracts of that kind")
    provider.check(parsed)
    runnable = provider.prepare(parsed)
    opened = {name: Secret(name, value) for name, value in (secrets or {}).items()}
    _demand(runnable.secrets <= opened.keys(), "it names the secrets that it wants, and those are handed in")
    _demand(provider.prepare(parsed).secrets == runnable.secrets, "a contract always wants the same secrets")
    once = await _runs(runnable, _invocation("exe_once", given, opened))
    await _keeps_runs_apart(runnable, given, opened)
    await _previews(runnable, _invocation("exe_preview", given, opened))
    if refused is not None:
        _refuses(provider, parse_contract(dict(refused)))
    if slow is not None:
        await _keeps_to_its_time(provider, parse_contract(dict(slow)), opened)
    return once


def _invocation(
    name: str, given: Mapping[str, Any] | None, secrets: Mapping[str, Secret], seconds: float = _PATIENCE
) -> Invocation:
    return Invocation(name, "ws_suite", copy.deepcopy(dict(given or {})), dict(secrets), seconds)


async def _runs(runnable: Runnable, invocation: Invocation) -> Success:
    before = copy.deepcopy(invocation.input), dict(invocation.secrets)
    outcome = await asyncio.wait_for(runnable.run(invocation), _PATIENCE)
    _demand((invocation.input, dict(invocation.secrets)) == before, "it leaves what it was handed as it was")
    _hides(outcome, invocation)
    if not isinstance(outcome, Success):
        raise Broken(f"a contract that it can run succeeds; it answered {outcome.code}: {outcome.message}")
    _demand(_is_json(outcome.output), "its output is JSON")
    return outcome


async def _keeps_runs_apart(
    runnable: Runnable, given: Mapping[str, Any] | None, secrets: Mapping[str, Secret]
) -> None:
    """Two at once, and one that is cancelled beside them."""
    gone = asyncio.create_task(runnable.run(_invocation("exe_gone", given, secrets)))
    pair = [asyncio.create_task(_runs(runnable, _invocation(f"exe_{n}", given, secrets))) for n in (1, 2)]
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone], timeout=_PATIENCE)
    _demand(gone.done(), "a run that is cancelled ends")
    await asyncio.gather(*pair)


async def _previews(runnable: Runnable, invocation: Invocation) -> None:
    if not isinstance(runnable, Previews):
        return
    shown = await runnable.preview(invocation)
    _hides(shown, invocation)
    dry = (
        isinstance(shown, Success) and isinstance(shown.output, dict) and shown.output.get("dry_run") is True
    )
    _demand(dry, "a preview says that it is a dry run")


def _refuses(provider: Provider, contract: Contract) -> None:
    try:
        provider.check(contract)
    except (Invalid, EgressRefused):
        return
    raise Broken("a provider keeps this: what could never run is refused at registration")


async def _keeps_to_its_time(provider: Provider, contract: Contract, secrets: Mapping[str, Secret]) -> None:
    invocation = _invocation("exe_slow", {}, secrets, _SHORT)
    outcome = await asyncio.wait_for(provider.prepare(contract).run(invocation), _PATIENCE)
    late = isinstance(outcome, Failure) and outcome.code == Code.UPSTREAM_TIMEOUT
    _demand(late, "a run that takes longer than is left is a timeout")


def _hides(outcome: Outcome, invocation: Invocation) -> None:
    said = repr(outcome)
    told = [name for name, secret in invocation.secrets.items() if secret and secret.reveal() in said]
    _demand(not told, f"no outcome holds a secret; this one holds {', '.join(told)}")


def _is_json(value: Any) -> bool:
    try:
        return bool(loads(dumps(value)) == value)
    except (TypeError, ValueError, JsonRefused):
        return False


def _demand(kept: bool, promise: str) -> None:  # noqa: FBT001 the condition reads first
    if not kept:
        raise Broken(f"a provider keeps this: {promise}")
