"""The hot route: execute a tool. Plain ASGI, one strict parse, one answer; no model is built for a call."""

from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Literal

from pydantic import Field
from starlette.types import Receive, Scope, Send

from toolcrib.contracts.errors import Forbidden, Invalid, ToolcribError
from toolcrib.contracts.execution import LABEL_LIMIT, Call, Result, Status, Subject, idempotency_key
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.principal import Principal
from toolcrib.contracts.selection import MAX_LIMIT, MAX_PATHS, parse_selection
from toolcrib.gateway import Gateway
from toolcrib.kit.json import Written, dumps

from .errors import STATUS, ErrorBody, Refused, deprecation_headers, headers_for, method_not_allowed, render
from .requests import Strict, holder_of, parse_json, read_body, refuse_in_query

ROUTE = "/api/v1/tools/{tool}/execute"
_KNOWN = frozenset(
    {
        "input",
        "payload",
        "subject",
        "view",
        "exception_id",
        "exceptionId",
        "actor_type",
        "actorType",
        "actor_id",
        "actorId",
        "select",
        "ids_only",
        "idsOnly",
        "limit",
        "dry_run",
        "dryRun",
    }
)
_INPUT = frozenset({"input", "payload"})


class SubjectBody(Strict):
    """What the call is about."""

    type: str
    id: str


class ExecuteBody(Strict):
    """`input` (or `payload`) goes to the tool; actor fields, if given, must agree with the credential. `view` names
    the view that the call is made in; `select`, `ids_only` and `limit` say what of the output is answered; `dry_run` shows
    the call instead of making it.
    """

    input: dict[str, Any] | None = None
    payload: dict[str, Any] | None = None
    subject: SubjectBody | None = None
    view: str | None = None
    exception_id: str | None = Field(default=None, alias="exceptionId")
    actor_type: str | None = Field(default=None, alias="actorType")
    actor_id: str | None = Field(default=None, alias="actorId")
    select: list[str] | None = Field(default=None, max_length=MAX_PATHS)
    ids_only: bool | None = Field(default=None, alias="idsOnly")
    limit: int | None = Field(default=None, ge=1, le=MAX_LIMIT)
    dry_run: bool | None = Field(default=None, alias="dryRun")


class ExecuteAnswer(Strict):
    """What came of a call; `error` is set when it failed, `truncated` only where elements were left out. A call that is
    not waited for is `running`, with 202; so is one that is `awaiting_approval`, with the `approval_id` that a person
    agrees to.
    """

    success: bool
    execution_id: str
    status: Literal[
        "succeeded", "failed", "denied", "cancelled", "interrupted", "expired", "running", "awaiting_approval"
    ]
    output: Any
    error: ErrorBody | None
    execution_time_ms: float
    truncated: Literal[True] | None = None
    approval_id: str | None = None


class Execute:
    """`POST /tools/{tool}/execute` as an ASGI application."""

    def __init__(self, gateway: Gateway, body_limit: int) -> None:
        self._gateway = gateway
        self._limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await method_not_allowed("POST")(scope, receive, send)
            return
        scope["state"]["route"] = ROUTE
        try:
            principal = await holder_of(self._gateway, scope)
            scope["state"]["principal"] = principal
            call = await self._read(scope, receive, principal)
            result = await self._gateway.calls.call_tool(principal, call, insists=True)
        except Refused as refused:
            await render(refused.error)(scope, receive, send)
        except ToolcribError as error:
            await render(error)(scope, receive, send)
        else:
            await send_result(result, send)

    async def _read(self, scope: Scope, receive: Receive, principal: Principal) -> Call:
        """The call that a request asks for. Raises what is wrong with it, counted: it is no call yet."""
        tool = scope["path_params"]["tool"]
        await self._gateway.calls.refuse_early(principal, tool)
        try:
            refuse_in_query(scope, _KNOWN, "it goes into the body")
            body = await read_body(scope, receive, self._limit)
            return replace(read_call(parse_json(body), tool, principal, len(body)), **_asked(scope))
        except Refused as refused:
            self._gateway.calls.count_refusal(principal, refused.error.code, tool)
            raise
        except ToolcribError as refused:
            self._gateway.calls.count_refusal(principal, refused.code, tool)
            raise


def _asked(scope: Scope) -> dict[str, Any]:
    """What the headers ask of a call. Raises `Invalid`."""
    asked: dict[str, Any] = {}
    for name, value in scope["headers"]:
        if name == b"idempotency-key":
            asked["idempotency_key"] = _key(value, again="idempotency_key" in asked)
        elif name == b"prefer" and _prefers_async(value):
            asked["wait"] = False
    return asked


def _key(value: bytes, *, again: bool) -> str | None:
    return idempotency_key("" if again else value.decode("latin-1").strip(), "/headers/Idempotency-Key")


