"""The deny table: which addresses no upstream may have, and why. `ipaddress.is_global` alone lets many pass.

The egress policy asks it before a name is dialled and again for each socket.
"""

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Literal, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Kind = Literal[
    "unspecified", "loopback", "private", "shared", "link_local", "metadata", "special", "documentation",
    "benchmark", "multicast", "reserved", "embedded",
]  # fmt: skip

_TABLE: Final[tuple[tuple[Kind, str], ...]] = (
    # Metadata services first: some stand inside ranges that an operator may well allow, one in public space.
    ("metadata", "169.254.169.254/32"),
    ("metadata", "169.254.170.0/24"),  # credentials of tasks and pods: Amazon ECS (.2), EKS (.23)
    ("metadata", "192.0.0.192/32"),  # Oracle Cloud
    ("metadata", "168.63.129.16/32"),
    ("metadata", "100.100.100.200/32"),
    ("metadata", "fd00:ec2::/32"),
    ("metadata", "fd20:ce::254/128"),
    ("metadata", "fe80::a9fe:a9fe/128"),  # OpenStack
    ("unspecified", "0.0.0.0/8"),
    ("private", "10.0.0.0/8"),
    ("shared", "100.64.0.0/10"),
    ("loopback", "127.0.0.0/8"),
    ("link_local", "169.254.0.0/16"),
    ("private", "172.16.0.0/12"),
    ("special", "192.0.0.0/24"),
    ("documentation", "192.0.2.0/24"),
    ("special", "192.31.196.0/24"),
    ("special", "192.52.193.0/24"),
    ("special", "192.88.99.0/24"),
    ("private", "192.168.0.0/16"),
    ("special", "192.175.48.0/24"),
    ("benchmark", "198.18.0.0/15"),
    ("documentation", "198.51.100.0/24"),
    ("documentation", "203.0.113.0/24"),
    ("multicast", "224.0.0.0/4"),
    ("reserved", "240.0.0.0/4"),
    ("unspecified", "::/128"),
    ("loopback", "::1/128"),
    ("embedded", "::/96"),
    ("embedded", "::ffff:0:0/96"),
    ("embedded", "::ffff:0:0:0/96"),
    ("embedded", "64:ff9b::/96"),
    ("embedded", "64:ff9b:1::/48"),
    ("special", "100::/64"),
    ("special", "100:0:0:1::/64"),
    ("embedded", "2001::/32"),
    ("special", "2001::/23"),
    ("documentation", "2001:db8::/32"),
    ("embedded", "2002::/16"),
    ("special", "2620:4f:8000::/48"),
    ("documentation", "3fff::/20"),
    ("special", "3ffe::/16"),
    ("special", "5f00::/16"),
    ("private", "fc00::/7"),
    ("link_local", "fe80::/10"),
    ("link_local", "fec0::/10"),
    ("multicast", "ff00::/8"),
)
_DENIED_V4: Final = tuple((kind, IPv4Network(net)) for kind, net in _TABLE if ":" not in net)
_DENIED_V6: Final = tuple((kind, IPv6Network(net)) for kind, net in _TABLE if ":" in net)
_GLOBAL_V6: Final = IPv6Network("2000::/3")
# The kernel turns the first of these into IPv4; the others have no meaning on a wire of today.
_DISGUISES: Final = tuple(IPv6Network(net) for net in ("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96"))


@lru_cache(maxsize=1024)
def classify(address: Address) -> Kind | None:
    """Why an address is denied; None for one that is truly global."""
    if isinstance(address, IPv4Address):
        return next((kind for kind, network in _DENIED_V4 if address in network), _unlisted(address))
    denied = next((kind for kind, network in _DENIED_V6 if address in network), None)
    if denied or address in _GLOBAL_V6:
        return denied or _unlisted(address)
    return "reserved"


def _unlisted(address: Address) -> Kind | None:
    """A range that the table lacks and the standard library knows stays denied as well."""
    return None if address.is_global else "reserved"


def is_disguised(address: Address) -> bool:
    """An IPv4 address in IPv6 clothes: no allow list can mean it, as it names another address than it reaches."""
    if isinstance(address, IPv4Address) or int(address) <= 1:
        return False
    return any(address in network for network in _DISGUISES)


def parse_literal(text: str) -> Address | None:
    """Read a canonical address literal; other spellings of one are not literals."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address if str(address) == text and getattr(address, "scope_id", None) is None else None


def parse_network(text: str) -> Network | None:
    """Read a CIDR block or a single address, without a scope."""
    try:
        return None if "%" in text else ip_network(text)
    except ValueError:
        return None


def is_local(address: Address) -> bool:
    """Whether this machine itself would answer at the address: one can bind only what is one's own."""
    if classify(address) in ("loopback", "unspecified"):
        return True
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True
