"""The one way out: sends a checked request over a connection of its workspace, at most once."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from io import BytesIO
from typing import Final

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, hdrs
from multidict import CIMultiDict

from toolcrib.kit.http.body import ACCEPTED, PLAIN, read_body
from toolcrib.kit.http.egress import Egress
from toolcrib.kit.http.errors import HttpFailed
from toolcrib.kit.http.failures import translate
from toolcrib.kit.http.lookup import SharedLookup, SystemLookup
from toolcrib.kit.http.messages import HttpReply, HttpRequest, outgoing_headers, reply_headers
from toolcrib.kit.http.pools import Pools
from toolcrib.kit.http.reach import Reach
from toolcrib.kit.http.streaming import HttpStream
from toolcrib.kit.http.tunnel import ProxiedConnector, Tunnels
from toolcrib.kit.http.urls import Origin, build, parse_origin, split
from toolcrib.kit.http.wire import Attempt, Connector, Guard, OwnPorts, Resolve, open_session, sending

CONNECT: Final = 5.0
IDLE: Final = 10.0
IDLE_SHARE: Final = 3
REMEMBERED_ORIGINS: Final = 1024
SWITCHING_PROTOCOLS: Final = 101
# Above this aiohttp wants a file, so as to write in parts.
LARGE_BODY: Final = 1_048_576
_ALWAYS_SENT: Final[dict[str, str]] = {hdrs.ACCEPT_ENCODING: ACCEPTED, hdrs.USER_AGENT: "toolcrib"}
# Where the caller names no type, aiohttp would say "octet-stream".
_TYPE: Final = frozenset({hdrs.CONTENT_TYPE})
_TYPED_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})


class HttpClient:
    """Sends requests under one egress policy. Connections are never shared between pools (workspaces)."""

    def __init__(self, egress: Egress, *, own_ports: OwnPorts = (), resolve: Resolve | None = None) -> None:
        self._egress = egress
        self._own_ports = own_ports
        self._system = SystemLookup()
        self._look_up = resolve or self._system
        self._tls = _trust(egress.ca_file)
        self._tunnels = Tunnels(egress.proxy, SharedLookup(self._look_up)) if egress.proxy else None
        self._pools = Pools(self._open_session)
        self._reaches: dict[str, Reach] = {}
        # A refusal raises and is not remembered, so bad URLs cannot push good ones out.
        self._origin = lru_cache(maxsize=REMEMBERED_ORIGINS)(self._check_origin)

    def narrow(self, pool: str, reach: Reach | None) -> None:
        """From now on requests of this pool go no further; None lets them go as far as the policy does."""
        if reach is None:
            self._reaches.pop(pool, None)
        else:
            self._reaches[pool] = reach

    async def send(self, pool: str, request: HttpRequest) -> HttpReply:
        """Send one request, once, and return the whole reply; redirects are replies.

        `pool` is the workspace. A request that is not well-formed is a ValueError, all else an `HttpError`.
        """
        headers = outgoing_headers(request)
        attempt = self._attempt(pool, request)
        leased = self._pools.take(pool)
        token = sending.set(attempt)
        try:
            return await _exchange(leased.session, request, attempt, headers)
        finally:
            sending.reset(token)
            self._pools.give_back(leased)

    @asynccontextmanager
    async def stream(self, pool: str, request: HttpRequest) -> AsyncIterator[HttpStream]:
        """Send one request, once, and read its reply as it comes. The deadline is of each silence, not of the whole."""
        headers = outgoing_headers(request)
        attempt = self._attempt(pool, request)
        silence = ClientTimeout(total=None, connect=CONNECT, sock_read=request.timeout)
        leased = self._pools.take(pool)
        try:
            response = await _begin(leased.session, request, attempt, headers, silence)
            try:
                yield HttpStream(response, request.max_reply)
            finally:
                response.close()
        finally:
            self._pools.give_back(leased)

    def _attempt(self, pool: str, request: HttpRequest) -> Attempt:
        origin_text, path, query = split(request.url)
        origin = self._origin(origin_text)
        reach = self._reaches.get(pool)
        if reach is not None:
            reach.check(origin)
        return Attempt(origin, build(origin, path, query))

    async def close(self) -> None:
        """Close all connections; calls under way fail."""
        await self._pools.close()
        self._system.close()

    def _check_origin(self, text: str) -> Origin:
        origin = parse_origin(text)
        self._egress.check_origin(origin)
        return origin

    def _open_session(self) -> ClientSession:
        guard = Guard(self._egress, self._own_ports, SharedLookup(self._look_up))
        if self._tunnels is None:
            return open_session(Connector(guard, self._tls), _ALWAYS_SENT)
        return open_session(ProxiedConnector(guard, self._tls, self._tunnels), _ALWAYS_SENT)


async def _exchange(
    session: ClientSession, request: HttpRequest, attempt: Attempt, headers: CIMultiDict[str]
) -> HttpReply:
    try:
        response = await _open(session, request, attempt, headers, _deadlines(request.timeout))
        try:
            return await _read(response, request.max_reply)
        finally:
            if not response.closed:
                response.close()
    except (ClientError, OSError) as error:
        raise translate(error, sent=attempt.sent) from None


async def _begin(
    session: ClientSession,
    request: HttpRequest,
    attempt: Attempt,
    headers: CIMultiDict[str],
    silence: ClientTimeout,
) -> ClientResponse:
    """The head of a reply; what is read later says itself why it broke off."""
    token = sending.set(attempt)
    try:
        return await _open(session, request, attempt, headers, silence)
    except (ClientError, OSError) as error:
        raise translate(error, sent=attempt.sent) from None
    finally:
        sending.reset(token)


async def _open(
    session: ClientSession,
    request: HttpRequest,
    attempt: Attempt,
    headers: CIMultiDict[str],
    deadlines: ClientTimeout,
) -> ClientResponse:
    typed = request.body is not None or request.method in _TYPED_METHODS
    return await session.request(
        request.method,
        attempt.url,
        headers=headers,
        data=_payload(request.body),
        skip_auto_headers=_TYPE if typed and hdrs.CONTENT_TYPE not in headers else None,
        allow_redirects=False,
        timeout=deadlines,
    )


async def _read(response: ClientResponse, limit: int) -> HttpReply:
    headers = reply_headers(response.headers)
    if (
        response.status == SWITCHING_PROTOCOLS
        or headers.get("transfer-encoding", "chunked").lower() != "chunked"
    ):
        raise HttpFailed("protocol", sent=True)
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit and not response.content.at_eof():
        raise HttpFailed("too_large", sent=True)
    encoding = headers.get("content-encoding", "").strip().lower()
    body = await read_body(response.content, encoding, limit)
    if encoding not in PLAIN and body:
        # They told of the packed body.
        del headers["content-encoding"]
        headers.pop("content-length", None)
    return HttpReply(response.status, headers, body)


def _payload(body: bytes | None) -> bytes | BytesIO | None:
    return BytesIO(body) if body is not None and len(body) > LARGE_BODY else body


@lru_cache(maxsize=64)
def _deadlines(total: float) -> ClientTimeout:
    """Whoever grants a call more time in all grants it longer silences too."""
    return ClientTimeout(total=total, connect=CONNECT, sock_read=max(IDLE, total / IDLE_SHARE))


def _trust(ca_file: str | None) -> ssl.SSLContext:
    """The system's authorities, whatever the environment calls so, and the operator's beside them. Verification has no switch."""
    system = ssl.get_default_verify_paths()
    context = ssl.create_default_context(capath=system.openssl_capath)
    # SSLKEYLOGFILE would have the keys of connections written down.
    context.keylog_filename = None  # type: ignore[assignment]  # typeshed knows no way back
    with contextlib.suppress(OSError):  # most systems have a folder, some a file as well
        context.load_verify_locations(cafile=system.openssl_cafile)
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context
