"""A dry run: what a call would do, shown by its provider, or told in words where the provider cannot."""

from toolcrib.contracts.provider import Invocation, Outcome, Previews, Success

from .workshop import Ready

_EFFECTS = {"read": "only reads", "write": "writes", "destructive": "destroys"}


async def rehearse(ready: Ready, invocation: Invocation) -> Outcome:
    """What a run would do. Nothing happens outside of this process."""
    if isinstance(ready.runnable, Previews):
        return await ready.runnable.preview(invocation)
    contract = ready.contract
    told = f"It would run {contract.name} {contract.version}, which {_EFFECTS[contract.effect]}."
    also = f" {contract.side_effects}" if contract.side_effects else ""
    return Success({"dry_run": True, "would": told + also})
