"""A desk that answers what it is told, and a short way to run one function as the gateway would."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.fakes import FakeClock
from tests.unit.providers.http.fakes import LIMITS, FakeClient, opened
from toolcrib import Pack
from toolcrib.contracts.context import Progress, ToolBrief
from toolcrib.contracts.contract import Contract, parse_contract
from toolcrib.contracts.execution import Result, Status, Subject
from toolcrib.contracts.principal import ActorType, Principal, Role
from toolcrib.contracts.provider import Invocation, Outcome
from toolcrib.contracts.secret import Secret
from toolcrib.providers.http import Limits
from toolcrib.providers.python import LoadedPack, PythonProvider, Slots

SUBJECT = Subject("view", "v1")
PRINCIPAL = Principal("w1", ActorType.AGENT, "agent:a", Role.MEMBER, "key")


@dataclass
class FakeDesk:
    """Answers calls with `result`, or raises it."""

    result: Result | Exception = field(
        default_factory=lambda: Result("exe_2", Status.SUCCEEDED, {"ok": True}, None, 0)
    )
    principal: Principal = PRINCIPAL
    subject: Subject | None = SUBJECT
    called: list[tuple[str, dict[str, Any], int]] = field(default_factory=list)
    heard: list[Progress] = field(default_factory=list)

    async def call(self, tool: str, given: dict[str, Any], size: int) -> Result:
        self.called.append((tool, given, size))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    async def list_tools(self) -> list[ToolBrief]:
        return [ToolBrief("a.b", None, "d", {}, None)]

    def progress(self, progress: Progress) -> None:
        self.heard.append(progress)


def provider(
    *functions: Callable[..., Any],
    client: FakeClient | None = None,
    limits: Limits = LIMITS,
    slots: Slots | None = None,
    tracebacks: bool = False,
) -> PythonProvider:
    """A provider with one pack `test` that holds these functions, and a setting."""
    pack = LoadedPack(Pack("test", "1.0.0", tools=functions), {"BASE": "here"})
    return PythonProvider([pack], client or FakeClient(), limits, FakeClock(), slots, tracebacks=tracebacks)


def contract_of(function: Any, **parts: Any) -> Contract:
    return parse_contract(function.tool.in_pack("test") | parts)


def invocation(
    given: dict[str, Any] | None = None,
    seconds: float = 20,
    workspace: str = "w1",
    desk: FakeDesk | None = None,
    **secrets: str | Secret,
) -> Invocation:
    return Invocation("exe_1", workspace, given or {}, opened(secrets), seconds, desk or FakeDesk())


async def run(function: Any, given: dict[str, Any] | None = None, **parts: Any) -> Outcome:
    """Check, prepare and run once; `parts` go to the invocation, `client` and `limits` to the provider."""
    own = {name: parts.pop(name) for name in ("client", "limits", "slots", "tracebacks") if name in parts}
    python = provider(function, **own)
    contract = contract_of(function)
    python.check(contract)
    try:
        return await python.prepare(contract).run(invocation(given, **parts))
    finally:
        python.close()
