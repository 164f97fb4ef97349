"""Kind `python`: functions that packs bring, run under a deadline; async ones in the loop, the others in threads."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolcrib.contracts.contract import Contract, parse_contract
from toolcrib.contracts.define import ToolDefinition
from toolcrib.contracts.errors import Code, Invalid
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.pack import Pack
from toolcrib.contracts.provider import Failure, Invocation, Outcome, Runnable
from toolcrib.contracts.secret import texts
from toolcrib.kit.clock import Clock
from toolcrib.kit.logging import logger
from toolcrib.kit.strike import Strikes
from toolcrib.providers.http import Client, Limits, Ties
from toolcrib.providers.python.context import RunContext, RunLog, ToolClock
from toolcrib.providers.python.http import PackHttp
from toolcrib.providers.python.run import Run
from toolcrib.providers.python.threads import Slots, Threads

DEFAULT_SECONDS = 30.0
DEFAULT_MAX_REPLY = 5_000_000
_GRACE = 1.0


@dataclass(frozen=True, slots=True)
class LoadedPack:
    """A pack, and the values of its settings."""

    pack: Pack
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Function:
    definition: ToolDefinition
    settings: Mapping[str, str]
    contract: Contract


class PythonProvider:
    """Runs contracts of kind `python`. With `tracebacks` the log shows those of exceptions that no contract declares."""

    kind = "python"

    def __init__(
        self, packs: Sequence[LoadedPack], client: Client, limits: Limits, clock: Clock, slots: Slots | None = None, *,
        tracebacks: bool = False,
    ) -> None:  # fmt: skip
        self._functions: dict[tuple[str, str], _Function] = {}
        self._packs: set[str] = set()
        for loaded in packs:
            self.load(loaded)
        self.client = client
        self.limits = limits
        self.clock = clock
        self.slots = slots or Slots()
        self.threads = Threads()
        self.tracebacks = tracebacks

    def load(self, loaded: LoadedPack) -> None:
        """Take a pack's functions in. Raises `Invalid` for a contract that is none."""
        name = loaded.pack.name
        self._functions |= {
            (name, definition.name): _Function(
                definition, loaded.settings, parse_contract(definition.in_pack(name))
            )
            for definition in loaded.pack.definitions
        }
        self._packs.add(name)

    def unload(self, pack: str) -> None:
        """Forget a pack's functions; its tools say so when they are called."""
        self._functions = {key: found for key, found in self._functions.items() if key[0] != pack}
        self._packs.discard(pack)

    def function(self, pack: str, name: str) -> Callable[..., Any] | None:
        """What runs a tool of a pack that is loaded."""
        found = self._functions.get((pack, name))
        return None if found is None else found.definition.function

    def check(self, contract: Contract) -> None:
        """Only a loaded pack's own contract may be stored: any other would run its function past what it declares."""
        found = self.found(contract)
        if found is None or found.contract != contract:
            message = "Python tools come with packs that the operator loads with TOOLCRIB_PACKS; they are not registered one by one."
            raise Invalid.because(message, [Fault("/python", "is not the contract of a loaded pack's tool")])

    def prepare(self, contract: Contract) -> Runnable:
        """A tool whose pack is not loaded, or not yet, is still known; calling it says so."""
        found = self.found(contract)
        return PythonRunnable(self, found, contract) if found else _NotLoaded(self, contract)

    def missing(self, contract: Contract) -> str | None:
        """Why a Python tool cannot be run, and what to do; None for one that can, and for a tool of another kind."""
        named = contract.python
        if named is None or self.found(contract):
            return None
        if named.pack in self._packs:
            return f"The pack {named.pack} no longer has {contract.name}; delete the tool: toolcrib tools delete {contract.name}"
        return f"The pack {named.pack} is not loaded; the operator adds it to TOOLCRIB_PACKS."

    def close(self) -> None:
        """Let its threads go."""
        self.threads.close()

    def found(self, contract: Contract) -> _Function | None:
        """The function that a contract names, where its pack is loaded."""
        named = contract.python
        return None if named is None else self._functions.get((named.pack, named.function))


