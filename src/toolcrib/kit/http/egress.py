"""The operator's egress policy: who may be called, over which scheme and port. `app` builds it from the settings."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self, TypeAlias

from toolcrib.kit.http.addresses import Address, Kind, Network, classify, is_disguised, parse_network
from toolcrib.kit.http.errors import EgressDenied
from toolcrib.kit.http.proxy import Proxy
from toolcrib.kit.http.urls import LARGEST_PORT, Origin, parse_name, parse_origin, split

OPEN_PORTS: Final = frozenset({80, 443})
# A name says nothing about where its owner points it, so naming a host never opens link-local, metadata and the like.
NAMEABLE: Final[frozenset[Kind]] = frozenset({"private", "loopback", "shared"})
WIDEST: Final = {4: 8, 6: 7}
"""The shortest prefixes of an entry, those of 10.0.0.0/8 and fc00::/7: halves of all addresses would be all of them."""
_LOOPBACKS: Final = (ip_address("127.0.0.1"), ip_address("::1"))
_ENTRY: Final = re.compile(
    r"(?:\[(?P<bracketed>[0-9A-Fa-f:./]+)\]|(?P<plain>[^:\[\]]+))(?::(?P<port>[1-9][0-9]{0,4}))?"
)


@dataclass(frozen=True, slots=True)
class AllowedNetwork:
    """Addresses that may be called, on one port or on all."""

    network: Network
    port: int | None

    def covers(self, address: Address, port: int) -> bool:
        return self.port in (None, port) and address in self.network


@dataclass(frozen=True, slots=True)
class AllowedName:
    """A host name, or all names below one (`*.corp.example`), on one port or on all."""

    name: str
    below: bool
    port: int | None

    def covers(self, host: str, port: int) -> bool:
        named = host.endswith(f".{self.name}") if self.below else host == self.name
        return named and self.port in (None, port)


Allowed: TypeAlias = AllowedNetwork | AllowedName


@dataclass(frozen=True, slots=True)
class Egress:
    """The policy: https to global addresses on ports 80 and 443, and whatever the operator's list adds; all of it through
    the `proxy`, where there is one.
    """

    allow: tuple[Allowed, ...] = ()
    ca_file: str | None = None
    proxy: Proxy | None = None

    @classmethod
    def parse(cls, allow: str, ca_file: str | None = None) -> Self:
        """Read `TOOLCRIB_EGRESS_ALLOW`; a ValueError names the entry that cannot be read."""
        entries = (entry.strip() for entry in allow.split(","))
        return cls(tuple(_parse_entry(entry) for entry in entries if entry), ca_file or None)

    def check_url(self, url: str) -> None:
        """Refuse, without any look-up, a URL that no call could ever be allowed; the call itself is checked again."""
        self.check_origin(parse_origin(split(url)[0]))

    def check_origin(self, origin: Origin) -> None:
        """The part of the check that needs no look-up."""
        if origin.address is not None:
            allowed = self.admits(origin, origin.address)
        elif self._names(origin):
            allowed = True
        elif _is_localhost(origin.host):
            allowed = any(self.admits(origin, address) for address in _LOOPBACKS)
        else:
            # Whether a name leads into an allowed network only the look-up can tell.
            allowed = _is_ordinary(origin) or any(
                isinstance(entry, AllowedNetwork) and entry.port in (None, origin.port)
                for entry in self.allow
            )
        if not allowed:
            raise EgressDenied

    def admits(self, origin: Origin, address: Address) -> bool:
        """Whether a call to the origin may go to this address; asked for each answer and for each socket."""
        kind = classify(address)
        if is_disguised(address) or kind == "metadata":
            return False
        if any(
            isinstance(entry, AllowedNetwork) and entry.covers(address, origin.port) for entry in self.allow
        ):
            return True
        if self._names(origin):
            return kind is None or kind in NAMEABLE
        return kind is None and _is_ordinary(origin)

    def _names(self, origin: Origin) -> bool:
        return origin.address is None and any(
            isinstance(entry, AllowedName) and entry.covers(origin.host, origin.port) for entry in self.allow
        )


def _is_ordinary(origin: Origin) -> bool:
    return origin.scheme == "https" and origin.port in OPEN_PORTS


def _is_localhost(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")


def _parse_entry(entry: str) -> Allowed:
    network = parse_network(entry)
    if network is not None:
        return AllowedNetwork(_narrow(network, entry), None)
    parts = _ENTRY.fullmatch(entry)
    if parts is None or int(parts["port"] or 1) > LARGEST_PORT:
        raise _unreadable(entry)
    port = int(parts["port"]) if parts["port"] else None
    network = parse_network(parts["bracketed"] or parts["plain"])
    if network is not None:
        return AllowedNetwork(_narrow(network, entry), port)
    if parts["bracketed"]:
        raise _unreadable(entry)
    return _parse_host(parts["plain"].lower(), port, entry)


def _parse_host(host: str, port: int | None, entry: str) -> AllowedName:
    name = host.removeprefix("*.")
    try:
        return AllowedName(parse_name(name), host != name, port)
    except EgressDenied:
        raise _unreadable(entry) from None


def _narrow(network: Network, entry: str) -> Network:
    if network.prefixlen < WIDEST[network.version]:
        raise ValueError(
            f"The egress allow list's entry {entry!r} is wider than any private network. Name the networks."
        )
    if classify(network.network_address) == "metadata":
        raise ValueError(
            f"The egress allow list's entry {entry!r} is where clouds hand out their machines' credentials. Leave it out."
        )
    return network


def _unreadable(entry: str) -> ValueError:
    return ValueError(
        f"The egress allow list's entry {entry!r} is not an address, a CIDR block, a host name or *.name, "
        "each optionally with :port ([::1]:8010 for IPv6)."
    )
