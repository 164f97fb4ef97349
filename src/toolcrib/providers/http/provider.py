"""Kind `http`: a contract checked, made ready once, and run as exactly one request for each call."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import quote

from toolcrib.contracts.contract import Contract
from toolcrib.contracts.errors import Code, EgressRefused, Invalid
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.provider import Failure, Invocation, Outcome, Success
from toolcrib.contracts.secret import Secret
from toolcrib.kit.http import (
    EgressDenied,
    HttpError,
    HttpFailed,
    HttpReply,
    HttpRequest,
    HttpTimeout,
)
from toolcrib.kit.strike import Strikes
from toolcrib.providers.http.checks import faults_of
from toolcrib.providers.http.preview import preview
from toolcrib.providers.http.reply import ReplyPlan, plan_reply
from toolcrib.providers.http.request import RequestPlan, Sizes, plan_request
from toolcrib.providers.http.target import base_url
from toolcrib.providers.http.text import UnsendableError, references
from toolcrib.providers.http.ties import SecretHost, Ties, refuse_elsewhere

DEFAULT_MAX_REQUEST = 1_000_000
DEFAULT_MAX_REPLY = 5_000_000


class Client(Protocol):
    """What sends: one request, one reply, no second attempt. Connections are shared within a pool, never across."""

    async def send(self, pool: str, request: HttpRequest, /) -> HttpReply:
        """Send it; raises `HttpError` when no whole reply comes back."""
        ...


class UrlCheck(Protocol):
    """What knows which addresses tools may call."""

    def check_url(self, url: str, /) -> object:
        """Raises `EgressDenied` for a URL that will never be called."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """The operator's maxima: bytes out, bytes back, seconds."""

    max_request: int
    max_reply: int
    seconds: float


class HttpProvider:
    """Runs contracts of kind `http`."""

    kind = "http"

    def __init__(self, client: Client, egress: UrlCheck, limits: Limits) -> None:
        self._client = client
        self._egress = egress
        self._limits = limits

    def check(self, contract: Contract) -> None:
        """Refuse what could never run: `Invalid` with every fault, or `EgressRefused` for the address."""
        faults = [*faults_of(contract), *self._above_limits(contract)]
        if faults:
            raise Invalid.because("The tool's config is not valid.", faults)
        try:
            self._egress.check_url(base_url(contract))
        except EgressDenied as denied:
            raise EgressRefused from denied

    def prepare(self, contract: Contract) -> "HttpRunnable":
        """Everything about a checked contract that each call would otherwise do again."""
        api, limits = contract.upstream, self._limits
        sizes = Sizes(
            request=min(api.max_request or DEFAULT_MAX_REQUEST, limits.max_request),
            reply=min(api.max_reply or DEFAULT_MAX_REPLY, limits.max_reply),
            seconds=min(api.timeout, limits.seconds),
        )
        return HttpRunnable(contract, self._client, plan_request(contract, sizes), plan_reply(contract))

    def _above_limits(self, contract: Contract) -> Iterator[Fault]:
        api, limits = contract.upstream, self._limits
        if "timeout" in api.model_fields_set and api.timeout > limits.seconds:
            yield Fault("/api/timeout", f"The operator allows at most {limits.seconds:g} seconds.")
        if (api.max_request or 0) > limits.max_request:
            yield Fault("/api/max_request", f"The operator allows at most {limits.max_request} bytes.")
        if (api.max_reply or 0) > limits.max_reply:
            yield Fault("/api/max_reply", f"The operator allows at most {limits.max_reply} bytes.")


