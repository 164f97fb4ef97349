"""What keeps a secret from hosts that it is not bound to: a look at the built request, right before it is sent."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from toolcrib.contracts.secret import Secret
from toolcrib.kit.http import EgressDenied, HttpRequest, may_go_to
from toolcrib.kit.strike import Strikes

_LAYERS: Final = 3


class SecretHost(EgressDenied):
    """A request would take a secret to a host that it is not bound to; nothing was sent."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The secret {name} may only go to the hosts that it is bound to, and this request goes elsewhere. Nothing was sent.",
            reason="secret_host",
        )


class Ties:
    """The secrets at hand that are bound and may turn up in a request, and the look for them. Made for one run."""

    def __init__(self, secrets: Mapping[str, Secret]) -> None:
        self._bound = [secret for secret in secrets.values() if secret.hosts is not None]
        self._forms: dict[str, Strikes] = {}

    def check(self, request: HttpRequest) -> None:
        """Raises `SecretHost` where the built request carries a secret elsewhere, in whatever form."""
        away = [secret for secret in self._bound if not may_go_to(secret.hosts, request.url)]
        written = _written(request) if away else ()
        for secret in away:
            if secret.name not in self._forms:
                self._forms[secret.name] = Strikes([(secret.name, secret.reveal())])
            if any(self._forms[secret.name].finds(part) for part in written):
                raise SecretHost(secret.name)


def refuse_elsewhere(secrets: Iterable[Secret], request: HttpRequest) -> None:
    """For a request that is known to carry all of these. Raises `SecretHost`."""
    for secret in secrets:
        if not may_go_to(secret.hosts, request.url):
            raise SecretHost(secret.name)


def _written(request: HttpRequest) -> tuple[bytes, ...]:
    """What would leave, part by part, each as it is and without the percent-encoding that a URL or a form lays over it."""
    heads = "\n".join(f"{name}: {value}" for name, value in request.headers)
    parts = [text.encode("utf-8", "surrogatepass") for text in (request.method, request.url, heads)]
    return tuple(layer for part in (*parts, request.body or b"") for layer in _layers(part))


def _layers(part: bytes) -> Iterator[bytes]:
    for _ in range(_LAYERS):
        yield part
        if b"%" not in part:
            return
        part = unquote_to_bytes(part)
