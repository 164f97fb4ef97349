"""Which calls a person has to agree to: those that a contract calls high in impact, and those that a workspace's own rules
name by tool, effects and input.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from toolcrib.contracts.approval import Approval
from toolcrib.contracts.errors import NotFound
from toolcrib.contracts.principal import ActorType, Principal, Role
from toolcrib.contracts.schema import CompiledSchema, compile_schema
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Row, Tx
from toolcrib.kit.json import dumps, loads_own

from . import queries
from .service import ToolFacts

_HIGH = "its impact is high"
_MOST_JUDGED: Final = 8
_LARGEST_JUDGED: Final = 65_536
"""Conditions that are looked at for a call, and bytes of an input that they are: each costs as validating may."""


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """Calls of this tool, of tools with one of these effects, whose input this schema matches: of all that is named. With
    `second` another person agrees than the one who asked, or in whose name it was asked.
    """

    name: str
    tool: str | None = None
    effects: tuple[str, ...] = ()
    when: Mapping[str, Any] | None = None
    second: bool = False
    compiled: CompiledSchema | None = field(default=None, repr=False, compare=False)

    def concerns(self, tool: ToolFacts) -> bool:
        """Whether it is about calls of this tool, whatever their input."""
        return self.tool in (None, tool.name) and (not self.effects or tool.effects in self.effects)


@dataclass(frozen=True, slots=True)
class Stakes:
    """What is at stake in a call, in words, and the rules that say so."""

    reasons: tuple[str, ...] = ()
    rules: tuple[ApprovalRule, ...] = ()

    @property
    def second(self) -> bool:
        """Whether another person has to agree than the one who asked."""
        return any(rule.second for rule in self.rules)

    def document(self) -> list[Any]:
        """The rules as they are, for a digest."""
        return [
            [
                rule.name,
                rule.tool,
                list(rule.effects),
                None if rule.when is None else dict(rule.when),
                rule.second,
            ]
            for rule in self.rules
        ]


NONE: Final = Stakes()


@dataclass(frozen=True, slots=True)
class WorkspaceRules:
    """The rules of one workspace as of one generation, by name."""

    rows: Mapping[str, ApprovalRule] = field(default_factory=dict)

    def at_stake(
        self, tool: ToolFacts, given: Mapping[str, Any] | None, *, size: int = 0, high: bool
    ) -> Stakes:
        """What is at stake in a call that is really made; `high`: the tool's contract says so of its impact. An input that is
        not known yet may be any, so conditions on it say nothing; one of a `size` that is too large, or that cannot be judged
        within the budget, matches, and so it does all conditions after the first few.
        """
        if not high and not self.rows:
            return NONE
        rules, judged = [], 0
        for rule in self.rows.values():
            if not rule.concerns(tool):
                continue
            if (
                rule.compiled is not None
                and given is not None
                and size <= _LARGEST_JUDGED
                and judged < _MOST_JUDGED
            ):
                judged += 1
                matches = rule.compiled.may_match(given)
            else:
                matches = rule.compiled is None or given is not None
            if matches:
                rules.append(rule)
        said = (_HIGH,) if high else ()
        return Stakes((*said, *(f"the rule {rule.name} of this workspace" for rule in rules)), tuple(rules))


def objection(who: Principal, asked: Approval) -> str | None:
    """Why this principal may not agree to a call; None where it may. It is for the person in whose name the call was made;
    where nobody is, or the workspace wants a second person, for an owner or an admin.
    """
    if who.actor_type is not ActorType.USER or who.tools is not None:
        return (
            "A person agrees to calls; the key of an agent or a service, or one limited to tools, never does."
        )
    person = asked.on_behalf_of or (asked.actor_id if asked.actor_type == ActorType.USER.value else None)
    if person is not None and not asked.second:
        return None if who.actor_id == person else f"{person}, in whose name the call was made, agrees to it."
    if who.actor_id in (asked.actor_id, asked.on_behalf_of):
        return "The workspace wants a second person to agree to this call."
    return None if who.role in (Role.OWNER, Role.ADMIN) else "An owner or an admin agrees to this call."


class ApprovalRules:
    """Keeps the rules by which calls need an approval."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def load(self, tx: Tx, workspace: str, known: WorkspaceRules, since: int) -> WorkspaceRules:
        """What is set, with what changed after a generation laid over what is known."""
        rows = dict(known.rows)
        for row in await queries.changed_rules(tx, workspace, since):
            rows.pop(row["name"], None)
            if row["removed_at"] is None:
                rows[row["name"]] = _read(row)
        return WorkspaceRules(dict(sorted(rows.items())))

    async def set(self, tx: Tx, workspace: str, rule: ApprovalRule, by: str, generation: int) -> None:
        """Set a rule, whatever stood under its name."""
        await queries.set_rule(
            tx, workspace_id=workspace, name=rule.name, tool=rule.tool, effects=dumps(list(rule.effects)).decode(),
            condition=None if rule.when is None else dumps(dict(rule.when)).decode(), second=int(rule.second),
            set_at=self._clock.now(), set_by=by, generation=generation,
        )  # fmt: skip

    async def remove(self, tx: Tx, workspace: str, name: str, generation: int) -> None:
        """Remove a rule. Raises `NotFound`."""
        if not await queries.remove_rule(tx, workspace, name, self._clock.now(), generation):
            raise NotFound("There is no such rule.")


def _read(row: Row) -> ApprovalRule:
    effects: Any = loads_own(row["effects"].encode())
    when: Any = None if row["condition"] is None else loads_own(row["condition"].encode())
    compiled = None if when is None else compile_schema(when)
    return ApprovalRule(
        row["name"], row["tool"], tuple(map(str, effects)), when, bool(row["second"]), compiled
    )
