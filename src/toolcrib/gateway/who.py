"""A credential becomes a principal, by the facts of the workspace that the credential itself names."""

from typing import NoReturn

from toolcrib.contracts.errors import Unauthorized
from toolcrib.contracts.principal import Principal
from toolcrib.identity.issuers import Verifier
from toolcrib.identity.service import Identity
from toolcrib.kit.logging import logger

from .facts import Snapshots

_log = logger("gateway")


class Credentials:
    """The first question of every request."""

    def __init__(self, identity: Identity, snapshots: Snapshots, verifier: Verifier) -> None:
        self._identity = identity
        self._snapshots = snapshots
        self._verifier = verifier

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

    async def stop(self) -> None:
        """Leave: no keys of issuers are read any more."""
        await self._verifier.stop()

    async def _person(self, token: str) -> NoReturn:
        """Whose token this is. No workspace knows people yet: a valid one is refused as any other. Raises `Unauthorized`."""
        claims = await self._verifier.claims(token)
        if claims is not None and _log.shows("debug"):
            _log.debug("a person whom no workspace knows", issuer=claims.issuer, subject=claims.subject)
        raise Unauthorized
