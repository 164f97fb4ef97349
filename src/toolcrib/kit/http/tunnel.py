"""Ways through the operator's proxy: each is asked for by CONNECT with the address that was checked, also for plain http.

So the proxy looks no name up and decides nothing but yes or no. It sees addresses and ports; TLS is held to the name
inside of the tunnel. There is no way beside it: without the proxy no request leaves.
"""

import asyncio
import re
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from ssl import SSLContext
from typing import Any, Final

from aiohttp import AddrInfoType
from aiohttp.client_proto import ResponseHandler

from toolcrib.kit.http.addresses import Address, classify, is_local
from toolcrib.kit.http.errors import EgressDenied, HttpFailed
from toolcrib.kit.http.failures import Blocked
from toolcrib.kit.http.proxy import Proxy
from toolcrib.kit.http.wire import Connector, Guard, Resolve
from toolcrib.kit.logging import logger

DIAL: Final = 3.0
LONGEST_ANSWER: Final = 16_384
_OK: Final = 200
_UNAUTHORIZED: Final = 407
_END: Final = b"\r\n\r\n"
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r\n")
_log = logger("egress")


class _Shut(Exception):
    """The proxy said no to one address."""


class Tunnels:
    """Opens them. The proxy is the operator's own, so the deny table does not hold for it; and tools keep off it."""

    def __init__(self, proxy: Proxy, look_up: Resolve, *, patience: float = DIAL) -> None:
        self._proxy = proxy
        self._look_up = look_up
        self._patience = patience

    async def open(self, targets: Sequence[tuple[Address, int]]) -> socket.socket:
        """A way to the first of these addresses that the proxy opens one to. Raises `EgressDenied`, `HttpFailed`."""
        proxies = await self._addresses()
        if any(self._is_proxy(address, port, proxies) for address, port in targets):
            raise EgressDenied
        for address, port in targets:
            dialled = await self._dial(proxies)
            try:
                await self._ask(dialled, address, port)
            except _Shut:
                dialled.close()
            except BaseException:
                dialled.close()
                raise
            else:
                return dialled
        raise HttpFailed("proxy_refused", sent=False)

    async def _addresses(self) -> list[Address]:
        try:
            async with asyncio.timeout(self._patience):
                found = [
                    ip_address(answer) for answer in await self._look_up(self._proxy.host, self._proxy.port)
                ]
        except (OSError, UnicodeError, ValueError, HttpFailed):  # a look-up that takes too long is an OSError
            found = []
        if not found:
            raise self._away("its name is not resolved")
        return found

    def _is_proxy(self, address: Address, port: int, proxies: list[Address]) -> bool:
        """Whether it is the proxy that would be reached, by whatever address. Seen from it, loopback is itself."""
        if port != self._proxy.port:
            return False
        if address in proxies or classify(address) in ("loopback", "unspecified"):
            return True
        return any(is_local(one) for one in proxies) and is_local(address)

    async def _dial(self, proxies: list[Address]) -> socket.socket:
        try:
            async with asyncio.timeout(self._patience):
                return await self._first_of(proxies)
        except OSError:
            raise self._away("no connection to it can be made") from None

    async def _first_of(self, proxies: list[Address]) -> socket.socket:
        failed = OSError()
        for address in proxies:
            family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IP version 4
            dialled = socket.socket(family, socket.SOCK_STREAM)
            dialled.setblocking(False)  # noqa: FBT003 its name there
            try:
                await asyncio.get_running_loop().sock_connect(dialled, (str(address), self._proxy.port))
            except OSError as error:
                dialled.close()
                failed = error
            except BaseException:
                dialled.close()
                raise
            else:
                return dialled
        raise failed

    async def _ask(self, dialled: socket.socket, address: Address, port: int) -> None:
        """Raises `_Shut` where the proxy opens no way to there, `HttpFailed` where it is of no use at all."""
        loop, answer = asyncio.get_running_loop(), b""
        try:
            await loop.sock_sendall(dialled, self._request(address, port))
            while _END not in answer and len(answer) < LONGEST_ANSWER:
                piece = await loop.sock_recv(dialled, 4_096)
                if not piece:
                    break
                answer += piece
        except OSError:
            raise self._away("it closed the connection") from None
        self._judge(answer)

    def _request(self, address: Address, port: int) -> bytes:
        host = f"{address}:{port}" if address.version == 4 else f"[{address}]:{port}"  # noqa: PLR2004 - IP version 4
        lines = [f"CONNECT {host} HTTP/1.1", f"Host: {host}"]
        if self._proxy.authorization is not None:
            lines.append(f"Proxy-Authorization: {self._proxy.authorization}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    def _judge(self, answer: bytes) -> None:
        head = _STATUS.match(answer)
        status = int(head[1]) if head and _END in answer else 0
        if status == _OK and answer.endswith(_END) and answer.count(_END) == 1:
            return
        if status in (0, _OK):  # what follows a 200 at once comes from nobody who was asked
            raise self._away("its answer is none to CONNECT")
        if status == _UNAUTHORIZED:
            raise self._away("it wants other credentials")
        _log.info("the outgoing proxy opens no way", status=status)
        raise _Shut

    def _away(self, why: str) -> HttpFailed:
        """The operator is told why; whoever called, only that it is so."""
        proxy = f"{self._proxy.host}:{self._proxy.port}"
        _log.warning("the outgoing proxy is of no use", proxy=proxy, why=why)
        return HttpFailed("proxy_away", sent=False)


class ProxiedConnector(Connector):
    """One workspace's connections, all of them through the proxy."""

    def __init__(self, guard: Guard, tls: SSLContext, tunnels: Tunnels) -> None:
        super().__init__(guard, tls, open_socket=_never)
        self._guard = guard
        self._tunnels = tunnels

    async def _wrap_create_connection(
        self, *args: Any, addr_infos: list[AddrInfoType], **kwargs: Any
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        """Where aiohttp would dial. The second wall: literal addresses, which need no resolver, meet only this one."""
        targets = [self._guard.checked(str(info[4][0]), int(info[4][1])) for info in addr_infos]
        tunnel = await self._tunnels.open(targets)
        return await self._wrap_existing_connection(*args, sock=tunnel, **kwargs)


def _never(_: AddrInfoType) -> socket.socket:
    """Should aiohttp dial by itself one day, it dials nobody."""
    raise Blocked
