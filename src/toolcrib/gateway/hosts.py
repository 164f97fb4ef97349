"""A workspace's hosts at the counter: those that its tools may call, within what the operator lets all workspaces call."""

from collections.abc import Sequence
from dataclasses import replace

from toolcrib.contracts.errors import EgressRefused, Invalid
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.kit.http import Beyond, parse_bound_host

from .change import Change, Changes
from .facts import Stores


class Hosts:
    """What can be done with the list of hosts of the principal's workspace; None where it has none, and policy alone decides."""

    def __init__(self, stores: Stores, changes: Changes) -> None:
        self._identity = stores.identity
        self._changes = changes

    async def show(self, principal: Principal) -> Sequence[str] | None:
        """The list."""
        facts = await self._changes.permitted(principal, Permission.WORKSPACE_READ)
        return facts.roster.workspace.hosts

    async def set(self, principal: Principal, hosts: Sequence[str] | None) -> Sequence[str] | None:
        """From the next request on tools call these hosts only; an empty list is none. Raises `Invalid`."""
        await self._changes.permitted(principal, Permission.HOSTS_WRITE)
        wanted = tuple(read_hosts(hosts)) if hosts else None

        async def write(change: Change) -> None:
            known = await self._identity.workspace(change.tx, change.scope)
            await self._identity.set_workspace(change.tx, replace(known, hosts=wanted))
            told = None if wanted is None else list(wanted)
            await change.tell(EventType.HOSTS_SET, change.scope, {"hosts": told})

        await self._changes.change(principal, Permission.HOSTS_WRITE, write)
        return wanted


def read_hosts(hosts: Sequence[str]) -> list[str]:
    """As they are compared, each once and in order. Raises `Invalid` with every fault."""
    read, faults = set(), []
    for place, host in enumerate(hosts):
        try:
            read.add(str(parse_bound_host(host)))
        except ValueError as error:
            faults.append(Fault(f"/hosts/{place}", str(error)))
    if faults:
        raise Invalid.because("The hosts are not valid.", faults)
    return sorted(read)


def read_host(name: str) -> str:
    """One host as it is compared. Raises `Invalid`."""
    try:
        return str(parse_bound_host(name))
    except ValueError as error:
        raise Invalid.because("The host is not valid.", [Fault("/name", str(error))]) from None


_NOT_CALLED: dict[Beyond, str] = {
    "host_suspended": "is suspended in this workspace, so calls are refused. An admin lifts it with `toolcrib suspensions lift`.",
    "workspace_hosts": "is not among those that this workspace may call, so calls are refused. An admin adds it with `toolcrib workspaces hosts`.",
}


def not_called(reason: Beyond | None) -> Sequence[EgressRefused]:
    """The refusal that a tool's own address earns in its workspace."""
    if reason is None:
        return ()
    return [EgressRefused(f"The host of api.base_url {_NOT_CALLED[reason]}", reason=reason)]
