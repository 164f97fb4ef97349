"""A credential becomes a principal, by the facts of the workspace that the credential itself names."""

from toolcrib.contracts.errors import Unauthorized
from toolcrib.contracts.principal import Principal
from toolcrib.identity.service import Identity

from .facts import Snapshots


class Credentials:
    """The first question of every request."""

    def __init__(self, identity: Identity, snapshots: Snapshots) -> None:
        self._identity = identity
        self._snapshots = snapshots

    async def principal(self, credential: str) -> Principal:
        """Who sends this. A key made a moment ago by another process is looked up afresh. Raises `Unauthorized`."""
        token = self._identity.claimed(credential)
        facts = await self._snapshots.of(token.workspace_id)
        if facts is not None and token.key_id not in facts.keys:
            facts = await self._snapshots.reload(token.workspace_id)
        if facts is None:
            raise Unauthorized
        return self._identity.principal(facts.keys, token)
