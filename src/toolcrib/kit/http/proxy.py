"""The operator's outgoing proxy, as the setting names it. It stands in front of the policy, not above it."""

import base64
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import unquote

from toolcrib.kit.http.errors import EgressDenied
from toolcrib.kit.http.urls import parse_origin

_SCHEME: Final = "http://"
_FORM: Final = "write http://host:port or http://user:password@host:port, user and password percent-encoded"


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where it is, and what `Proxy-Authorization` it is shown; that is in no text of this object."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read `TOOLCRIB_EGRESS_PROXY`; nothing is no proxy. The ValueError quotes nothing, as a password may stand there."""
        if not text:
            return None
        user, at, place = text.removeprefix(_SCHEME).removesuffix("/").rpartition("@")
        has_port = ":" in place.rpartition("]")[2]
        try:
            origin = parse_origin(_SCHEME + place)
        except EgressDenied:
            raise ValueError(_FORM) from None
        if not text.startswith(_SCHEME) or not has_port:
            raise ValueError(_FORM)
        return cls(origin.host, origin.port, _basic(user) if at else None)


def _basic(user: str) -> str:
    """Name and password as RFC 7617 sends them: no colon in the name, no control characters."""
    name, _, password = (unquote(part) for part in user.partition(":"))
    if not name or ":" in name or not (name + password).isprintable():
        raise ValueError(_FORM)
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode("ascii")
