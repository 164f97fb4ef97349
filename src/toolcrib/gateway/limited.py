"""How a call that is over a limit is refused, and how that is told beforehand."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from toolcrib.contracts.decision import Reason
from toolcrib.contracts.errors import RateLimited
from toolcrib.ledger.caps import Of
from toolcrib.policy.limits import CEILING, SECOND, Allowance, Limit, Scope

COUNTED_BY: Final[Mapping[str, Of]] = {
    CEILING: "workspace_id",
    "workspace": "workspace_id",
    "actor": "actor_id",
    "tool": "tool_id",
    "host": "host",
}
"""What running calls under a limit have in common in the ledger."""
_SAID: Final[Mapping[str, Callable[[Allowance], str]]] = {
    "rate": lambda allowed: f"{allowed.per_minute} calls a minute, {allowed.burst} at once",
    "day": lambda allowed: f"{allowed.per_day} calls a day",
    "month": lambda allowed: f"{allowed.per_month} calls a month",
    "concurrency": lambda allowed: f"{allowed.concurrency} calls under way",
}
_ABOUT: Final = {
    CEILING: "The operator's ceiling for this workspace",
    "workspace": "The limit of this workspace",
}
WITHIN: Final = Reason("limits", holds=True, message="The call is within the limits of the workspace.")


class AtLimit(NamedTuple):
    """A limit that has nothing left of what `which` says, and in how many nanoseconds it has."""

    scope: Scope
    limit: Limit
    which: str
    wait: int


def refusal(reached: AtLimit) -> RateLimited:
    """The refusal of a call, to be raised where it is made: a function that holds what it raises is held by it, with the
    request that it read, until garbage is looked for, and that is long where many are refused.
    """
    _, kind, name = reached.scope
    seconds = max(1, -(-reached.wait // SECOND))
    about = _ABOUT.get(kind, f"The limit of the {kind} {name}")
    message = f"{about} is reached: {_SAID[reached.which](reached.limit.allowed)}. Try again in {seconds} s."
    return RateLimited(message, limit=reached.which, kind=kind, name=name, retry_after=seconds)


def reason_of(reached: AtLimit | None) -> Reason:
    """How limits stand for a call."""
    if reached is None:
        return WITHIN
    refused = refusal(reached)
    who = "the operator" if refused.details["kind"] == CEILING else "an admin of the workspace"
    remedy = f"Or ask {who} for more."
    return Reason(WITHIN.rule, holds=False, message=refused.message, remedy=remedy)
