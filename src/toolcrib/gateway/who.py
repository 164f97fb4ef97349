"""A credential becomes a principal, by the facts of the workspace that the credential names, or that its holder names."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from toolcrib.contracts.errors import Code, Forbidden, Invalid, NotFound, Unauthorized, Unavailable
from toolcrib.contracts.principal import Principal
from toolcrib.identity.issuers import LEEWAY, Claims
from toolcrib.identity.service import Roster, Token, Workspace, is_member, person_id
from toolcrib.kit.db import HOUSE, DatabaseUnavailable, Tx
from toolcrib.kit.logging import logger

from .facts import Snapshots, Stores, no_workspace
from .uses import Uses
from .visits import Visits

T = TypeVar("T")
_log = logger("gateway")
_NOWHERE = "?"
Verify = Callable[[str], Awaitable[Claims | None]]
"""What the issuers that the operator trusts say of a token; None for every other text."""


async def nobody(_token: str) -> Claims | None:
    """Where no issuer is trusted."""
    return None


@dataclass(slots=True)
class _Asker:
    """Who a request was found to come from, should it be turned away: nobody knows until a credential is genuine."""

    workspace: str = ""
    actor: str = ""


class Credentials:
    """The first question of every request."""

    def __init__(
        self, stores: Stores, snapshots: Snapshots, uses: Uses, visits: Visits, verify: Verify = nobody
    ) -> None:
        self._stores = stores
        self._snapshots = snapshots
        self._uses = uses
        self._visits = visits
        self._verify = verify

    async def principal(self, credential: str, workspace: str | None = None, at: str = _NOWHERE) -> Principal:
        """Who sends this. A person who is a member of several workspaces names one, by id or name; the operator may name
        one that shares itself. Raises `Unauthorized`; `Forbidden` where who holds it is suspended; `NotFound` for a
        workspace that is not the holder's. Whoever is turned away is counted `at` a place of the house's: for their
        workspace where the credential is a genuine one, for nobody's otherwise.
        """
        asker = _Asker()
        try:
            return await self._principal(credential, workspace, asker)
        except (Unauthorized, Forbidden, NotFound) as error:
            self._stores.ledger.count_refusal(asker.workspace, error.code, asker.actor, at)
            raise

    async def claims(self, credential: str, at: str = _NOWHERE) -> Claims:
        """What a person's token says, whether they are a member anywhere or not. Raises `Unauthorized`."""
        claims = await self._verify(credential)
        if claims is None:
            self.turned_away(Code.UNAUTHORIZED, at)
            raise Unauthorized
        return claims

    def turned_away(self, code: Code, at: str, who: Principal | None = None) -> None:
        """Count a request that a door refused at a place of the house's."""
        workspace, actor = (who.workspace_id, who.actor_id) if who else ("", "")
        self._stores.ledger.count_refusal(workspace, code, actor, at)

    async def _principal(self, credential: str, workspace: str | None, asker: _Asker) -> Principal:
        if not credential.startswith("tcb_") and (claims := await self._verify(credential)) is not None:
            return await self._person(claims, workspace, asker)
        holder = await self._holder(self._stores.identity.claimed(credential), asker)
        self._uses.note(holder)
        return holder if workspace is None else await self._in(holder, workspace)

    async def homes(self, principal: Principal) -> list[str]:
        """The workspaces in which whoever this is may be, by id."""
        if not is_member(principal):
            return [principal.workspace_id]
        return await self._homes(principal.actor_id.removeprefix("user:"))

    async def _holder(self, token: Token, asker: _Asker) -> Principal:
        """A key that another process made a moment ago is looked up afresh, and so is one that was suspended."""
        facts = await self._snapshots.of(token.workspace_id)
        if facts is not None and token.key_id in facts.roster.keys:
            with contextlib.suppress(Forbidden):
                return self._judged(facts.roster, token, asker)
        facts = await self._snapshots.reload(token.workspace_id)
        if facts is None:
            raise Unauthorized
        return self._judged(facts.roster, token, asker)

    def _judged(self, roster: Roster, token: Token, asker: _Asker) -> Principal:
        holder = self._stores.identity.holder(roster, token)
        asker.workspace, asker.actor = holder.workspace_id, holder.actor_id
        return self._stores.identity.again(roster, holder)

    async def _in(self, holder: Principal, named: str) -> Principal:
        """A key belongs to one workspace. The operator's also opens others to the eyes, where they share themselves."""
        home = await self._snapshots.of(holder.workspace_id)
        if home is not None and named in (home.workspace_id, home.roster.workspace.name):
            return holder
        found = await self._workspace(named) if holder.operator else None
        facts = await self._snapshots.of(found.id) if found else None
        if facts is None or not self._stores.identity.is_shared(facts.roster.workspace):
            raise no_workspace()
        visitor = self._stores.identity.visitor(facts.roster, holder)
        await self._visits.note(visitor)
        return visitor

    async def _person(self, claims: Claims, named: str | None, asker: _Asker) -> Principal:
        person = person_id(claims.issuer, claims.subject)
        homes = await self._homes(person)
        if not homes:
            if _log.shows("debug"):
                _log.debug("a person whom no workspace knows", issuer=claims.issuer, subject=claims.subject)
            raise Unauthorized
        if named is None and len(homes) > 1:
            raise Invalid(
                "You are a member of several workspaces; name one in the header X-Toolcrib-Workspace.",
                reason="workspace_needed",
                workspaces=homes,
            )
        home = homes[0] if named is None else await self._home(named, homes)
        asker.workspace, asker.actor = home, f"user:{person}"
        return await self._member(home, person, claims.expires_at + LEEWAY * 1_000_000)

    async def _home(self, named: str, homes: list[str]) -> str:
        found = await self._workspace(named)
        if found is None or found.id not in homes:
            raise no_workspace()
        return found.id

    async def _member(self, workspace: str, person: str, until: int) -> Principal:
        """Whoever is turned away by what is known here is looked up afresh: another process may have let them in."""
        facts = await self._snapshots.of(workspace)
        if facts is not None:
            with contextlib.suppress(Unauthorized, Forbidden):
                return self._stores.identity.person(facts.roster, person, until)
        facts = await self._snapshots.reload(workspace)
        if facts is None:
            raise Unauthorized
        return self._stores.identity.person(facts.roster, person, until)

    async def _homes(self, person: str) -> list[str]:
        async def read(tx: Tx) -> list[str]:
            return list(await self._stores.identity.people.homes(tx, person))

        return await self._read(read)

    async def _workspace(self, named: str) -> Workspace | None:
        async def read(tx: Tx) -> Workspace | None:
            return await self._stores.identity.find_workspace(tx, named)

        return await self._read(read)

    async def _read(self, read: Callable[[Tx], Awaitable[T]]) -> T:
        try:
            return await self._stores.db.read((HOUSE,), read)
        except DatabaseUnavailable as error:
            raise Unavailable from error