class PythonRunnable:
    """One function, ready to run."""

    def __init__(self, provider: PythonProvider, function: _Function, contract: Contract) -> None:
        self.secrets = frozenset(contract.secrets)
        self._house = provider
        self._function = function
        self._contract = contract
        self._limit = min(DEFAULT_MAX_REPLY, provider.limits.max_reply)

    async def run(self, invocation: Invocation) -> Outcome:
        """Run once, within the seconds that are left."""
        seconds = DEFAULT_SECONDS if invocation.seconds is None else invocation.seconds
        run = self._prepared(invocation, seconds)
        definition = self._function.definition
        return await (self._awaited(run, seconds) if definition.is_async else self._in_thread(run, seconds))

    async def _awaited(self, run: Run, seconds: float) -> Outcome:
        task = asyncio.create_task(run.awaited())
        try:
            await asyncio.wait([task], timeout=seconds)
            if not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=_GRACE)
                return run.timed_out(seconds, ended=task.done())
        finally:
            task.cancel()
        return run.failed(asyncio.CancelledError()) if task.cancelled() else task.result()

    async def _in_thread(self, run: Run, seconds: float) -> Outcome:
        workspace, slots = run.invocation.workspace_id, self._house.slots
        if not await slots.take(workspace):
            message = "All threads for tools of this workspace are busy, so the tool was not run; try again."
            return Failure(Code.UNAVAILABLE, message, retryable=True)
        overdue = False
        answer = self._house.threads.start(run.called, lambda: slots.give_back(workspace, overdue=overdue))
        try:
            await asyncio.wait([answer], timeout=seconds)
        finally:
            if not answer.done():
                overdue = True
                slots.is_overdue(workspace)
        return answer.result() if answer.done() else run.timed_out(seconds, ended=False)

    def _prepared(self, invocation: Invocation, seconds: float) -> Run:
        strikes = Strikes(texts(invocation.secrets)) if invocation.secrets else None
        definition = self._function.definition
        context = self._context(invocation, seconds, strikes) if definition.signature.context else None
        return Run(
            definition, self._contract, invocation, context, self._limit, strikes, self._house.tracebacks
        )

    def _context(self, invocation: Invocation, seconds: float, strikes: Strikes | None) -> RunContext:
        if invocation.desk is None:
            raise LookupError("a tool with a Context is run by the gateway only")
        clock, limits = self._house.clock, self._house.limits
        until = clock.monotonic() + seconds
        bound = {"execution_id": invocation.execution_id, "tool": self._contract.name}
        ties = Ties({**invocation.passed, **invocation.secrets})
        http = PackHttp(
            self._house.client, invocation.workspace_id, limits, ties, lambda: until - clock.monotonic()
        )
        return RunContext(
            invocation, invocation.desk, self._function.settings, http, ToolClock(clock),
            RunLog(logger("tools"), bound, strikes), until, limits.max_request, asyncio.get_running_loop(),
        )  # fmt: skip


class _NotLoaded:
    """A tool whose pack was not loaded when it was made ready; a pack that comes later brings it to life."""

    def __init__(self, provider: PythonProvider, contract: Contract) -> None:
        self._provider = provider
        self._contract = contract

    @property
    def secrets(self) -> frozenset[str]:
        """None to be opened while nothing can be run."""
        return frozenset(self._contract.secrets) if self._provider.found(self._contract) else frozenset()

    async def run(self, invocation: Invocation) -> Outcome:
        found = self._provider.found(self._contract)
        if found is not None:
            return await PythonRunnable(self._provider, found, self._contract).run(invocation)
        return Failure(Code.UNAVAILABLE, self._provider.missing(self._contract) or "")
