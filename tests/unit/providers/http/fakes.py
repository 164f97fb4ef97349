"""A client that answers what it is told and keeps what it was sent, and a small contract to vary."""

from collections.abc import Mapping
from typing import Any

from toolcrib.contracts.contract import Contract, parse_contract
from toolcrib.contracts.errors import Invalid
from toolcrib.contracts.provider import Invocation, Outcome
from toolcrib.contracts.secret import Secret
from toolcrib.kit.http import Egress, HttpReply, HttpRequest
from toolcrib.providers.http import HttpProvider, Limits

LIMITS = Limits(max_request=32_000_000, max_reply=64_000_000, seconds=120)


class FakeClient:
    """Takes everything; `answer` is a reply to give or an error to raise."""

    def __init__(self, answer: HttpReply | Exception | None = None) -> None:
        self.answer = answer or HttpReply(200, {}, b"{}")
        self.sent: list[HttpRequest] = []
        self.pools: list[str] = []

    async def send(self, pool: str, request: HttpRequest) -> HttpReply:
        self.pools.append(pool)
        self.sent.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def provider(client: FakeClient | None = None, limits: Limits = LIMITS) -> HttpProvider:
    return HttpProvider(client or FakeClient(), Egress.parse(""), limits)


def contract(*inputs: str, api: dict[str, Any] | None = None, **rest: Any) -> Contract:
    """A contract with these inputs; `api` and `rest` replace what stands here."""
    config = {
        "name": "tides.next",
        "description": "Next high tide at a harbour",
        "input_schema": {"type": "object", "properties": {name: {} for name in inputs}},
        "api": {"base_url": "https://tides.example.com/v2", "path": "next"} | (api or {}),
    }
    return parse_contract(config | rest)


def opened(secrets: Mapping[str, str | Secret]) -> dict[str, Secret]:
    return {name: one if isinstance(one, Secret) else Secret(name, one) for name, one in secrets.items()}


def invocation(given: dict[str, Any], **secrets: str | Secret) -> Invocation:
    return Invocation("exec-1", "workspace-1", given, opened(secrets))


async def run(
    of: Contract,
    given: dict[str, Any] | None = None,
    answer: HttpReply | Exception | None = None,
    **secrets: str | Secret,
) -> tuple[Outcome, list[HttpRequest]]:
    """Check, prepare and run once; the outcome and what was sent."""
    client = FakeClient(answer)
    http = provider(client)
    http.check(of)
    return await http.prepare(of).run(invocation(given or {}, **secrets)), client.sent


async def sent(of: Contract, given: dict[str, Any] | None = None, **secrets: str | Secret) -> HttpRequest:
    """The one request that a run sends."""
    outcome, requests = await run(of, given, **secrets)
    assert len(requests) == 1, outcome
    return requests[0]


def faults(of: Contract, limits: Limits = LIMITS) -> dict[str, str]:
    """What the check finds: message by place."""
    try:
        provider(limits=limits).check(of)
    except Invalid as invalid:
        return {fault["path"]: fault["message"] for fault in invalid.details["errors"]}
    return {}
