"""The MCP SDK's server over the gateway, without sessions: 2026-07-28 as it is, 2025-11-25 and older as one message each."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.types import Receive, Scope, Send

from toolcrib.contracts.errors import NotFound, RateLimited, ToolcribError
from toolcrib.contracts.execution import Call
from toolcrib.contracts.principal import Principal
from toolcrib.gateway import Gateway
from toolcrib.kit.json import dumps
from toolcrib.kit.paging import BadCursor, decode, encode

from .door import BODY_LIMIT, principal_of
from .mapping import Asked, answer_of, asked_of, refused, tool_of

_PAGE = 100
_ABOUT = "Tools of one Toolcrib workspace. Every call is recorded; a refusal says why and what to do."
_Context = ServerRequestContext[Any, Any]


class McpServer:
    """Answers `tools/list` and `tools/call`; the SDK answers the rest."""

    def __init__(self, gateway: Gateway, version: str) -> None:
        self._gateway = gateway
        server: Server[Any] = Server(
            "toolcrib",
            version=version,
            instructions=_ABOUT,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )
        self._manager = StreamableHTTPSessionManager(
            server, stateless=True, json_response=True, max_request_body_size=BODY_LIMIT
        )
        self._stopped = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Let the SDK's tasks live in one task of their own."""
        ready = asyncio.Event()
        self._running = asyncio.create_task(self._run(ready))
        await ready.wait()

    async def stop(self) -> None:
        """End them."""
        self._stopped.set()
        if self._running is not None:
            await self._running

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one message."""
        await self._manager.handle_request(scope, receive, send)

    async def _run(self, ready: asyncio.Event) -> None:
        async with self._manager.run():
            ready.set()
            await self._stopped.wait()

    async def _list(
        self, context: _Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        after, asked = _after(params.cursor if params else None), _asked(params)
        try:
            found = await self._gateway.tools.callable(_principal(context), _PAGE + 1, after, asked.view)
        except NotFound as error:
            raise MCPError(types.INVALID_PARAMS, error.message) from error
        shown = found[:_PAGE]
        return types.ListToolsResult(
            tools=[tool_of(view, any_schema=_is_modern(context)) for view in shown],
            next_cursor=encode(shown[-1].tool.name) if len(found) > _PAGE else None,
        )

    async def _call(self, context: _Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        given = params.arguments or {}
        asked = _asked(params)
        call = Call(
            params.name, given, asked.subject, size=len(dumps(given)), dry_run=asked.dry_run, view=asked.view
        )
        try:
            result = await self._gateway.calls.call_tool(_principal(context), call)
        except NotFound as error:
            raise MCPError(
                types.INVALID_PARAMS, f"{error.message} Ask tools/list for those there are."
            ) from error
        except RateLimited as error:
            return refused(error)
        except ToolcribError as error:
            raise MCPError(types.INTERNAL_ERROR, error.message) from error
        return answer_of(result, any_schema=_is_modern(context), asked=asked.dry_run is True)


def _principal(context: _Context) -> Principal:
    assert context.request is not None  # noqa: S101 this door speaks HTTP only
    return principal_of(context.request.scope)


def _is_modern(context: _Context) -> bool:
    return context.protocol_version in MODERN_PROTOCOL_VERSIONS


def _asked(params: types.CallToolRequestParams | types.PaginatedRequestParams | None) -> Asked:
    try:
        return asked_of(cast("Mapping[str, Any] | None", params.meta if params else None))
    except TypeError as error:
        raise MCPError(types.INVALID_PARAMS, str(error)) from error


def _after(cursor: str | None) -> str | None:
    try:
        return decode(cursor) if cursor else None
    except BadCursor as error:
        raise MCPError(types.INVALID_PARAMS, str(error)) from error