def _prefers_async(value: bytes) -> bool:
    wishes = (wish.partition(b";")[0].strip().lower() for wish in value.split(b","))
    return b"respond-async" in wishes


def read_call(document: Any, tool: str, principal: Principal, size: int) -> Call:
    """The call in a body. Raises `Invalid` for its shape and `Forbidden` for actor fields that claim somebody else."""
    if not isinstance(document, dict):
        raise Invalid.because("The body is not valid.", [Fault("", "send a JSON object with `input`")])
    if not document.keys() <= _KNOWN:
        faults = [
            Fault(f"/{name}", "unknown field; what the tool takes goes inside `input`")
            for name in sorted(document.keys() - _KNOWN)
        ]
        raise Invalid.because("The body has fields that execute does not know.", faults)
    given = [document[name] for name in ("input", "payload") if document.get(name) is not None]
    if len(given) > 1 or not all(isinstance(one, dict) for one in given):
        raise Invalid.because(
            "The body is not valid.", [Fault("/input", "give one JSON object as `input` (or `payload`)")]
        )
    input_ = given[0] if given else {}
    if document.keys() <= _INPUT:
        return Call(tool, input_, size=size)
    _check_actor(document, principal)
    exception_id = document.get("exception_id", document.get("exceptionId"))
    if exception_id is not None:
        _check_label("/exception_id", exception_id)
    ids_only = _flag(document, "ids_only", "idsOnly") or False
    selection = parse_selection(document.get("select"), document.get("limit"), ids_only=ids_only)
    dry_run = _flag(document, "dry_run", "dryRun")
    if (view := document.get("view")) is not None:
        _check_label("/view", view)
    return Call(
        tool,
        input_,
        _subject(document.get("subject")),
        exception_id,
        size,
        dry_run=dry_run,
        selection=selection,
        view=view,
    )


def _flag(document: dict[str, Any], name: str, camel: str) -> bool | None:
    """A flag under either name; under both, they must agree."""
    given = {document[key] for key in (name, camel) if isinstance(document.get(key), bool)}
    if len(given) > 1 or any(not isinstance(document.get(key), bool | None) for key in (name, camel)):
        raise Invalid.because("The body is not valid.", [Fault(f"/{name}", "give true or false")])
    return given.pop() if given else None


def _subject(given: Any) -> Subject | None:
    if given is None:
        return None
    if not isinstance(given, dict) or given.keys() != {"type", "id"}:
        raise Invalid.because("The body is not valid.", [Fault("/subject", "give `type` and `id`")])
    _check_label("/subject/type", given["type"])
    _check_label("/subject/id", given["id"])
    return Subject(given["type"], given["id"])


def _check_label(path: str, value: Any) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= LABEL_LIMIT or not value.isprintable():
        raise Invalid.because(
            "The body is not valid.",
            [Fault(path, f"give a text of 1 to {LABEL_LIMIT} printable characters")],
        )


def _check_actor(document: dict[str, Any], principal: Principal) -> None:
    claims = (
        (("actor_type", "actorType"), principal.actor_type.value),
        (("actor_id", "actorId"), principal.actor_id),
    )
    for names, truth in claims:
        for name in names:
            if document.get(name) not in (None, truth):
                raise Forbidden(f"The field {name} does not agree with the credential; leave it out.")


async def send_result(result: Result, send: Send) -> None:
    """A result as execute answers it: 202 while it is not known."""
    body = dumps(
        {
            "success": result.status is Status.SUCCEEDED,
            "execution_id": result.execution_id,
            "status": result.status.value,
            "output": result.output if result.written is None else Written(result.written),
            "error": result.error,
            "execution_time_ms": result.execution_time_ms,
        }
        | ({"truncated": True} if result.truncated else {})
        | ({"approval_id": result.approval_id} if result.status is Status.AWAITING_APPROVAL else {})
    )
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if result.status is not Status.SUCCEEDED or result.replayed or result.notice:
        headers += [(name.lower().encode(), value.encode()) for name, value in _more_headers(result)]
    await send({"type": "http.response.start", "status": _status(result), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _status(result: Result) -> int:
    if result.error is None:
        return HTTPStatus.OK if result.status is Status.SUCCEEDED else HTTPStatus.ACCEPTED
    return result.http_status or STATUS.get(result.error["code"], HTTPStatus.UNPROCESSABLE_ENTITY)


def _more_headers(result: Result) -> Iterator[tuple[str, str]]:
    if result.notice is not None:
        yield from deprecation_headers(result.notice)
    if result.replayed:
        yield "Idempotency-Replayed", "true"
    if result.status in (Status.RUNNING, Status.AWAITING_APPROVAL):
        yield "Location", f"/api/v1/tools/executions/{result.execution_id}/result"
    elif result.error and result.error["details"].get("reason") == "in_progress":
        yield "Retry-After", "1"
    elif result.status is not Status.INTERRUPTED:  # nobody shall be led to send it again
        yield from headers_for(_status(result)).items()