class HttpRunnable:
    """One contract of kind `http`, ready to run."""

    def __init__(self, contract: Contract, client: Client, request: RequestPlan, reply: ReplyPlan) -> None:
        api = contract.upstream
        named = [name for text in (*api.headers.values(), *api.params.values()) for name in references(text)]
        self.secrets = frozenset([*named, request.credential.secret] if request.credential else named)
        self._client = client
        self._request = request
        self._reply = reply
        self._stub = api.auth.method == "oauth_stub"
        self._repeatable = contract.repeatable

    async def run(self, invocation: Invocation) -> Outcome:
        """Send the one request; whatever happens to it is an outcome."""
        if (unfit := self._unfit(invocation)) is not None:
            return unfit
        invocation = self._with_own_secrets(invocation)
        try:
            request = self._built(invocation)
            if invocation.seconds is not None and invocation.seconds < request.timeout:
                request = replace(request, timeout=invocation.seconds)
            reply = await self._client.send(invocation.workspace_id, request)
        except UnsendableError as refused:
            return _unsendable(refused)
        except HttpError as error:
            return self._not_answered(error)
        strikes = self._strikes(invocation.secrets) if self.secrets else None
        body = strikes.strike(reply.body) if strikes else reply.body
        return self._reply.read(reply.status, reply.headers, body, strikes)

    async def preview(self, invocation: Invocation) -> Outcome:
        """The request that `run` would send; nothing is sent."""
        if (unfit := self._unfit(invocation)) is not None:
            return unfit
        invocation = self._with_own_secrets(invocation)
        try:
            request = self._built(invocation)
        except UnsendableError as refused:
            return _unsendable(refused)
        except SecretHost as refused:
            return self._not_answered(refused)
        return Success(preview(request, self._strikes(invocation.secrets)))

    def _unfit(self, invocation: Invocation) -> Failure | None:
        if self._stub:
            message = (
                "The tool wants an OAuth authorization, which this release cannot get. Nothing was sent."
            )
            return Failure(Code.AUTHORIZATION_REQUIRED, message)
        missing = sorted(name for name in self.secrets if not invocation.secrets.get(name))
        if not missing:
            return None
        message = f"The secret {missing[0]} is not set in this workspace."
        return Failure(Code.SECRET_NOT_FOUND, message, {"secrets": missing})

    def _with_own_secrets(self, invocation: Invocation) -> Invocation:
        """Opened values of other tools, were any handed in, are out of reach from here on."""
        if not self.secrets:
            return invocation
        return replace(invocation, secrets={name: invocation.secrets[name] for name in self.secrets})

    def _built(self, invocation: Invocation) -> HttpRequest:
        """The request as it will be sent; its secrets stand in it, those of its callers may."""
        request = self._request.build(invocation)
        refuse_elsewhere(invocation.secrets.values(), request)
        if invocation.passed:
            Ties(invocation.passed).check(request)
        return request

    def _strikes(self, secrets: Mapping[str, Secret]) -> Strikes:
        """Each secret as it is and as it was sent: an upstream may encode what it received once more."""
        values = [(name, form) for name, secret in secrets.items() for form in _sent(secret)]
        credential = self._request.credential
        if credential is not None:
            values += [(credential.secret, form) for form in credential.basic_forms(secrets)]
        return Strikes(values)

    def _not_answered(self, error: HttpError) -> Failure:
        match error:
            case EgressDenied(reason=None):
                return Failure(Code.EGRESS_DENIED, EgressRefused().message)
            case EgressDenied():
                return Failure(Code.EGRESS_DENIED, str(error), {"reason": error.reason})
            case HttpTimeout():
                return Failure(
                    Code.UPSTREAM_TIMEOUT, "The upstream did not answer in time.", retryable=self._repeatable
                )
            case HttpFailed(reason="too_large", sent=False):
                return _unsendable(UnsendableError("The request would be larger than this tool may send."))
            case HttpFailed():
                retryable = self._repeatable or not error.sent
                return Failure(code_of(error), str(error), {"reason": error.reason}, retryable)
            case _:
                return Failure(Code.UPSTREAM_ERROR, "The upstream gave no usable answer.")


def code_of(failed: HttpFailed) -> Code:
    """Whose fault it is: a proxy that is away is the operator's to mend, all else the upstream's."""
    return Code.UNAVAILABLE if failed.reason == "proxy_away" else Code.UPSTREAM_ERROR


def _sent(secret: Secret) -> set[str]:
    value = secret.reveal()
    return {value, quote(value, safe="")}


def _unsendable(refused: UnsendableError) -> Failure:
    return Failure(
        Code.VALIDATION_ERROR, refused.message, {"errors": [Fault(refused.path, refused.message).as_json()]}
    )
