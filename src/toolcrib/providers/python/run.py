"""One run of one function. Whatever the function does, the run ends in an outcome."""

import asyncio
from dataclasses import dataclass
from typing import Any

from toolcrib.contracts.contract import Contract
from toolcrib.contracts.define import ToolDefinition
from toolcrib.contracts.errors import Code, Invalid
from toolcrib.contracts.failures import CallFailed, RequestFailed, ToolError
from toolcrib.contracts.names import is_error_code
from toolcrib.contracts.provider import Failure, Invocation, Outcome, Success
from toolcrib.kit.json import dumps
from toolcrib.kit.logging import logger
from toolcrib.kit.strike import Strikes
from toolcrib.kit.striker import struck_start
from toolcrib.providers.python.context import RunContext
from toolcrib.providers.python.output import NotJson, details, plain
from toolcrib.providers.python.trace import place, told

_HOUSE_CODES = frozenset(code.value for code in Code)
_LONGEST_MESSAGE = 2_000
_log = logger("tools")


@dataclass(frozen=True, slots=True)
class Run:
    """`limit` is the most bytes of output; `strikes` takes the run's secrets out of whatever leaves it. `tracebacks`: the
    log shows where exceptions came from.
    """

    definition: ToolDefinition
    contract: Contract
    invocation: Invocation
    context: RunContext | None
    limit: int
    strikes: Strikes | None
    tracebacks: bool = False

    async def awaited(self) -> Outcome:
        """Run an async function."""
        try:
            return self._success(await self.definition.function(**self._arguments()))
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 a tool that ends the process would end everybody's
            return self.failed(error)

    def called(self) -> Outcome:
        """Run any other function; this happens in a thread."""
        try:
            return self._success(self.definition.function(**self._arguments()))
        except BaseException as error:  # noqa: BLE001 as above
            return self.failed(error)

    def timed_out(self, seconds: float, *, ended: bool) -> Failure:
        """The deadline passed. `ended` says whether the function is known to have stopped."""
        message = f"The tool did not answer within {seconds:g} seconds."
        if ended:
            return Failure(Code.UPSTREAM_TIMEOUT, message, retryable=self.contract.repeatable)
        message += (
            " It could not be stopped, so nobody knows what it did or still does; look before repeating it."
        )
        return Failure(Code.UPSTREAM_TIMEOUT, message, unknown=True)

    def failed(self, error: BaseException) -> Failure:
        """What an exception of the function means."""
        match error:
            case CallFailed() if not self._declares(error.code):
                return self._call_failed(error)
            case ToolError():
                return self._own(error)
            case RequestFailed():
                found = {"reason": error.reason} if error.reason else {}
                retryable = self.contract.repeatable or not error.sent
                denied = error.code == Code.EGRESS_DENIED
                return Failure(error.code, self._safe(error.message), found, retryable and not denied)
            case Invalid():
                return Failure(error.code, error.message, error.details)
            case NotJson():
                return Failure(Code.INVALID_OUTPUT, str(error))
            case _:
                return self._unexpected(error)

    def _arguments(self) -> dict[str, Any]:
        signature = self.definition.signature
        arguments = signature.arguments(dumps(self.invocation.input))
        return arguments if signature.context is None else {**arguments, signature.context: self.context}

    def _success(self, value: object) -> Outcome:
        return Success(plain(value, self.limit, self.strikes))

    def _own(self, error: ToolError) -> Failure:
        """A code that the contract does not declare is the gateway's to refuse; the house's own codes are no tool's."""
        code = error.code if is_error_code(error.code) else "NOT_A_CODE"
        if code in _HOUSE_CODES:
            message = f"The tool answered {code}, which only the house may; declare a code of its own."
            return Failure(Code.UNDECLARED_ERROR, message, {"code": code})
        status = next((one.http_status for one in self.contract.errors if one.code == code), None)
        found = details(dict(error.details), self.limit, self.strikes)
        retryable = error.retryable and self.contract.repeatable
        return Failure(code, self._safe(error.message), found, retryable, status)

    def _call_failed(self, error: CallFailed) -> Failure:
        """Its caller may read why: the inner call was made for the same principal, and told without its own secrets."""
        message = (
            f"The tool {error.tool}, which this one calls, failed with {error.code}; see details.message."
        )
        found = {
            "tool": error.tool,
            "code": error.code,
            "message": self._safe(error.message),
            "execution_id": error.execution_id,
        }
        retryable = error.retryable and self.contract.repeatable
        return Failure(Code.UPSTREAM_ERROR, self._safe(message), found, retryable)

    def _unexpected(self, error: BaseException) -> Failure:
        """An exception's text may hold anything, so its type and place go to the log and an id to the caller. The
        text itself is for developers alone.
        """
        execution = self.invocation.execution_id
        trace = {"traceback": told(error, self.invocation.secrets)} if self.tracebacks else {}
        _log.error(
            "tool failed",
            execution_id=execution,
            tool=self.contract.name,
            error=type(error).__name__,
            at=place(error),
            **trace,
        )
        message = f"The tool failed unexpectedly; quote {execution}."
        passing = isinstance(error, OSError) and self.contract.repeatable  # connections and their timeouts
        return Failure(Code.INTERNAL_ERROR, message, retryable=passing)

    def _declares(self, code: str) -> bool:
        return any(one.code == code for one in self.contract.errors)

    def _safe(self, message: object) -> str:
        return struck_start(str(message), _LONGEST_MESSAGE, self.strikes)
