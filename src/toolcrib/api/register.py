"""`POST /tools`, also as `/tools/saved`, as plain ASGI: whoever brings a catalog brings thousands of tools, and a model of each config would be built
for nothing, since the contract checks it whole.
"""

from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from toolcrib.contracts.errors import Invalid, ToolcribError
from toolcrib.contracts.faults import Fault
from toolcrib.gateway import Gateway
from toolcrib.kit.json import dumps

from .errors import Refused, count_refused, method_not_allowed, render
from .requests import BODY_LIMIT, holder_of, parse_json, read_body
from .timing import PREFIX
from .tools import registered, rehearsed

ROUTES = ("/tools", "/tools/saved")
_NAMES = ("dry_run", "dryRun")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class Register:
    """Takes new tools; the list of them is the application's behind it."""

    def __init__(self, gateway: Gateway, route: str, behind: ASGIApp) -> None:
        self._gateway = gateway
        self._route = PREFIX + route
        self._behind = behind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            await self._behind(scope, receive, send)
            return
        if scope["method"] != "POST":
            await method_not_allowed("GET, POST")(scope, receive, send)
            return
        scope["state"]["route"] = self._route
        try:
            status, answer = await self._register(scope, receive)
        except Refused as refused:
            count_refused(scope, self._gateway, refused)
            await render(refused.error)(scope, receive, send)
        except ToolcribError as error:
            count_refused(scope, self._gateway, error)
            await render(error)(scope, receive, send)
        else:
            body = dumps(answer)
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _register(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, Any]]:
        principal = await holder_of(self._gateway, scope)
        scope["state"]["principal"] = principal
        rehearse = _rehearse(scope["query_string"])
        config = parse_json(await read_body(scope, receive, BODY_LIMIT))
        if not isinstance(config, dict):
            raise _not_valid(Fault("", "send a JSON object, the config of a tool"))
        tool = await self._gateway.tools.register(principal, config, rehearse=rehearse)
        warnings = await self._gateway.tools.warnings(principal, tool)
        if rehearse:
            return HTTPStatus.OK, rehearsed(tool, None, warnings).model_dump(exclude_defaults=True)
        return HTTPStatus.CREATED, registered(tool, warnings).model_dump(exclude_defaults=True)


def _rehearse(query: bytes) -> bool:
    """Whether the request says `dry_run`. Raises `Invalid`."""
    if not query:
        return False
    given = [pair for pair in parse_qsl(query.decode("latin-1"), keep_blank_values=True) if pair[0] in _NAMES]
    if len(given) > 1 or any(value.lower() not in _FLAGS for _, value in given):
        raise _not_valid(Fault(f"/query/{given[0][0]}", "give true or false, once"))
    return any(_FLAGS[value.lower()] for _, value in given)


def _not_valid(fault: Fault) -> Invalid:
    return Invalid.because("The request is not valid; see details.errors.", [fault])
