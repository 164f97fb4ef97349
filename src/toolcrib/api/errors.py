"""The one table from error code to HTTP status, and how an error looks on the wire."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from toolcrib.contracts.errors import Code, Invalid, NotFound, ToolcribError
from toolcrib.contracts.execution import Notice
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.principal import Principal
from toolcrib.gateway import Gateway
from toolcrib.kit.ids import new_id
from toolcrib.kit.json import dumps
from toolcrib.kit.logging import logger

STATUS: Mapping[str, int] = {
    Code.VALIDATION_ERROR: 400,
    Code.UNAUTHORIZED: 401,
    Code.FORBIDDEN: 403,
    Code.TOOL_DISABLED: 403,
    Code.EGRESS_DENIED: 403,
    Code.SUBJECT_MISMATCH: 403,
    Code.NOT_FOUND: 404,
    Code.CONFLICT: 409,
    Code.SECRET_NOT_FOUND: 409,
    Code.AUTHORIZATION_REQUIRED: 409,
    Code.TOOL_SUNSET: 410,
    Code.RATE_LIMITED: 429,
    Code.INTERNAL_ERROR: 500,
    Code.UPSTREAM_ERROR: 502,
    Code.MAPPING_FAILED: 502,
    Code.INVALID_OUTPUT: 502,
    Code.UNDECLARED_ERROR: 502,
    Code.UNAVAILABLE: 503,
    Code.UPSTREAM_TIMEOUT: 504,
}
RETRY_AFTER = "2"
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_LOGGED = "toolcrib.logged"
_WALLS = frozenset({Code.UNAUTHORIZED, Code.FORBIDDEN, Code.NOT_FOUND, Code.EGRESS_DENIED, Code.RATE_LIMITED})
_log = logger("api")


class ErrorBody(BaseModel):
    """What went wrong: `code` is stable, `message` is for people, `details` is data, `retryable` says whether to try again."""

    code: str
    message: str
    details: dict[str, Any]
    retryable: bool


class ErrorAnswer(BaseModel):
    """Every error of every route."""

    error: ErrorBody


class Refused(HTTPException):
    """A refusal raised while a request is still being read; FastAPI lets it through as it is."""

    def __init__(self, error: ToolcribError) -> None:
        super().__init__(STATUS[error.code], error.message)
        self.error = error


def render(error: ToolcribError) -> Response:
    """The answer to an error."""
    body = {
        "error": {
            "code": error.code.value,
            "message": error.message,
            "details": dict(error.details),
            "retryable": error.retryable,
        }
    }
    status = STATUS[error.code]
    headers = headers_for(status) | _later(error)
    return Response(dumps(body), status, headers, "application/json")


def count_refused(scope: Scope, gateway: Gateway, error: Exception) -> None:
    """Count a request that was refused what there may be, or that could not be read; whoever had no credential was counted
    as they were turned away. Who signed in and is no member yet belongs to no workspace.
    """
    who = scope["state"].get("principal")
    refused = error.error if isinstance(error, Refused) else error
    if who is None or not isinstance(refused, ToolcribError):
        return
    if isinstance(error, Refused) or refused.code in _WALLS:
        member = who if isinstance(who, Principal) else None
        gateway.credentials.turned_away(refused.code, scope["state"]["route"], member)


def method_not_allowed(allowed: str) -> Response:
    """The answer where FastAPI does not stand."""
    refused = render(Invalid(f"This route takes {allowed} only."))
    refused.status_code = HTTPStatus.METHOD_NOT_ALLOWED
    refused.headers["Allow"] = allowed
    return refused


def headers_for(status: int) -> dict[str, str]:
    """Headers that belong to a status."""
    if status == STATUS[Code.UNAVAILABLE]:
        return {"Retry-After": RETRY_AFTER}
    return {"WWW-Authenticate": "Bearer"} if status == STATUS[Code.UNAUTHORIZED] else {}


def _later(error: ToolcribError) -> dict[str, str]:
    """When to come back to a limit: in whole seconds."""
    if error.code is not Code.RATE_LIMITED:
        return {}
    return {"Retry-After": str(error.details["retry_after"])}


def deprecation_headers(notice: Notice) -> Iterator[tuple[str, str]]:
    """`Deprecation` (RFC 9745), `Sunset` (RFC 8594) and the successor (RFC 5829)."""
    yield "Deprecation", f"@{notice.since // 1_000_000}"
    if notice.sunset is not None:
        last = datetime.combine(date.fromisoformat(notice.sunset), time(23, 59, 59), UTC)
        yield "Sunset", format_datetime(last, usegmt=True)
    if notice.use is not None:
        yield "Link", f'</api/v1/tools/{quote(notice.use)}>; rel="successor-version"'


def install(app: FastAPI) -> None:
    """Answer every error in the one form."""
    app.add_exception_handler(ToolcribError, _toolcrib)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


class Guard:
    """The outermost loop of a route that stands outside of FastAPI: whatever escapes it is answered in the one form."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 nothing stands outside of this
            await (await _unexpected(Request(scope), error))(scope, receive, send)


class Quiet:
    """Around the framework, which raises a fault again after it was answered: the server would print all of it, payload
    and secrets too. A fault in the midst of an answer is logged here, and the connection ends.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 nothing stands outside of this
            if _LOGGED not in scope:
                await _unexpected(Request(scope), error)


async def _toolcrib(request: Request, error: Exception) -> Response:
    assert isinstance(error, ToolcribError)  # noqa: S101 the handler is installed for it
    count_refused(request.scope, request.app.state.gateway, error)
    return render(error)


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 the handler is installed for it
    faults = [Fault(_pointer(fault["loc"]), fault["msg"]) for fault in error.errors()]
    return render(Invalid.because("The request is not valid; see details.errors.", faults))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 the handler is installed for it
    if isinstance(error, Refused):
        count_refused(request.scope, request.app.state.gateway, error)
        return render(error.error)
    if error.status_code == STATUS[Code.NOT_FOUND]:
        return render(NotFound("There is no such route."))
    refused = render(Invalid(str(error.detail)))
    refused.status_code = error.status_code
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        refused.headers["Allow"] = _allowed(request)
    return refused


def _allowed(request: Request) -> str:
    """The methods that some route with this path takes."""
    routes: list[BaseRoute] = request.app.router.routes
    asked = [(method, {**request.scope, "method": method}) for method in _METHODS]
    return ", ".join(
        method for method, scope in asked if any(route.matches(scope)[0] is Match.FULL for route in routes)
    )


async def _unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours: an id for the log, nothing else."""
    reference = new_id("err")
    request.scope[_LOGGED] = True
    _log.error(
        "unexpected error",
        reference=reference,
        path=request.url.path,
        error=type(error).__name__,
        at=_where(error),
    )
    return render(ToolcribError(f"Toolcrib failed here; quote {reference}.", reference=reference))


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else ""


def _pointer(location: tuple[int | str, ...]) -> str:
    parts = location[1:] if location and location[0] == "body" else location
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
