"""What a person is asked to agree to, and whether it is still that: one digest over the whole of a call.

It covers who calls in which workspace, with which rights; the tool and its contract; the input and what the call is about;
the request or the words that a dry run shows; the rules and the secrets that the decision read; and until when.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from toolcrib.contracts.approval import Approval, ApprovalState, Request
from toolcrib.contracts.disguise import disguises
from toolcrib.contracts.errors import (
    Code,
    Conflict,
    Forbidden,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from toolcrib.contracts.execution import Call, Status, Subject
from toolcrib.contracts.principal import ActorType, Permission, Principal
from toolcrib.contracts.provider import Failure, Invocation
from toolcrib.contracts.redaction import struck_places
from toolcrib.identity.service import Roster
from toolcrib.kit.db import DatabaseUnavailable
from toolcrib.kit.ids import new_id
from toolcrib.kit.json import canonical, dumps, loads_own
from toolcrib.ledger.service import Asking, Granting
from toolcrib.policy.service import permits
from toolcrib.policy.stakes import objection

from .bindings import Reached
from .deciding import Decisions
from .desk import Counter
from .facts import Facts, Stores
from .keeping import shown
from .records import Checked, Decided, Held, Refusal, refuse
from .rehearsal import rehearse

_FORM: Final = "toolcrib-approval-1"
_MINUTE: Final = 60
_TOO_MUCH: Final = (
    "So much of this input may be secret that nobody could see what to agree to; send less of it at once."
)


class Changed(Exception):
    """Something that an approval covers is not as it was; `what` names the parts."""

    def __init__(self, *what: str) -> None:
        self.what = what
        super().__init__(", ".join(what))


def too_late(state: ApprovalState | None = None) -> Conflict:
    """The answer to whoever decides what is decided already, or over; as far as it is known how."""
    how = "decided already, or its time is over" if state is None else f"{state} already"
    return Conflict(f"This approval is {how}; nobody can decide it now.", reason="ended")


def too_many() -> RateLimited:
    """The refusal of a call that would wait where too many do."""
    return RateLimited(
        "Too many calls wait for a person already; let some be decided first: GET /api/v1/approvals?state=pending.",
        limit="approvals", kind="server", name="*", retry_after=_MINUTE,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Waited:
    """A call that has waited: the approval, the digests of its parts, and who agrees now."""

    approval: Approval
    call: Call
    parts: Mapping[str, str]
    approver: Principal


class Askings:
    """Makes approvals of calls that are held, and finds the same calls again. They wait for so many seconds."""

    def __init__(self, stores: Stores, decisions: Decisions, seconds: int) -> None:
        self._stores = stores
        self.decisions = decisions
        self._seconds = seconds

    async def asked(self, decided: Decided, held: Held, execution_id: str) -> Decided:
        """The decision with the approval that its call asks for, or with why it cannot be shown to anybody."""
        preview = await self._preview(decided, held, execution_id)
        if isinstance(preview, Failure):
            return replace(decided, verdict=Refusal(Status.FAILED, preview))
        seen = shown(held.ready, decided.call.input, preview, held.secrets)
        if seen is None:
            return replace(decided, verdict=refuse(Status.FAILED, Code.VALIDATION_ERROR, _TOO_MUCH))
        expires_at = await self._in_time()
        parts = self._parts(decided, held, preview, expires_at)
        asking = Asking(
            new_id("apr"), _digest(parts), held.stakes.reasons, held.stakes.second, b"", expires_at
        )
        document = {
            "call": _document(decided),
            "parts": parts,
            "shown": seen,
        }
        who, tool = decided.who, decided.tool
        place = _place(
            who.workspace_id, asking, execution_id, [tool.id, tool.name, tool.version], who.key_id,
            [who.actor_type.value, who.actor_id, who.on_behalf_of],
        )  # fmt: skip
        sealed = self._stores.vault.seal_call(who.workspace_id, place, dumps(document))
        asking = replace(asking, sealed=sealed)
        return replace(decided, verdict=replace(held, asking=asking))

    async def agreed(
        self, counter: Counter, principal: Principal, waited: Waited, reached: Reached
    ) -> Decided:
        """The decision of a call that has waited, as it is now. Raises `Changed` where the person would agree to something else,
        `Forbidden` and `Unauthorized` where the person may not agree any more.
        """
        try:
            decided = await self.decisions.decide_call(counter, principal, waited.call, reached)
        except (NotFound, Unauthorized, Forbidden) as gone:
            raise Changed("tool" if isinstance(gone, NotFound) else "caller") from gone
        approval, held = waited.approval, decided.verdict
        self.refuse_objection(decided.facts.roster, waited.approver, approval)
        if not isinstance(held, Held):
            lacks = isinstance(held, Refusal) and held.failure.code == Code.SECRET_NOT_FOUND
            raise Changed("secrets" if lacks else "rules")
        preview = await self._preview(decided, held, approval.execution_id)
        if isinstance(preview, Failure):
            raise Changed("request")
        parts = self._parts(decided, held, preview, approval.expires_at)
        changed = [name for name, digest in parts.items() if waited.parts.get(name) != digest]
        if changed or _digest(parts) != approval.digest:
            raise Changed(*changed)
        verdict = self.decisions.judge(decided.facts, decided.who, decided.tool, held.bound, approved=True)
        assert isinstance(verdict, Checked)  # noqa: S101 only the missing yes held it
        by = waited.approver
        granted = Granting(approval.id, approval.digest, by.actor_type.value, by.actor_id)
        return replace(decided, verdict=replace(verdict, granted=granted))

    def requester(self, facts: Facts, approval: Approval) -> Principal:
        """Who asked, as it is by these facts. Raises `Changed` where it is nobody any more."""
        found = facts.roster.principal(approval.key_id)
        if found is None:
            raise Changed("caller")
        return found

    def refuse_objection(self, roster: Roster, principal: Principal, approval: Approval) -> Principal:
        """Raises `Forbidden` where this principal, as it is by these facts, may not agree."""
        who = self._stores.identity.again(roster, principal)
        if not permits(who, Permission.APPROVALS_DECIDE):
            raise Forbidden(
                f"This credential lacks the permission {Permission.APPROVALS_DECIDE}.",
                permission=Permission.APPROVALS_DECIDE.value,
            )
        why = objection(who, approval)
        if why is None and approval.second and self._is_first(roster, who, approval):
            why = (
                "The workspace wants a second person, and you stand behind this call: you made the agent's key that asks, or whoever "
                "asked made yours. Another owner or admin can agree, best one who signs in."
            )
        if why is not None:
            raise Forbidden(why, approval_id=approval.id)
        return who

    def _is_first(self, roster: Roster, who: Principal, approval: Approval) -> bool:
        """Whether one stands behind the other by their keys: who asked made this one, at any remove, or this one made the
        agent's that asked.
        """
        identity, is_person = self._stores.identity, approval.actor_type == ActorType.USER.value
        key = None if is_person else roster.keys.get(approval.key_id)
        asked = {approval.actor_id, approval.on_behalf_of}
        return (key is not None and key.created_by == who.actor_id) or not asked.isdisjoint(
            identity.makers(roster, who.key_id)
        )

    def opened(self, approval: Approval, sealed: bytes) -> tuple[Call, dict[str, str], Request]:
        """What an approval seals: the call, the digests of its parts, and what a person is shown. Raises `Changed` where it
        does not open here.
        """
        place = _place(
            approval.workspace_id, approval, approval.execution_id, [approval.tool_id, approval.tool, approval.tool_version],
            approval.key_id, [approval.actor_type, approval.actor_id, approval.on_behalf_of],
        )  # fmt: skip
        written = self._stores.vault.open_call(approval.workspace_id, place, sealed)
        if written is None:
            raise Changed("seal")
        document: Any = loads_own(written)
        told = document["call"]
        subject = Subject(**told["subject"]) if told["subject"] else None
        call = Call(
            told["tool"], told["input"], subject, told["exception_id"], told["size"], dry_run=False, view=told["view"]
        )  # fmt: skip
        seen = {"input": document["shown"]["input"], "preview": document["shown"]["preview"]}
        request = Request(
            seen["input"], seen["preview"], subject, disguises(seen), tuple(struck_places(seen))
        )
        return call, document["parts"], request

    def _parts(self, decided: Decided, held: Held, preview: Any, expires_at: int) -> dict[str, str]:
        """A digest of each part that an approval covers, so that it can be told which one has changed."""
        who, tool, call = decided.who, decided.tool, decided.call
        covered = {
            "caller": [
                who.workspace_id, who.actor_type.value, who.actor_id, who.on_behalf_of, who.key_id, who.role.value, who.read_only,
                who.looks_only, sorted(who.tools) if who.tools is not None else None,
                sorted([grant.name, grant.expires_at or 0] for grant in who.grants),
            ],
            "tool": [tool.id, tool.name, tool.version, tool.digest],
            "input": [call.input, asdict(call.subject) if call.subject else None, call.exception_id, call.view],
            "request": preview,
            "rules": [asdict(decided.facts.about(tool)), held.stakes.reasons, held.stakes.document(), _seen(held)],
            "secrets": [
                [name, secret.version, secret.hosts, self._stores.vault.known_by(secret)] for name, secret in sorted(held.secrets.items())
            ],
            "expiry": expires_at,
        }  # fmt: skip
        return {name: hashlib.sha256(canonical(part)).hexdigest() for name, part in covered.items()}

    async def _preview(self, decided: Decided, held: Held, execution_id: str) -> Any:
        """What the call would do, as its provider shows it; a `Failure` where it could not even be made."""
        call = decided.call
        invocation = Invocation(
            execution_id,
            decided.who.workspace_id,
            call.input,
            held.secrets,
            held.ready.seconds,
            None,
            call.hidden,
        )
        outcome = await rehearse(held.ready, invocation)
        return outcome if isinstance(outcome, Failure) else outcome.output

    async def _in_time(self) -> int:
        """Until when an approval holds that is asked for now, by the database's clock."""
        try:
            return await self._stores.ledger.waiting.now() + self._seconds * 1_000_000
        except DatabaseUnavailable as error:
            raise Unavailable from error


def _document(decided: Decided) -> dict[str, Any]:
    """What has to be known to make the same call again; secrets that lie between cannot be, and no such call waits."""
    call = decided.call
    return {
        "tool": decided.tool.id,
        "input": call.input,
        "subject": asdict(call.subject) if call.subject else None,
        "exception_id": call.exception_id,
        "size": call.size,
        "view": call.view,
    }


def _seen(held: Held) -> Any:
    """The view that the call is made in, as it is declared."""
    view = held.bound.about.view
    return None if view is None else repr(view)


def _digest(parts: Mapping[str, str]) -> str:
    return hashlib.sha256(canonical([_FORM, *sorted(parts.items())])).hexdigest()


def _place(
    workspace: str, asked: Asking | Approval, execution_id: str, tool: Sequence[str], key_id: str, who: Sequence[str | None]
) -> str:  # fmt: skip
    """Where a seal opens, and nowhere else: nobody who can only write to the database moves it, or changes who may agree."""
    about = [asked.id, asked.digest, list(asked.reasons), asked.second, asked.expires_at]
    return dumps([_FORM, workspace, execution_id, about, list(tool), key_id, list(who)]).decode()
