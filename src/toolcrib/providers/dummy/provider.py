"""Kind `dummy`: a stand-in for a tool that does not exist yet. It sends nothing and changes nothing."""

import asyncio
from typing import Any

from toolcrib.contracts.contract import Contract
from toolcrib.contracts.errors import Code
from toolcrib.contracts.kinds import Dummy
from toolcrib.contracts.provider import Failure, Invocation, Outcome, Success


class DummyProvider:
    """Runs contracts of kind `dummy`."""

    kind = "dummy"

    def check(self, contract: Contract) -> None:
        """Every contract of this kind can run."""

    def prepare(self, contract: Contract) -> "DummyRunnable":
        """Nothing is to be done ahead."""
        return DummyRunnable(contract)


class DummyRunnable:
    """One stand-in."""

    secrets: frozenset[str] = frozenset()

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._block = contract.dummy or Dummy()

    async def run(self, invocation: Invocation) -> Outcome:
        """Wait, then answer; a delay beyond what is left is a timeout, as it would be for the real one."""
        delay, left = self._block.delay, invocation.seconds
        if left is not None and delay > left:
            await asyncio.sleep(left)
            return Failure(Code.UPSTREAM_TIMEOUT, f"The tool did not answer within {left:g} seconds.")
        if delay:
            await asyncio.sleep(delay)
        fail = self._block.fail
        if fail is None:
            return Success(self._usual(invocation) if self._block.output is None else self._block.output)
        status = next((one.http_status for one in self._contract.errors if one.code == fail.code), None)
        return Failure(fail.code, fail.message, http_status=status)

    def _usual(self, invocation: Invocation) -> dict[str, Any]:
        return {
            "status": "success",
            "message": f"{self._contract.name} is a dummy: nothing was done.",
            "tool": self._contract.name,
            "payload": invocation.input,
        }
