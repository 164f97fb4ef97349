"""`Crib`: the whole house in this process, with no server. Everything goes over the same counter as through a door."""

import importlib
import importlib.metadata
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack, overload

from toolcrib.contracts.approval import Approval, ApprovalState, Request
from toolcrib.contracts.context import ToolBrief
from toolcrib.contracts.define import ToolDefinition
from toolcrib.contracts.errors import Conflict, Invalid, NotFound, Unauthorized
from toolcrib.contracts.execution import Call, Execution, Result, Subject, idempotency_key
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.model_tools import function_tool
from toolcrib.contracts.pack import Pack
from toolcrib.contracts.principal import ActorType, NewKey, Principal, Role
from toolcrib.contracts.selection import parse_selection
from toolcrib.gateway import Gateway
from toolcrib.gateway.tools import ToolView, Validation
from toolcrib.kit.json import JsonRefused, dumps, loads

from .keys import OWNER_KEY
from .settings import Settings
from .wiring import House

Who = Principal | str
"""A principal, or the text of an API key."""
Given = Mapping[str, Any] | str
"""An input, or its JSON text as models write it."""
_ALL = 1_000_000_000


class CallOptions(TypedDict, total=False):
    """What a call may say beside its input; each means what it means to `execute`."""

    principal: Who | None
    subject: Subject | None
    exception_id: str | None
    idempotency_key: str | None
    dry_run: bool | None
    select: Sequence[str] | None
    wait: bool
    view: str | None


