"""What a shell offers where a name or an id stands: what the server has, as far as it answers at once."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import typer

from toolcrib.contracts.approval import ApprovalState
from toolcrib.contracts.execution import EventType, Status
from toolcrib.contracts.principal import ActorType, Role
from toolcrib.contracts.security import SecurityKind

from .refused import Refused
from .session import API, Session

_SECONDS = 1.0
_PAGE, _NEWEST = 200, 20
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""What is offered: shells evaluate it, so a server's free text never is, not even as a description beside a name."""


def tool_names(context: typer.Context, incomplete: str) -> list[str]:
    """Names of tools that begin so."""
    return _offered(_asked(context, "/tools", _from(incomplete)).get("tools"), incomplete, "name")


def secret_names(context: typer.Context, incomplete: str) -> list[str]:
    """Names of secrets that begin so."""
    return _offered(_asked(context, "/secrets", _from(incomplete)).get("items"), incomplete, "name")


def execution_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of the newest calls that begin so."""
    found = _asked(context, "/tools/executions", {"limit": str(_PAGE if incomplete else _NEWEST)})
    return _offered(found.get("items"), incomplete, "execution_id")


def approval_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of pending approvals that begin so."""
    found = _asked(context, "/approvals", {"state": ApprovalState.PENDING.value})
    return _offered(found.get("items"), incomplete, "approval_id")


def key_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of keys that begin so."""
    return _offered(_asked(context, "/keys", _from(incomplete)).get("items"), incomplete, "id")


def workspace_names(context: typer.Context, incomplete: str) -> list[str]:
    """Names of workspaces that begin so."""
    return _offered(_asked(context, "/workspaces", {}).get("items"), incomplete, "name")


def member_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of members that begin so."""
    workspace = _asked(context, "/me", {}).get("workspace_id")
    found = _asked(context, f"/workspaces/{workspace}/members", _from(incomplete)) if workspace else {}
    return _offered(found.get("items"), incomplete, "id")


def one_of(*words: str) -> Callable[[str], list[str]]:
    """Words that are known without asking."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


roles = one_of(*Role)
actor_types = one_of(*(kind for kind in ActorType if kind is not ActorType.SYSTEM))
statuses = one_of(*Status)
approval_states = one_of(*ApprovalState)
event_types = one_of(*EventType)
security_kinds = one_of(*SecurityKind)


def _asked(context: typer.Context, path: str, query: dict[str, str]) -> dict[str, Any]:
    """A page; nothing where the server does not answer. A shell shows no errors here."""
    whole = context.find_root().params
    session = Session(
        context.params.get("url") or whole.get("url"),
        workspace=context.params.get("at") or whole.get("workspace"),
    )
    asked = session.exchange("GET", API + path, query={"limit": str(_PAGE)} | query, seconds=_SECONDS)
    try:
        page = asyncio.run(asked).document
    except Refused:
        return {}
    return page if isinstance(page, dict) else {}


def _from(incomplete: str) -> dict[str, str]:
    """Such lists are in order, so one page from just before what is typed is enough."""
    from toolcrib.kit.paging import encode  # noqa: PLC0415 only here

    return {"cursor": encode(incomplete[:-1])} if len(incomplete) > 1 else {}


def _offered(items: Any, incomplete: str, name: str) -> list[str]:
    known = [str(one.get(name)) for one in items or () if isinstance(one, dict)]
    return [text for text in known if text.startswith(incomplete) and _PLAIN.fullmatch(text)]
