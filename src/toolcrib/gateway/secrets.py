"""Secrets at the counter: set, listed by name, deleted; no way out but a call."""

from collections.abc import Iterable, Sequence

from toolcrib.contracts.contract import Contract
from toolcrib.contracts.errors import EgressRefused, Invalid, NotFound, Unavailable
from toolcrib.contracts.execution import EventType, SecretUse
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.kit.db import DatabaseUnavailable
from toolcrib.kit.http import may_go_to, parse_bound_host
from toolcrib.vault.service import NewSecret, SealedSecret, Secrets

from .change import Change, Changes
from .facts import Stores


class SecretNames:
    """What can be done with secrets."""

    def __init__(self, stores: Stores, changes: Changes) -> None:
        self._vault = stores.vault
        self._ledger = stores.ledger
        self._changes = changes

    async def set(
        self,
        principal: Principal,
        name: str,
        value: str,
        hosts: Sequence[str] | None = None,
        *,
        rebinds: bool = False,
    ) -> SealedSecret:
        """Set or replace a value in the principal's workspace. With `rebinds` it may go to `hosts` only, or anywhere where
        they are None; without, it stays bound as it is. Raises `Invalid`.
        """
        bound = None if hosts is None else _bound(hosts, value)
        wanted = NewSecret(name, value, bound, rebinds=rebinds or hosts is not None)

        async def put(change: Change) -> SealedSecret:
            made = await self._vault.put(
                change.tx, change.scope, wanted, principal.actor_id, change.generation
            )
            bound = None if made.hosts is None else list(made.hosts)
            await change.tell(EventType.SECRET_SET, name, {"version": made.version, "hosts": bound})
            return made

        return await self._changes.change(principal, Permission.SECRETS_WRITE, put)

    async def list(self, principal: Principal, limit: int, after: str | None) -> Sequence[SealedSecret]:
        """Names and dates, by name."""
        facts = await self._changes.permitted(principal, Permission.SECRETS_READ)
        return [facts.secrets[name] for name in sorted(facts.secrets) if after is None or name > after][
            :limit
        ]

    async def uses(
        self, principal: Principal, name: str, limit: int, after: str | None
    ) -> Sequence[SecretUse]:
        """Who opened a secret when, newest first, also of one that was deleted. Raises `NotFound`."""
        facts = await self._changes.permitted(principal, Permission.SECRETS_READ)
        await self._changes.permitted(principal, Permission.EXECUTIONS_READ)
        try:
            found = await self._ledger.uses(principal.workspace_id, name, limit, after)
        except DatabaseUnavailable as error:
            raise Unavailable from error
        if not found and after is None and name not in facts.secrets:
            raise NotFound("There is no such secret.")
        return found

    async def delete(self, principal: Principal, name: str) -> None:
        """Forget a value. Raises `NotFound`."""

        async def remove(change: Change) -> None:
            await self._vault.delete(change.tx, change.scope, name, change.generation)
            await change.tell(EventType.SECRET_DELETED, name)

        await self._changes.change(principal, Permission.SECRETS_WRITE, remove)


def _bound(hosts: Sequence[str], value: str) -> tuple[str, ...]:
    """As they are compared, each once and in order. Raises `Invalid` with every fault."""
    bound, faults = set(), []
    for place, host in enumerate(hosts):
        if host.strip() == value.strip():
            faults.append(Fault(f"/hosts/{place}", "this is the secret's value; give a host"))
            continue
        try:
            bound.add(str(parse_bound_host(host)))
        except ValueError as error:
            faults.append(Fault(f"/hosts/{place}", str(error)))
    if not hosts:
        faults.append(Fault("/hosts", "name at least one host, or give null to free the secret"))
    if faults:
        raise Invalid.because("The hosts are not valid.", faults)
    return tuple(sorted(bound))


def elsewhere(secrets: Secrets, contract: Contract, names: Iterable[str]) -> Sequence[EgressRefused]:
    """The refusals that a contract's own address earns: secrets that are bound, and not to its host."""
    if contract.api is None:
        return ()
    origin = "/".join(contract.upstream.base_url.split("/", 3)[:3])
    bound = (secrets[name] for name in sorted(names) if name in secrets)
    return [
        EgressRefused(
            f"The secret {secret.name} is not bound to the host of api.base_url, so calls are refused. "
            f"Bind it with `toolcrib secrets set {secret.name} --host HOST`, or mend the URL.",
            reason="secret_host",
        )
        for secret in bound
        if not may_go_to(secret.hosts, origin)
    ]
