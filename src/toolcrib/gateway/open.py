"""Opens the stores and stands the counter before them. `app` calls it once."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolcrib.contracts.execution import EventType
from toolcrib.contracts.names import GLOBAL
from toolcrib.contracts.principal import ActorType, NewKey, Role
from toolcrib.contracts.provider import Provider
from toolcrib.contracts.secret import SecretProvider
from toolcrib.identity.service import DEFAULT_WORKSPACE, Identity
from toolcrib.kit.cipher import Cipher
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import HOUSE, Database, DatabaseError, Query, Tx
from toolcrib.kit.logging import logger
from toolcrib.ledger.service import RENEW_SECONDS, ChangeFact, Ledger
from toolcrib.policy.limits import Limits
from toolcrib.policy.stakes import ApprovalRules
from toolcrib.registry.service import Registry
from toolcrib.vault.roots import RootKeys
from toolcrib.vault.service import Vault

from .admission import Admission
from .approvals import Approvals
from .asking import Askings
from .call import Calls
from .change import Changes
from .deciding import Decisions
from .desk import Heard, told_to_the_log
from .facts import Narrow, Snapshots, Stores, as_far_as_policy
from .grants import Grants, Suspensions
from .history import History
from .hosts import Hosts
from .keys import ApiKeys
from .limits import LimitsOf, Outlook
from .members import Members
from .news import News
from .packs import PackTools
from .rotation import Rotation
from .rules import Rules
from .secrets import SecretNames
from .security import SecurityLog
from .tools import Tools
from .uses import Uses
from .versions import Versions
from .visits import Visits
from .who import Credentials, Verify, nobody
from .workshop import Workshop
from .workspaces import Workspaces

_PING = Query(sqlite="SELECT 1 AS one", postgresql="SELECT 1 AS one")
_DRAIN_SECONDS = 10.0
_log = logger("gateway")


@dataclass(frozen=True, slots=True)
class Gateway:
    """The counter: one attribute for each concern."""

    stores: Stores
    snapshots: Snapshots
    news: News
    credentials: Credentials
    calls: Calls
    tools: Tools
    versions: Versions
    secrets: SecretNames
    rotation: Rotation
    keys: ApiKeys
    history: History
    packs: PackTools
    workspaces: Workspaces
    members: Members
    grants: Grants
    suspensions: Suspensions
    hosts: Hosts
    security: SecurityLog
    limits: LimitsOf
    admission: Admission
    uses: Uses
    approvals: Approvals
    rules: Rules
    _keeper: list["asyncio.Task[None]"] = field(default_factory=list)

    async def start(self, keep_key: Callable[[str], None]) -> None:
        """Take part: own calls, close those of dead processes. On an empty database also make the workspace `default`
        and its owner; `keep_key` is handed the owner's key just before that is committed.
        """
        new = self.stores.identity.new_workspace()

        async def first_start(tx: Tx) -> None:
            await self._first_start(tx, new, keep_key)

        await self.stores.db.change((GLOBAL, HOUSE, new), first_start)
        await self.rotation.start()
        await self.stores.ledger.owner.start()
        await self.stores.ledger.keep()
        self._keeper.append(asyncio.create_task(self._keep()))
        self._keeper.append(asyncio.create_task(self.uses.keep()))
        if self.stores.db.dialect == "postgresql":
            self._keeper.append(asyncio.create_task(self.news.follow()))

    def end_streams(self) -> None:
        """Let no stream hold up the stop."""
        self.stores.ledger.tail.end()

    async def stop(self) -> None:
        """Leave: what still runs becomes `interrupted`."""
        self.end_streams()
        await self.calls.drain(_DRAIN_SECONDS)
        for task in self._keeper:
            task.cancel()
        await asyncio.gather(*self._keeper, return_exceptions=True)
        try:
            await self.rotation.settle()
            await self.uses.write()
            await self.admission.stop()
            await self.stores.ledger.owner.leave()
            await self.stores.ledger.do_books()
        except DatabaseError as error:
            _log.warning("left without closing the books", error=type(error).__name__)
        finally:
            await self.stores.db.close()

    async def database_answers(self) -> bool:
        """Whether the database can be read now."""

        async def ping(tx: Tx) -> Any:
            return await tx.rows(_PING)

        try:
            await self.stores.db.read((), ping)
        except DatabaseError:
            return False
        return True

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self.stores.ledger.keep()
                await self.rotation.keep()
                self.calls.cancel(await self.stores.ledger.to_cancel())
            except DatabaseError as error:
                _log.warning("the database does not answer", error=type(error).__name__)
            if not self.stores.ledger.owner.holds:
                self.calls.give_up()

    async def _first_start(self, tx: Tx, workspace: str, keep_key: Callable[[str], None]) -> None:
        identity, ledger = self.stores.identity, self.stores.ledger
        await self.stores.roots.check(tx)
        await ledger.open_workspace(tx, GLOBAL)
        if await identity.default_workspace(tx) is not None:
            return
        await identity.create_workspace(tx, workspace, DEFAULT_WORKSPACE)
        await ledger.open_workspace(tx, workspace)
        seq, generation = await ledger.raise_generation(tx, workspace)
        wanted = NewKey("owner", ActorType.USER, Role.OWNER)
        key_id, text = await identity.add_key(tx, workspace, wanted, "system", generation)
        house = identity.house(workspace)
        await ledger.tell(tx, house, ChangeFact(workspace, seq, EventType.KEY_CREATED, key_id))
        keep_key(text)


@dataclass(frozen=True, slots=True)
class Options:
    """Payloads are kept for ever, or for so many days; no tool runs longer than `max_seconds`; `heard` is told how far
    running tools are; `verify` says what trusted issuers say of a token; `beside` has secrets that the vault does not keep; `narrow` tells
    what sends for workspaces how far each of them reaches; a call waits `approval_seconds` for a person.
    """

    retention_days: int | None = None
    max_seconds: float = 120
    heard: Heard = told_to_the_log
    verify: Verify = nobody
    beside: SecretProvider | None = None
    narrow: Narrow = as_far_as_policy
    approval_seconds: int = 900


def open_gateway(
    db: Database, cipher: Cipher, clock: Clock, providers: Sequence[Provider], options: Options = Options()
) -> Gateway:
    """Every store over one database, and the counter before them."""
    identity, vault, roots = Identity(cipher, clock), Vault(cipher, clock), RootKeys(cipher, clock)
    ledger = Ledger(db, clock, options.retention_days)
    stores = Stores(
        db,
        ledger,
        identity,
        Registry(clock),
        Limits(clock),
        ApprovalRules(clock),
        vault,
        roots,
        options.beside,
    )
    snapshots = Snapshots(stores, options.narrow)
    workshop = Workshop(providers, options.max_seconds)
    news = News(snapshots, db.engine.notices)
    admission = Admission(stores, clock)
    changes = Changes(stores, snapshots, news, admission.places)
    decisions = Decisions(stores, snapshots, workshop, clock)
    askings = Askings(stores, decisions, options.approval_seconds)
    calls = Calls(stores, snapshots, askings, admission, clock, options.heard)
    approvals = Approvals(stores, changes, calls, askings, clock)
    tools = Tools(stores, changes, decisions, workshop, Outlook(stores, admission, clock), clock)
    uses = Uses(stores, clock)
    visits = Visits(stores, changes, clock)
    credentials = Credentials(stores, snapshots, uses, visits, options.verify)
    return Gateway(
        stores, snapshots, news, credentials, calls, tools, Versions(stores, changes, tools),
        SecretNames(stores, changes), Rotation(stores, changes, clock), ApiKeys(stores, changes, clock),
        History(stores, changes, calls, approvals), PackTools(stores, changes, snapshots, tools, workshop.views),
        Workspaces(stores, changes, credentials), Members(stores, changes, snapshots),
        Grants(stores, changes), Suspensions(stores, changes), Hosts(stores, changes),
        SecurityLog(stores, changes), LimitsOf(stores, changes), admission, uses, approvals, Rules(stores, changes),
    )  # fmt: skip
