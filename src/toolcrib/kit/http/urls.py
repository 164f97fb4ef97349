"""The strict URL parser: one reading of a URL, made here, and sent exactly as read."""

import re
from dataclasses import dataclass
from typing import Final

from yarl import URL

from toolcrib.kit.http.addresses import Address, parse_literal
from toolcrib.kit.http.errors import EgressDenied

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
LARGEST_PORT: Final = 65_535
LONGEST_NAME: Final = 253

# Possessive repeats: a long bad URL fails in one pass.
_PATH = r"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]++|%[0-9A-Fa-f]{2})*+"
_QUERY = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]|]++|%[0-9A-Fa-f]{2})*+"
_URL = re.compile(rf"([A-Za-z]+://[^/?#\\@]+)({_PATH})?(?:\?({_QUERY}))?")
# An encoded slash counts as a slash, and `..;x` as `..`: upstreams differ in when they decode and cut.
_DOT_SEGMENT = re.compile(r"(?:/|%2f|%5c)(?:\.|%2e){1,2}(?:(?:;|%3b)[^/]*)?(?=/|%2f|%5c|\Z)", re.IGNORECASE)
_ENCODED_CONTROL = re.compile(r"%(?:[01][0-9a-f]|7f)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^:\[\]]+))(?::([1-9][0-9]{0,4}))?")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# Resolvers read a name whose last label is a number as an IPv4 address in one of its old spellings.
_NUMERIC_END = re.compile(r"(?:\A|\.)(?:[0-9]+|0x[0-9a-f]*)\Z")


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom a URL addresses: scheme, host (a lower-case name or a canonical literal) and port."""

    scheme: str
    host: str
    port: int
    address: Address | None

    @property
    def authority(self) -> str:
        """Host and port in the form of a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def split(url: str) -> tuple[str, str, str]:
    """Cut a URL into origin, path and query, and refuse what two readers might read in two ways."""
    shape = _URL.fullmatch(url)
    if shape is None:
        raise EgressDenied(
            "The URL is not of the form https://host[:port]/path[?query], encoded and without user."
        )
    origin, path, query = shape.groups()
    if path is None:
        return origin, "/", query or ""
    if "%" in path or "/." in path:
        _refuse_tricks(path)
    return origin, path, query or ""


def _refuse_tricks(path: str) -> None:
    if _DOT_SEGMENT.search(path):
        raise EgressDenied("The URL's path has a segment '.' or '..', plain or encoded.")
    if _ENCODED_CONTROL.search(path):
        raise EgressDenied("The URL's path has an encoded control character.")


def parse_origin(text: str) -> Origin:
    """Read `scheme://host[:port]`."""
    scheme, _, authority = text.lower().partition("://")
    parts = _AUTHORITY.fullmatch(authority)
    if scheme not in DEFAULT_PORTS or parts is None:
        raise EgressDenied("The URL is not of the form https://host[:port]/path.")
    bracketed, plain, digits = parts.groups()
    port = int(digits) if digits else DEFAULT_PORTS[scheme]
    if port > LARGEST_PORT:
        raise EgressDenied("The URL's port is out of range.")
    address = parse_literal(bracketed or plain)
    if (address is not None and address.version == 6) != bool(bracketed):  # noqa: PLR2004 - IP version 6
        raise EgressDenied("The URL's host is not a canonical address.")
    host = str(address) if address else parse_name(plain)
    return Origin(scheme, host, port, address)


def parse_name(text: str) -> str:
    """Read a DNS name in its ASCII form; one trailing dot means the same name."""
    name = text.removesuffix(".")
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name) or _NUMERIC_END.search(name):
        raise EgressDenied("The URL's host is neither a canonical address nor a DNS name in its ASCII form.")
    return name


def build(origin: Origin, path: str, query: str) -> URL:
    """The object that is sent; it must say again what was read, or it is not sent."""
    url = URL.build(
        scheme=origin.scheme, authority=origin.authority, path=path, query_string=query, encoded=True
    )
    target = f"{path}?{query}" if query else path
    if url.raw_host != origin.host or url.port != origin.port or url.raw_path_qs != target:
        raise EgressDenied
    return url