class Crib:
    """`async with Crib() as crib:` is a house on a database of its own that is gone afterwards.

    `data_dir` keeps it, as a server would; `database_url` names another database. `egress_allow` lists the private
    upstreams that tools may call, as TOOLCRIB_EGRESS_ALLOW does. Who calls is the owner unless a `principal` is named.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path | None = None,
        database_url: str = "",
        egress_allow: str | Sequence[str] = (),
        root_key: str = "",
    ) -> None:
        self._kept = data_dir if data_dir is not None or not database_url else "./.toolcrib"
        self._database_url = database_url
        self._egress = egress_allow if isinstance(egress_allow, str) else ",".join(egress_allow)
        self._root_key = root_key
        self._stack = AsyncExitStack()
        self._house: House | None = None
        self._owner: Principal | None = None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            folder = self._kept or stack.enter_context(tempfile.TemporaryDirectory(prefix="toolcrib-"))
            settings = Settings.read(self._settings(str(folder)))
            self._house = await stack.enter_async_context(_opened(settings))
            key = _text(settings.data_dir / OWNER_KEY)
            self._owner = None if key is None else await self.principal(key)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._house = self._owner = None
        await self._stack.__aexit__(kind, error, trace)

    @property
    def gateway(self) -> Gateway:
        """The counter itself, for all that has no method here."""
        if self._house is None:
            raise RuntimeError("This crib is not open; use it inside `async with Crib() as crib:`.")
        return self._house.gateway

    @overload
    async def register(self, tool: Pack, *, principal: Who | None = None) -> list[str]: ...
    @overload
    async def register(
        self, tool: Mapping[str, Any] | Callable[..., Any], *, principal: Who | None = None
    ) -> str: ...
    async def register(self, tool: Any, *, principal: Who | None = None) -> str | list[str]:
        """Register a JSON config, a function under `@tool`, or a pack; answers the name, of a pack all names.

        Functions run in this process, as tools of all workspaces. Raises `ToolcribError`.
        """
        who = await self.principal(principal)
        if isinstance(tool, Mapping):
            return (await self.gateway.tools.register(who, _json(tool, "The config"))).name
        pack = tool if isinstance(tool, Pack) else _pack_of(tool)
        await self.gateway.tools.operator_only(who)
        await self._refuse_taken(who, pack)
        await self._running().bring(pack)
        names = [definition.name for definition in pack.definitions]
        return names if isinstance(tool, Pack) else names[0]

    async def update(self, tool: str, config: Mapping[str, Any], *, principal: Who | None = None) -> str:
        """Publish a new version of a config; answers the version."""
        who = await self.principal(principal)
        return (await self.gateway.versions.update(who, tool, _json(config, "The config"))).version

    async def delete(self, tool: str, *, principal: Who | None = None) -> None:
        """Take a tool out of the catalog; its executions stay."""
        await self.gateway.versions.delete(await self.principal(principal), tool)

    async def call(
        self, tool: str, input: Given | None = None, **options: Unpack[CallOptions]  # noqa: A002 the word of the contract
    ) -> Result:  # fmt: skip
        """Call a tool by its name, or by the name that models see, with an object or its JSON text. A call that was refused or
        failed is a result too; raises `ToolcribError` where there is no such tool or caller, where the input is no JSON object,
        and where the idempotency key is none.
        """
        given = _input(input)
        who = await self.principal(options.get("principal"))
        select = options.get("select")
        selection = parse_selection(None if select is None else list(select), None, ids_only=False)
        call = Call(
            tool, given, options.get("subject"), options.get("exception_id"), len(dumps(given)),
            idempotency_key(options.get("idempotency_key"), "/idempotency_key"), options.get("wait", True), options.get("dry_run"), selection,
            options.get("view"),
        )  # fmt: skip
        return await self.gateway.calls.call_tool(who, call)

    async def validate(
        self, tool: str, input: Given | None = None, *, principal: Who | None = None  # noqa: A002 as in `call`
    ) -> Validation:  # fmt: skip
        """The faults of an input and what policy says, before any call. Runs and records nothing."""
        who = await self.principal(principal)
        return await self.gateway.tools.validate(who, Call(tool, _input(input)))

    async def list_tools(self, *, view: str | None = None, principal: Who | None = None) -> list[ToolBrief]:
        """The tools that the caller may call now, by name; with a `view`, those of that view. Raises `NotFound`."""
        return [ToolBrief.of(found.config) for found in await self._callable(principal, view)]

    async def openai_tools(
        self, *, view: str | None = None, principal: Who | None = None
    ) -> list[dict[str, Any]]:
        """The same tools as the `tools` of a request to the Responses API; `call` takes the names that stand there."""
        return [function_tool(found.config) for found in await self._callable(principal, view)]

    async def tool(self, tool: str, *, principal: Who | None = None) -> ToolView:
        """One tool with its stored contract, and whether it is enabled."""
        view = await self.gateway.tools.get(await self.principal(principal), tool)
        return replace(view, config=deepcopy(view.config))

    async def set_enabled(self, tool: str, enabled: bool, *, principal: Who | None = None) -> None:  # noqa: FBT001 reads as it is said
        """Let a tool be called in the caller's workspace, or refuse all its calls."""
        await self.gateway.tools.set_enabled(await self.principal(principal), tool, enabled=enabled)

    async def set_secret(
        self, name: str, value: str, *, hosts: Sequence[str] | None = None, principal: Who | None = None
    ) -> None:
        """Set or replace a secret; it comes out only in calls, and with `hosts` goes only there."""
        await self.gateway.secrets.set(await self.principal(principal), name, value, hosts)

    async def executions(
        self, *, limit: int = 50, principal: Who | None = None, **filters: Any
    ) -> Sequence[Execution]:
        """The ledger, newest first, without payloads; filtered by `tool`, `status`, `actor` and what else the API takes."""
        return await self.gateway.history.list(await self.principal(principal), limit, filters)

    async def execution(self, execution_id: str, *, principal: Who | None = None) -> Execution:
        """One call of the ledger, with its input and output as they are kept."""
        return await self.gateway.history.get(await self.principal(principal), execution_id)

    async def approvals(
        self, *, state: str | None = None, limit: int = 50, principal: Who | None = None
    ) -> Sequence[Approval]:
        """The calls that wait for a person, or waited, newest first; `state` is such as `pending`."""
        who = await self.principal(principal)
        return await self.gateway.approvals.list(who, limit, None if state is None else _state(state), None)

    async def approval(
        self, approval_id: str, *, principal: Who | None = None
    ) -> tuple[Approval, Request | None]:
        """One of them, and the call itself while it waits, for who may agree to it and for who asked."""
        return await self.gateway.approvals.get(await self.principal(principal), approval_id)

    async def approve(self, approval_id: str, *, principal: Who | None = None) -> Result:
        """Agree: the call runs, and this answers as `call` would have. Raises `Forbidden`, and `Conflict` where it is
        decided already, its time is over, or something that it covers has changed.
        """
        return await self.gateway.approvals.approve(await self.principal(principal), approval_id)

    async def deny(
        self, approval_id: str, note: str | None = None, *, principal: Who | None = None
    ) -> Approval:
        """Refuse: the call never runs. Raises as `approve` does."""
        return await self.gateway.approvals.deny(await self.principal(principal), approval_id, note)

    async def create_key(
        self, name: str, *, actor_type: str = "agent", role: str = "member", tools: Sequence[str] | None = None
    ) -> str:  # fmt: skip
        """The text of a new key of the owner's workspace, good as `principal` of every call here."""
        limited = None if tools is None else tuple(tools)
        wanted = NewKey(name, ActorType(actor_type), Role(role), limited)
        _, text = await self.gateway.keys.create(await self.principal(None), wanted)
        return text

    async def principal(self, who: Who | None = None) -> Principal:
        """Whom a key stands for; without one, the owner. Raises `Unauthorized`."""
        if isinstance(who, str):
            return await self.gateway.credentials.principal(who)
        found = who or self._owner
        if found is None:
            self._running()
            raise Unauthorized(
                "The data directory holds no owner.key; name a principal, or the text of a key."
            )
        return found

    async def _callable(self, principal: Who | None, view: str | None) -> Sequence[ToolView]:
        return await self.gateway.tools.callable(await self.principal(principal), _ALL, None, view)

    async def _refuse_taken(self, who: Principal, pack: Pack) -> None:
        """Behind a tool of the workspace the function would never be reached, and one function cannot become another."""
        for definition in pack.definitions:
            try:
                found = (await self.tool(definition.name, principal=who)).config
            except NotFound:
                continue
            loaded = self._running().function(pack.name, definition.name)
            if found["kind"] != "python" or (loaded is not None and loaded is not definition.function):
                raise Conflict(
                    f"There is a tool {definition.name} already; give the function another name.",
                    reason="name_taken",
                    name=definition.name,
                )

    def _running(self) -> House:
        _ = self.gateway
        assert self._house is not None  # noqa: S101 the line above has asked
        return self._house

    def _settings(self, data_dir: str) -> dict[str, str]:
        given = {
            "TOOLCRIB_DATA_DIR": data_dir, "TOOLCRIB_DATABASE_URL": self._database_url,
            "TOOLCRIB_EGRESS_ALLOW": self._egress, "TOOLCRIB_ROOT_KEY": self._root_key,
            "TOOLCRIB_ENV": os.environ.get("TOOLCRIB_ENV", ""),
        }  # fmt: skip
        return {name: value for name, value in given.items() if value}


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[House]:
    migrate = importlib.import_module("toolcrib.migrations.fresh").bring_up
    house = House(settings, importlib.metadata.version("toolcrib"), listens=False)
    try:
        await house.start(migrate)
        yield house
    finally:
        await house.stop()


