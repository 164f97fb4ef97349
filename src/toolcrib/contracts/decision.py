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
    """The call may be made once a person has agreed to it; `reasons` tells why, the rule `approval` last."""

    reasons: tuple[Reason, ...]
    allowed: bool = False

    @property
    def message(self) -> str:
        """What an approval is needed for, with what to do."""
        asked = self.reasons[-1]
        return f"{asked.message} {asked.remedy}" if asked.remedy else asked.message


Decision = Allow | Deny | NeedsApproval
