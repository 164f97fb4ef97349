"""Hosts that something is bound to, and whether a URL leads to one of them: read by the parser that sends."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from toolcrib.kit.http.errors import EgressDenied
from toolcrib.kit.http.urls import Origin, parse_origin, split

_BELOW: Final = "*."
_LEAST_LABELS: Final = 2


@dataclass(frozen=True, slots=True)
class BoundHost:
    """An exact host, or all names below one, on one port or on all."""

    host: str
    below: bool
    port: int | None

    def covers(self, origin: Origin) -> bool:
        """Whether a request to this origin stays with the host."""
        named = origin.host.endswith(f".{self.host}") if self.below else origin.host == self.host
        return named and self.port in (None, origin.port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{_BELOW if self.below else ''}{host}{'' if self.port is None else f':{self.port}'}"


@lru_cache(maxsize=1_024)
def parse_bound_host(text: str) -> BoundHost:
    """Read `api.example.com`, `*.example.com` or an address, each with or without `:port`. Raises `ValueError`."""
    below = text.startswith(_BELOW)
    plain = text.removeprefix(_BELOW)
    try:
        origin = parse_origin(f"https://{plain}")
    except EgressDenied:
        raise ValueError(
            "give a host in its ASCII form, *.host or an address, with or without :port"
        ) from None
    if below and (origin.address is not None or origin.host.count(".") < _LEAST_LABELS - 1):
        raise ValueError("after *. stands a name of two parts or more, such as *.example.com")
    has_port = not plain.endswith("]") and ":" in plain.rpartition("]")[2]
    return BoundHost(origin.host, below, origin.port if has_port else None)


def may_go_to(hosts: Iterable[str] | None, url: str) -> bool:
    """Whether something bound to these hosts may go to this URL; what is bound to none may."""
    if hosts is None:
        return True
    try:
        origin = parse_origin(split(url)[0])
    except EgressDenied:
        return False
    return any(parse_bound_host(host).covers(origin) for host in hosts)
