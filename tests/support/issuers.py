"""A stand-in for the issuers that an operator trusts: the text `jwt:acme:ann` is the token of `ann` at `acme`, good for an hour."""

from dataclasses import dataclass, field

from tests.support.fakes import FakeClock
from toolcrib.gateway import Claims

_PARTS = 3
HOUR_US = 3_600_000_000


@dataclass
class FakeIssuers:
    clock: FakeClock
    ends: dict[str, int] = field(default_factory=dict)

    async def __call__(self, token: str) -> Claims | None:
        """As a real one: None for every other text and for a token that has ended."""
        kind, *parts = token.split(":")
        if kind != "jwt" or len(parts) != _PARTS - 1:
            return None
        issuer, subject = parts
        ends = self.ends.setdefault(token, self.clock.now() + HOUR_US)
        return Claims(issuer, subject, subject.title(), None, ends) if self.clock.now() < ends else None
