"""A credential becomes a principal, by the facts of the workspace that the credential itself names."""

from collections.abc import Awaitable, Callable
from typing import NoReturn

from toolcrib.contracts.errors import Unauthorized
from toolcrib.contracts.principal import Principal
from toolcrib.identity.issuers import Claims
from toolcrib.identity.service import Identity
from toolcrib.kit.logging import logger

from .facts import Snapshots

Verify = Callable[[str], Awaitable[Claims | None]]
"""What the issuers that the operator trusts say of a token; None for every other text."""
_log = logger("gateway")


async def nobody(_token: str) -> Claims | None:
    """Where no issuer is trusted."""
    return None


class Credentials:
    """The first question of every request."""

    def __init__(self, identity: Identity, snapshots: Snapshots, verify: Verify = nobody) -> None:
        self._identity = identity
        self._snapshots = snapshots
        self._verify = verify

    async def principal(self, credential: str) -> Principal:
        """Who sends this. A key made a moment ago by another process is looked up afresh. Raises `Unauthorized`."""
        if "." in credential:  # no key has a dot, every token has two
            await self._person(credential)
        token = self._identity.claimed(credential)
        facts = await self._snapshots.of(token.workspace_id)
        if facts is not None and token.key_id not in facts.keys:
            facts = await self._snapshots.reload(token.workspace_id)
        if facts is None:
            raise Unauthorized
        return self._identity.principal(facts.keys, token)

    async def _person(self, token: str) -> NoReturn:
        """Whose token this is. No workspace knows people yet: a valid one is refused as any other. Raises `Unauthorized`."""
        claims = await self._verify(token)
        if claims is not None and _log.shows("debug"):
            _log.debug("a person whom no workspace knows", issuer=claims.issuer, subject=claims.subject)
        raise Unauthorized
