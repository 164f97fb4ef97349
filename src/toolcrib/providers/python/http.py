"""Requests of a tool's own code: the guarded client behind the face that packs see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from toolcrib.contracts.errors import Code, EgressRefused
from toolcrib.contracts.failures import RequestFailed
from toolcrib.kit.http import (
    EgressDenied,
    HttpError,
    HttpFailed,
    HttpReply,
    HttpRequest,
    HttpTimeout,
    send_following,
)
from toolcrib.kit.json import JsonRefused, dumps, loads
from toolcrib.providers.http import Client, Limits, Ties, code_of

_USUAL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as strict JSON."""
        try:
            return loads(self.body)
        except JsonRefused as refused:
            message = (
                f"The upstream answered {self.status} with what is not acceptable JSON: {refused.reason}"
            )
            raise RequestFailed(Code.UPSTREAM_ERROR, message, reason="invalid_json") from None


class PackHttp:
    """One run's way out; connections are shared within its workspace only, and what its secrets are tied to is kept."""

    def __init__(
        self, client: Client, workspace: str, limits: Limits, ties: Ties, left: Callable[[], float]
    ) -> None:
        self._client = client
        self._workspace = workspace
        self._limits = limits
        self._ties = ties
        self._left = left

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        body: bytes | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 the client keeps it, per hop
    ) -> Answer:
        """Send it, and follow redirects within its origin."""
        sent = dict(headers or {})
        if json is not None:
            body = dumps(json)
            if "content-type" not in {name.lower() for name in sent}:
                sent["Content-Type"] = "application/json"
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params, doseq=True)
        seconds = min(timeout or _USUAL_SECONDS, self._limits.seconds, max(self._left(), 0.001))
        request = HttpRequest(
            method.upper(), url, tuple(sent.items()), body, seconds, self._limits.max_request, self._limits.max_reply
        )  # fmt: skip
        try:
            reply = await send_following(self._send, self._workspace, request)
        except HttpError as error:
            raise _told(error) from error
        return Answer(reply.status, reply.headers, reply.body)

    async def _send(self, pool: str, request: HttpRequest) -> HttpReply:
        self._ties.check(request)
        return await self._client.send(pool, request)


def _told(error: HttpError) -> RequestFailed:
    match error:
        case EgressDenied(reason=None):
            return RequestFailed(Code.EGRESS_DENIED, EgressRefused().message, sent=error.sent)
        case EgressDenied():
            return RequestFailed(Code.EGRESS_DENIED, str(error), reason=error.reason, sent=error.sent)
        case HttpTimeout():
            return RequestFailed(Code.UPSTREAM_TIMEOUT, str(error), sent=error.sent)
        case HttpFailed():
            return RequestFailed(code_of(error), str(error), reason=error.reason, sent=error.sent)
        case _:
            return RequestFailed(Code.UPSTREAM_ERROR, str(error), sent=error.sent)
