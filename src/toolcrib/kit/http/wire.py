"""What aiohttp needs from us so that every byte passes the checks: resolver, sockets, protocol, request.

The second wall stands here: whatever was decided before, each socket is classified by the address it dials.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from ssl import SSLContext
from typing import Final, TypeAlias, cast

from aiohttp import (
    AddrInfoType,
    ClientConnectionError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    DummyCookieJar,
    StreamReader,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_parser import RawResponseMessage
from yarl import URL

from toolcrib.kit.http.addresses import Address, is_local
from toolcrib.kit.http.egress import Egress
from toolcrib.kit.http.errors import EgressDenied, HttpFailed
from toolcrib.kit.http.failures import Blocked
from toolcrib.kit.http.urls import Origin

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
OwnPorts: TypeAlias = Callable[[], Collection[int]] | Collection[int]

# Many upstreams close an idle connection after five seconds: let ours go first, as a lost race costs a call.
KEEP_ALIVE: Final = 4.0
MOST_CONNECTIONS: Final = 256
# An upstream that hangs takes no more than these, and the workspace's other hosts are still reached.
MOST_TO_ONE_HOST: Final = 192
MOST_ADDRESSES: Final = 8
MOST_INTERIM_REPLIES: Final = 8
FIRST_FINAL_STATUS: Final = 200
CHUNK: Final = 65_536


@dataclass(slots=True)
class Attempt:
    """The one attempt that a request has: what was checked, and whether any of it may have left."""

    origin: Origin
    url: URL
    sent: bool = False


# Sockets are opened in the task that sends, or in a child of it: both see the attempt that they serve.
sending: ContextVar[Attempt] = ContextVar("sending")


class Guard(AbstractResolver):
    """Resolves once, wants every answer allowed, and looks again at each address when its socket is opened."""

    def __init__(self, egress: Egress, own_ports: OwnPorts, look_up: Resolve) -> None:
        self._egress = egress
        self._own_ports = own_ports
        self._look_up = look_up

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if host != sending.get().origin.host:
            raise EgressDenied
        addresses = [_read_answer(answer) for answer in await self._answers(host, port)]
        for address in addresses:
            self._check(address, port)
        return [
            ResolveResult(hostname=host, host=str(address), port=port, family=family, proto=0, flags=0)
            for address in dict.fromkeys(addresses[:MOST_ADDRESSES])
        ]

    async def _answers(self, host: str, port: int) -> Sequence[str]:
        try:
            answers = await self._look_up(host, port)
        except (OSError, UnicodeError):
            answers = ()
        if not answers:
            raise HttpFailed("resolve", sent=False)
        return answers

    def open_socket(self, addr_info: AddrInfoType) -> socket.socket:
        """The second wall; literal addresses, which need no resolver, meet only this one."""
        family, kind, proto, _, (host, port, *_) = addr_info
        try:
            self.checked(str(host), int(port))
        except EgressDenied:
            raise Blocked from None
        return socket.socket(family, kind, proto)

    def checked(self, host: str, port: int) -> tuple[Address, int]:
        """An address that the request which is being sent may be taken to. Raises `EgressDenied`."""
        address = _read_answer(host)
        self._check(address, port)
        return address, port

    def _check(self, address: Address, port: int) -> None:
        origin = sending.get().origin
        if port != origin.port or not self._egress.admits(origin, address) or self._is_own(address, port):
            raise EgressDenied

    def _is_own(self, address: Address, port: int) -> bool:
        own = self._own_ports() if callable(self._own_ports) else self._own_ports
        return port in own and is_local(address)

    async def close(self) -> None:
        """Nothing to give back."""


def _read_answer(text: str) -> Address:
    try:
        address = ip_address(text)
    except ValueError:
        raise EgressDenied from None
    if getattr(address, "scope_id", None) is not None:
        raise EgressDenied
    return address


class _Protocol(ResponseHandler):
    """Takes no message that it does not wait for.

    Otherwise an upstream could fill an idle connection with replies: they would pile up in memory, and the
    first would answer the next request.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._awaited = 0

    def await_reply(self) -> None:
        self._awaited = MOST_INTERIM_REPLIES

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        self._awaited -= 1
        if self._awaited < 0:
            self.set_exception(ClientConnectionError("unexpected reply"))
            if self.transport is not None:
                self.transport.abort()
            return
        if data[0].code >= FIRST_FINAL_STATUS:
            self._awaited = 0
        super().feed_data(data, size)


def _open_protocol(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return _Protocol(loop)


class Connector(TCPConnector):
    """One workspace's connections; every one goes through the guard."""

    def __init__(
        self,
        guard: Guard,
        tls: SSLContext,
        open_socket: Callable[[AddrInfoType], socket.socket] | None = None,
    ) -> None:
        super().__init__(
            resolver=guard,
            socket_factory=open_socket or guard.open_socket,
            use_dns_cache=False,
            ssl=tls,
            limit=MOST_CONNECTIONS,
            limit_per_host=MOST_TO_ONE_HOST,
            keepalive_timeout=KEEP_ALIVE,
        )
        self._factory = partial(_open_protocol, self._loop)


class Request(ClientRequest):
    """Leaves at most once, and only with the URL that was checked, whatever aiohttp would like to repeat or follow."""

    async def send(self, conn: Connection) -> ClientResponse:
        attempt = sending.get()
        if attempt.sent or self.url is not attempt.url:
            raise HttpFailed("protocol", sent=attempt.sent)
        cast("_Protocol", conn.protocol).await_reply()  # the connector makes no other kind
        attempt.sent = True
        return await super().send(conn)


def open_session(connector: Connector, headers: dict[str, str]) -> ClientSession:
    """A session without a memory of its own: no cookies, no environment, no second try."""
    session = ClientSession(
        connector=connector,
        headers=headers,
        cookie_jar=DummyCookieJar(),
        request_class=Request,
        auto_decompress=False,
        trust_env=False,
        read_bufsize=CHUNK,
    )
    # aiohttp repeats requests of idempotent methods when it loses a kept connection; only this attribute stops it
    # from dialling again. `Request` would not let such a second one leave.
    session._retry_connection = False  # noqa: SLF001
    return session
