"""One POST endpoint before the gateway. It asks who comes, reads strictly, and hands the message to the MCP SDK.

The SDK costs most of a second at start and much memory, so it is loaded with the first message.
"""

import asyncio
import importlib
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from toolcrib.contracts.errors import Code, ToolcribError, Unauthorized
from toolcrib.contracts.principal import Principal
from toolcrib.gateway import Gateway
from toolcrib.kit.json import JsonRefused, dumps, loads
from toolcrib.kit.logging import logger

BODY_LIMIT = 4_000_000
_PLACE = "/mcp"
_PRINCIPAL = "principal"  # where the request's log looks too
_PARSE_ERROR, _INVALID_REQUEST, _FAILED, _REFUSED = -32700, -32600, -32603, -32001
_OTHER_ORIGIN = (
    "Requests from other origins are refused; the operator allows some with TOOLCRIB_CORS_ORIGINS."
)
_NO_SESSIONS = "Send POST: there are no sessions here."
_STATUS = {
    Code.VALIDATION_ERROR: HTTPStatus.BAD_REQUEST,
    Code.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
}
_log = logger("mcp")


class Server(Protocol):
    """What answers messages once it is loaded."""

    async def start(self) -> None:
        """Be ready."""
        ...

    async def stop(self) -> None:
        """End what is under way."""
        ...

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one message."""
        ...


class McpDoor:
    """`/mcp` as an ASGI application. Every message carries its credential; nothing is remembered between messages. Pages of
    `origins` may speak to it as those of its own address may.
    """

    def __init__(self, gateway: Gateway, version: str, origins: Collection[str] = ()) -> None:
        self._gateway = gateway
        self._version = version
        self._origins = frozenset(origins)
        self._server: Server | None = None
        self._loading = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            server, body, principal = await self._admit(scope, receive)
        except Turned as turned:
            await _error(turned.status, turned.code, turned.message, turned.headers)(scope, receive, send)
        except Unauthorized as error:
            challenge = {"WWW-Authenticate": "Bearer"}
            await _error(HTTPStatus.UNAUTHORIZED, _REFUSED, error.message, challenge)(scope, receive, send)
        except ToolcribError as error:
            status = _STATUS.get(error.code, HTTPStatus.SERVICE_UNAVAILABLE)
            later = {"Retry-After": "2"} if status is HTTPStatus.SERVICE_UNAVAILABLE else None
            await _error(status, _REFUSED, error.message, later)(scope, receive, send)
        else:
            scope.setdefault("state", {})[_PRINCIPAL] = principal
            await _quietly(server, scope, _again(body, receive), send)

    async def stop(self) -> None:
        """End what is under way."""
        if self._server is not None:
            await self._server.stop()

    async def _admit(self, scope: Scope, receive: Receive) -> tuple[Server, bytes, Principal]:
        """Who it is, then what it says, bounded and strict: nothing is read for strangers."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if _is_strange(headers, self._origins):
            self._gateway.credentials.turned_away(Code.FORBIDDEN, _PLACE)
            raise Turned(HTTPStatus.FORBIDDEN, _INVALID_REQUEST, _OTHER_ORIGIN)
        if scope["method"] != "POST":
            raise Turned(HTTPStatus.METHOD_NOT_ALLOWED, _INVALID_REQUEST, _NO_SESSIONS, {"Allow": "POST"})
        principal = await self._gateway.credentials.principal(
            _credential(headers), headers.get(b"x-toolcrib-workspace"), _PLACE
        )
        try:
            body = await _read(headers, receive)
        except Turned:
            self._gateway.credentials.turned_away(Code.VALIDATION_ERROR, _PLACE, principal)
            raise
        return await self._loaded(), body, principal

    async def _loaded(self) -> Server:
        async with self._loading:
            if self._server is None:
                module: Any = await asyncio.to_thread(importlib.import_module, "toolcrib.mcp_server.server")
                server: Server = module.McpServer(self._gateway, self._version)
                await server.start()
                self._server = server
            return self._server


class Turned(Exception):
    """A request that is turned away before it is a message."""

    def __init__(
        self, status: int, code: int, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


def principal_of(scope: Scope) -> Principal:
    """Who sent the message."""
    found: Principal = scope["state"][_PRINCIPAL]
    return found


def _is_strange(headers: Mapping[bytes, str], origins: Collection[str]) -> bool:
    """A browser's page must not speak for its user, unless the operator names its origin."""
    origin, host = headers.get(b"origin"), headers.get(b"host", "")
    return origin is not None and origin not in origins and not _is_own(origin, host)


def _is_own(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _credential(headers: Mapping[bytes, str]) -> str:
    scheme, _, credential = headers.get(b"authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""


async def _read(headers: Mapping[bytes, str], receive: Receive) -> bytes:
    """The whole body, bounded and strictly JSON."""
    message = f"The message is larger than {BODY_LIMIT} bytes; send less."
    too_large = Turned(HTTPStatus.BAD_REQUEST, _INVALID_REQUEST, message)
    declared = headers.get(b"content-length", "0")
    if not declared.isdecimal() or len(declared) > len(str(BODY_LIMIT)) or int(declared) > BODY_LIMIT:
        raise too_large
    chunks, size, more = [], 0, True
    while more:
        part = await receive()
        if part["type"] == "http.disconnect":
            raise Turned(HTTPStatus.BAD_REQUEST, _INVALID_REQUEST, "The message broke off.")
        chunks.append(part.get("body", b""))
        size += len(chunks[-1])
        more = part.get("more_body", False)
        if size > BODY_LIMIT:
            raise too_large
    body = b"".join(chunks)
    try:
        _refuse_strange_id(loads(body))
    except JsonRefused as refused:
        raise Turned(HTTPStatus.BAD_REQUEST, _PARSE_ERROR, refused.reason) from None
    return body


def _refuse_strange_id(message: Any) -> None:
    """The SDK takes a request with an id that is none for a notification, and drops it with a 202."""
    if isinstance(message, dict) and "method" in message and type(message.get("id", 0)) not in (int, str):
        told = "The id of a message is a text or a whole number."
        raise Turned(HTTPStatus.BAD_REQUEST, _INVALID_REQUEST, told)


async def _quietly(server: Server, scope: Scope, receive: Receive, send: Send) -> None:
    """A fault of the SDK or of ours is told by its kind alone: whatever runs this would print the message with it."""
    begun = False

    async def noted(message: Message) -> None:
        nonlocal begun
        begun = True
        await send(message)

    try:
        await server.handle(scope, receive, noted)
    except Exception as error:  # noqa: BLE001 nothing stands outside of this
        _log.error("unexpected error", error=type(error).__name__)
        if not begun:
            told = "Toolcrib failed here; look into its log."
            await _error(HTTPStatus.INTERNAL_SERVER_ERROR, _FAILED, told)(scope, receive, send)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, and then whatever follows it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def read() -> Message:
        return waiting.pop() if waiting else await receive()

    return read


def _error(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return Response(dumps(body), status, dict(headers or {}), "application/json")