def _text(path: Path) -> str | None:
    return path.read_text("utf-8").strip() if path.exists() else None


def _pack_of(function: object) -> Pack:
    """A function by itself is a pack of its own, of the tool's name."""
    found = getattr(function, "tool", None)
    if not isinstance(found, ToolDefinition):
        raise TypeError(f"{function!r} is no tool: give a JSON config, a Pack, or a function under @tool.")
    return Pack(found.name, "1.0.0", tools=[found.function])


def _input(given: Given | None) -> dict[str, Any]:
    """An input as it was given, or read from a model's text."""
    try:
        read = loads(given.encode("utf-8", "surrogatepass")) if isinstance(given, str) else given
    except JsonRefused as refused:
        raise Invalid.because("The input is not acceptable JSON.", [Fault("", refused.reason)]) from refused
    if read is not None and not isinstance(read, Mapping):
        raise Invalid.because("The input is not valid.", [Fault("", "give one JSON object")])
    return _json({} if read is None else read, "The input")


def _state(given: str) -> ApprovalState:
    try:
        return ApprovalState(given)
    except ValueError as error:
        fault = Fault("/state", f"give one of {', '.join(ApprovalState)}")
        raise Invalid.because("There is no such state.", [fault]) from error


def _json(value: Mapping[str, Any], what: str) -> dict[str, Any]:
    """As it would come through a door: a copy, and JSON only."""
    try:
        read = loads(dumps(dict(value)))
    except JsonRefused as refused:
        raise Invalid.because(f"{what} is not acceptable JSON.", [Fault("", refused.reason)]) from refused
    assert isinstance(read, dict)  # noqa: S101 it was written from one
    return read
