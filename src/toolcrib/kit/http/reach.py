"""How far one workspace's requests go, within the operator's policy: what the workspace itself says, asked for each request."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

from toolcrib.kit.http.bound import BoundHost, parse_bound_host
from toolcrib.kit.http.errors import EgressDenied
from toolcrib.kit.http.urls import Origin, parse_origin, split

Beyond: TypeAlias = Literal["host_suspended", "workspace_hosts"]

_WHY: dict[Beyond, str] = {
    "host_suspended": "The host of this request is suspended in this workspace, so it was not sent.",
    "workspace_hosts": "The host of this request is not among those that this workspace may call, so it was not sent.",
}


class BeyondReach(EgressDenied):
    """The workspace itself does not let its requests go there; this one was not sent."""

    def __init__(self, reason: Beyond) -> None:
        super().__init__(_WHY[reason], reason=reason)


@dataclass(frozen=True, slots=True)
class Reach:
    """To `only` these hosts, to all where it is None; and to none of those that are `suspended`."""

    only: tuple[BoundHost, ...] | None = None
    suspended: tuple[BoundHost, ...] = ()

    @classmethod
    def of(cls, only: Iterable[str] | None, suspended: Iterable[str]) -> Self | None:
        """From texts as `parse_bound_host` reads them; None where nothing is said. A list of which nothing can be read lets
        nothing out.
        """
        made = cls(None if only is None else tuple(_readable(only)), tuple(_readable(suspended)))
        return None if made.only is None and not made.suspended else made

    def beyond(self, origin: Origin) -> Beyond | None:
        """Why no request may go there; None where one may."""
        if any(host.covers(origin) for host in self.suspended):
            return "host_suspended"
        if self.only is not None and not any(host.covers(origin) for host in self.only):
            return "workspace_hosts"
        return None

    def beyond_url(self, url: str) -> Beyond | None:
        """The same of a URL, by the parser that sends; one that it refuses is never sent, so nothing is said of it."""
        try:
            return self.beyond(parse_origin(split(url)[0]))
        except EgressDenied:
            return None

    def check(self, origin: Origin) -> None:
        """Raises `BeyondReach`."""
        reason = self.beyond(origin)
        if reason is not None:
            raise BeyondReach(reason)


def host_of(url: str) -> str | None:
    """The host that a request to this URL goes to, read by the parser that sends; None for one that is never sent."""
    try:
        return parse_origin(split(url)[0]).host
    except EgressDenied:
        return None


def _readable(texts: Iterable[str]) -> Iterator[BoundHost]:
    for text in texts:
        with contextlib.suppress(ValueError):
            yield parse_bound_host(text)
