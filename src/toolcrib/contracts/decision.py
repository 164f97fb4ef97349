"""What policy answers. Expected refusals are values, not exceptions."""

from dataclasses import dataclass

from .errors import Code


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that was asked: whether it held, and what would help if it did not."""

    rule: str
    holds: bool
    message: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Allow:
    """The call may be made."""

    reasons: tuple[Reason, ...] = ()
    allowed: bool = True


@dataclass(frozen=True, slots=True)
class Deny:
    """The call may not be made; `reasons` holds every rule asked, the first failing one last."""

    code: Code
    reasons: tuple[Reason, ...]
    allowed: bool = False

    @property
    def message(self) -> str:
        """What the first failing rule says, with its remedy."""
        failed = self.reasons[-1]
        return f"{failed.message} {failed.remedy}" if failed.remedy else failed.message


@dataclass(frozen=True, slots=True)
class NeedsApproval:
    """The call may be made, and runs once a person has agreed to it; in `reasons` the rule `approval`, the last, says why."""

    reasons: tuple[Reason, ...]
    allowed: bool = True


Decision = Allow | Deny | NeedsApproval
