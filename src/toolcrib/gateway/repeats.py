"""A call whose idempotency key another call holds: its answer again, or why there is none."""

from dataclasses import replace

from toolcrib.contracts.errors import Code, Unavailable
from toolcrib.contracts.execution import Call, Result, Status
from toolcrib.contracts.provider import Failure
from toolcrib.kit.db import DatabaseUnavailable
from toolcrib.ledger.service import Intent, Ledger, Taken

from .records import Refusal, answer_again, refuse

_DIFFERENT = "This idempotency key was used for a call with other arguments. Use a new key for a new call."
_RUNNING = (
    "The call with this idempotency key still runs. Ask again with the same key, or look at its execution."
)
_RUN = frozenset({Status.REQUESTED, Status.RUNNING})


class Repeats:
    """Looked at only after policy allowed the call: whoever may not call learns nothing of earlier answers."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def of(self, intent: Intent, call: Call, taken: Taken) -> Result | Refusal:
        """The earlier call's answer, marked as replayed, also where it waits for a person; a conflict where it differs or
        still runs.
        """
        assert intent.claim is not None  # noqa: S101 only a claim can come too late
        if taken.arguments != intent.claim.arguments:
            return refuse(Status.FAILED, Code.CONFLICT, _DIFFERENT, reason="arguments_differ")
        try:
            earlier = await self._ledger.find(intent.workspace_id, taken.execution_id)
        except DatabaseUnavailable as error:
            raise Unavailable from error
        if earlier is None or earlier.status in _RUN:
            details = {"reason": "in_progress", "execution_id": taken.execution_id}
            return Refusal(Status.FAILED, Failure(Code.CONFLICT, _RUNNING, details, retryable=True))
        return replace(answer_again(earlier, call.selection), replayed=True)
