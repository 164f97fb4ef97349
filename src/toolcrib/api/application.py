"""The ASGI application: hot route first, then the router, under both prefixes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from toolcrib.gateway import Gateway

from . import (
    approvals,
    errors,
    events,
    executions,
    grants,
    health,
    hosts,
    keys,
    limits,
    members,
    openapi,
    packs,
    secrets,
    security,
    tools,
    versions,
    workspaces,
)
from .crossing import crossing
from .docs import add_docs
from .execute import Execute
from .register import ROUTES as REGISTER
from .register import Register
from .timing import PREFIX, Timed, on_route

OLDER_PREFIX = "/api"


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """What the operator sets for this door; `max_request` is in bytes."""

    max_request: int = 32_000_000
    docs: bool = True
    version: str = "0"
    cors_origins: tuple[str, ...] = ()


def create_app(gateway: Gateway, options: ApiOptions, beside: Mapping[str, ASGIApp] | None = None) -> ASGIApp:
    """The application before one gateway. What is asked most, execute and register, stands outside of FastAPI, whose part
    would be a tenth of a call and a third of a registration. `beside` are doors with a path of their own; they are timed,
    logged and opened to other origins as the API is.
    """
    app = _described(options)
    app.state.gateway = gateway
    behind = OlderPrefix(errors.Quiet(app))
    hot = {
        "/tools/{tool}/execute": errors.Guard(Execute(gateway, options.max_request)),
        **{route: errors.Guard(Register(gateway, route, behind)) for route in REGISTER},
    }
    routes = [Route(prefix + path, one) for path, one in hot.items() for prefix in (PREFIX, OLDER_PREFIX)]
    routes += [Route(path, Beside(path, door)) for path, door in (beside or {}).items()]
    return Timed(crossing(Router(routes, redirect_slashes=False, default=behind), options.cors_origins))


def describe_api(version: str) -> dict[str, Any]:
    """The OpenAPI file of every route, without a house behind it."""
    return _described(ApiOptions(version=version)).openapi()


def _described(options: ApiOptions) -> FastAPI:
    app = FastAPI(
        title="Toolcrib", version=options.version, docs_url=None, redoc_url=None,
        openapi_url="/openapi.json" if options.docs else None, redirect_slashes=False,
        generate_unique_id_function=_operation,
    )  # fmt: skip
    app.include_router(_router(), prefix=PREFIX)
    app.include_router(health.router)
    if options.docs:
        add_docs(app)
    errors.install(app)
    openapi.describe(app)
    return app


def _operation(route: APIRoute) -> str:
    """The function's name; what answers at the root too is told apart there."""
    return route.name if route.path_format.startswith(PREFIX) else f"root_{route.name}"


class Beside:
    """Another door, told to the log by its path."""

    def __init__(self, path: str, door: ASGIApp) -> None:
        self._path = path
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        on_route(scope, self._path)
        await self._door(scope, receive, send)


class OlderPrefix:
    """The same routes under `/api`, where two of the documents that the product comes from expect them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith(OLDER_PREFIX + "/") and not path.startswith(PREFIX + "/"):
            scope = {**scope, "path": PREFIX + path.removeprefix(OLDER_PREFIX)}
        await self._app(scope, receive, send)


def _router() -> APIRouter:
    every: dict[int | str, dict[str, Any]] = {
        "default": {"model": errors.ErrorAnswer, "description": "Any refusal, by its code."}
    }
    whole = APIRouter(responses=every)
    for part in (
        events.router,
        security.router,
        executions.router,
        versions.router,
        tools.router,
        secrets.router,
        keys.router,
        workspaces.router,
        hosts.router,
        members.router,
        grants.router,
        limits.router,
        approvals.router,
        packs.router,
    ):
        whole.include_router(part)
    whole.include_router(health.router)
    return whole
