"""How a request is read: a body limit, one strict JSON loader, a bearer credential."""

from collections.abc import Collection
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends
from fastapi import Request as AnyRequest
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import Request
from starlette.types import Receive, Scope

from toolcrib.contracts.errors import Invalid
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.principal import Principal
from toolcrib.gateway import Claims, Gateway
from toolcrib.kit.json import JsonRefused, loads
from toolcrib.kit.paging import MOST, USUAL, BadCursor, PageRequest

from .errors import Refused
from .timing import on_route

_LENGTH_DIGITS = 12
_JSON = (b"content-type", b"application/json")
_NAME_LIMIT = 128
WORKSPACE = b"x-toolcrib-workspace"
_REHEARSAL = ("dry_run", "dryRun")
BODY_LIMIT = 1_000_000
"""Bytes of a request's body, except on the execute route, which has the operator's limit."""


Label = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A name, an id or a filter: no control characters, which no database column would take."""


class Strict(BaseModel):
    """A request body: closed, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Remark(BaseModel):
    """What stood in no way of the request and should be known."""

    code: str
    message: str


class StrictRequest(AnyRequest):
    """A request whose body is bounded and whose JSON is strict."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            self._body = await read_body(self.scope, self.receive, BODY_LIMIT)
        return self._body

    async def json(self) -> Any:
        return parse_json(await self.body())


class OpenRoute(APIRoute):
    """A route that anybody may ask, such as that of health: it reads no body and no credential."""

    def get_route_handler(self) -> Any:
        handler = super().get_route_handler()

        async def known(request: Request) -> Any:
            on_route(request.scope, self.path_format)
            return await handler(request)

        return known


class StrictRoute(APIRoute):
    """A route that looks at the credential before it reads anything, and reads every body as strict JSON, whatever its
    content type says, as the execute route does.
    """

    @staticmethod
    async def holder(request: Request) -> Any:
        """Who sends the request. Raises `Unauthorized`."""
        return await _holder(request)

    def get_route_handler(self) -> Any:
        handler = super().get_route_handler()
        taken = self.dependant.query_params  # codespell:ignore dependant
        rehearses = any(one.alias == _REHEARSAL[0] for one in taken)

        async def strictly(request: Request) -> Any:
            on_route(request.scope, self.path_format)
            headers = [*(pair for pair in request.scope["headers"] if pair[0] != b"content-type"), _JSON]
            request.state.principal = await self.holder(request)
            if not rehearses:
                refuse_in_query(request.scope, _REHEARSAL, "this route does it for real; leave it out")
            elif request.scope["query_string"]:
                refuse_in_query(request.scope, _REHEARSAL[1:], f"it is {_REHEARSAL[0]} here")
            return await handler(StrictRequest({**request.scope, "headers": headers}, request.receive))

        return strictly


class SignInRoute(StrictRoute):
    """One for whoever signed in, whether they are a member of a workspace yet or not."""

    @staticmethod
    async def holder(request: Request) -> Any:
        """What the token of a person says. Raises `Unauthorized`."""
        return await _claimant(request)


def refuse_in_query(scope: Scope, names: Collection[str], why: str) -> None:
    """Parameters that would be passed over where they mean most. Raises `Invalid`."""
    if scope["query_string"]:
        given = {
            name for name, _ in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        }
        if faults := [Fault(f"/query/{name}", why) for name in sorted(given.intersection(names))]:
            raise Invalid.because("The query is not valid.", faults)


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, or a refusal as soon as it is too long or the client is gone."""
    for name, value in scope["headers"]:
        if name == b"content-length" and (
            not value.isdigit() or len(value) > _LENGTH_DIGITS or int(value) > limit
        ):
            raise Refused(Invalid(f"The request body is larger than {limit} bytes; send less."))
    message = await receive()
    first: bytes = message.get("body", b"")
    chunks, size = [first], len(first)
    while message.get("more_body", False) and size <= limit:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if message["type"] == "http.disconnect":
        raise Refused(Invalid("The request broke off before it was whole; nothing was done."))
    if size > limit:
        raise Refused(Invalid(f"The request body is larger than {limit} bytes; send less."))
    return first if len(chunks) == 1 else b"".join(chunks)


def parse_json(body: bytes) -> Any:
    """Strict JSON, or a refusal that says what is wrong with it."""
    try:
        return loads(body)
    except JsonRefused as refused:
        message = f"The request body is not acceptable JSON: {refused.reason}"
        raise Refused(Invalid.because(message, [Fault("", refused.reason)])) from None


async def holder_of(gateway: Gateway, scope: Scope) -> Principal:
    """Who sends a request; whoever is turned away is counted. Raises `Unauthorized`, `Forbidden`, `NotFound`, `Invalid`."""
    route = scope["state"]["route"]
    try:
        named = named_workspace(scope)
    except Invalid as error:
        gateway.credentials.turned_away(error.code, route)
        raise
    return await gateway.credentials.principal(bearer(scope), named, route)


def bearer(scope: Scope) -> str:
    """The credential of a request; empty where it has none."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, credential = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and credential:
                return str(credential.strip())
    return ""


def named_workspace(scope: Scope) -> str | None:
    """The workspace that a request names, for those who may be in several. Raises `Invalid`."""
    named = [value.decode("latin-1").strip() for name, value in scope["headers"] if name == WORKSPACE]
    if not named:
        return None
    if len(named) > 1 or not (0 < len(named[0]) <= _NAME_LIMIT and named[0].isprintable()):
        fault = Fault("/headers/X-Toolcrib-Workspace", "give one id or name of a workspace")
        raise Invalid.because("The header is not valid.", [fault])
    return str(named[0])


def gateway_of(request: AnyRequest) -> Gateway:
    """The counter this door stands before."""
    found: Gateway = request.app.state.gateway
    return found


async def _gateway(request: AnyRequest) -> Gateway:
    """As a coroutine, which FastAPI awaits; a plain function would cost a thread for each request."""
    return gateway_of(request)


async def _page(
    limit: Annotated[int, Field(ge=1, le=MOST)] = USUAL, cursor: Label | None = None
) -> PageRequest:
    return page_request(limit, cursor)


async def _holder(request: AnyRequest) -> Principal:
    return await holder_of(gateway_of(request), request.scope)


async def _claimant(request: AnyRequest) -> Claims:
    return await gateway_of(request).credentials.claims(
        bearer(request.scope), request.scope["state"]["route"]
    )


async def _claims(request: AnyRequest) -> Claims:
    """What the token says, as the route found before it read the body."""
    found: Claims = request.state.principal
    return found


async def _principal(request: AnyRequest) -> Principal:
    """Who asks, as the route found before it read the body."""
    found: Principal = request.state.principal
    return found


def page_request(limit: int, cursor: str | None) -> PageRequest:
    """The page of a list that a query asks for."""
    try:
        return PageRequest.parse(limit, cursor)
    except BadCursor as refused:
        raise Invalid.because("The cursor is not valid.", [Fault("/query/cursor", str(refused))]) from None


Claimant = Annotated[Claims, Depends(_claims)]
Caller = Annotated[Principal, Depends(_principal)]
Counter = Annotated[Gateway, Depends(_gateway)]
Paging = Annotated[PageRequest, Depends(_page)]
