"""What a folder of configs would change on a server: each file is rehearsed there, and every fault is kept with its file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolcrib.contracts.contract import normal_version
from toolcrib.contracts.errors import Code
from toolcrib.contracts.names import is_tool_name, slug, wire_name

from .difference import Change, changes
from .refused import Refused, from_error, usage
from .session import Session, part

_OF_A_FILE = {
    Code.VALIDATION_ERROR,
    Code.CONFLICT,
    Code.EGRESS_DENIED,
    Code.FORBIDDEN,
    Code.NOT_FOUND,
}
_PLACES = {
    "name_taken": "/name",
    "alias_taken": "/aliases",
    "EGRESS_DENIED": "/api/base_url",
    "FORBIDDEN": "/scope",
}
_TAKEN = ("name_taken", "alias_taken")
_REHEARSAL = {"dry_run": "true"}


@dataclass(frozen=True)
class Plan:
    """What one file would do; `body` is what is sent, `config` the contract that results."""

    file: str
    name: str
    state: str
    version: str
    config: Mapping[str, Any]
    body: Mapping[str, Any]
    previous: str | None = None
    changes: Sequence[Change] = ()

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        found = {"file": self.file, "name": self.name, "state": self.state, "version": self.version}
        return found | {"previous": self.previous, "changes": [one.as_json() for one in self.changes]}


@dataclass(frozen=True)
class _Claim:
    """The names that one file wants: its tool's, whether or not the rest is well, and aliases."""

    file: str
    name: str | None
    aliases: Sequence[Any]

    @classmethod
    def of(cls, file: str, config: Mapping[str, Any]) -> "_Claim":
        name, aliases = config.get("name"), config.get("aliases")
        return cls(
            file, name if isinstance(name, str) else None, aliases if isinstance(aliases, list) else []
        )

    def names(self) -> Iterator[tuple[str, set[str]]]:
        """Each with its place; a tool is known to models by a name of its own."""
        if self.name is not None:
            yield "/name", {self.name, wire_name(self.name) if is_tool_name(self.name) else slug(self.name)}
        for place, alias in enumerate(self.aliases):
            if isinstance(alias, str):
                yield f"/aliases/{place}", {alias}


@dataclass(frozen=True)
class Broken:
    """A file that the server would refuse."""

    file: str
    why: Refused

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        errors = [{"path": path, "message": message} for path, message in self.why.faults]
        return {"file": self.file, "code": self.why.code, "message": self.why.message, "errors": errors}


def read_folder(session: Session, folder: str) -> tuple[list[Plan], list[Broken]]:
    """Every `*.json` in a folder, by name. What concerns no single file, such as a server that is away, is raised."""
    plans: list[Plan] = []
    broken: dict[str, Broken] = {}
    claims: list[_Claim] = []
    for path in _files(folder):
        config: dict[str, Any] = {}
        try:
            config = _config(path)
            plans.append(_planned(session, path.name, config))
            config = dict(plans[-1].config)
        except Refused as refused:
            if refused.code not in _OF_A_FILE:
                raise
            broken[path.name] = Broken(path.name, _placed(refused))
            config.pop("aliases", None)  # what is wrong with them is told by the server
        claims.append(_Claim.of(path.name, config))
    for file, fault in _twins(claims):
        broken[file] = _with_twin(broken.get(file), file, fault)
    return plans, list(broken.values())


def passed_over(folder: str) -> list[tuple[str, str]]:
    """What is named like a config and is none, with what it is."""
    others = sorted(path for path in Path(folder).glob("*.json") if not path.is_file())
    return [(path.name, _no_file(path)) for path in others]


def _no_file(path: Path) -> str:
    if path.is_symlink() and not path.exists():
        return "is a link that leads nowhere"
    return "is a folder" if path.is_dir() else "is no file"


def carry_out(session: Session, plan: Plan) -> None:
    """Do what a plan says."""
    if plan.state == "new":
        session.ask("POST", "/tools", plan.body)
    elif plan.state == "changed":
        session.ask("PUT", f"/tools/{part(plan.name)}", plan.body)


def _files(folder: str) -> list[Path]:
    place = Path(folder)
    if not place.is_dir():
        raise usage(f"{folder} is no folder")
    found = sorted(path for path in place.glob("*.json") if path.is_file())
    if not found:
        raise usage(f"{folder} holds no *.json", "toolcrib export writes one file for each tool")
    return found


def _placed(refused: Refused) -> Refused:
    """With the place of the fault, where the server's answer tells of one fault by its code alone."""
    if refused.faults:
        return refused
    reason = str(refused.details.get("reason", refused.code))
    return replace(refused, faults=((_PLACES.get(reason, ""), refused.message),))


def _config(path: Path) -> dict[str, Any]:
    from toolcrib.kit.json import JsonRefused, loads  # noqa: PLC0415 only where there are files

    try:
        read = loads(path.read_bytes())
    except OSError as error:
        raise _faulty(f"it cannot be read: {error.strerror}") from None
    except JsonRefused as refused:
        raise _faulty(refused.reason) from None
    if not isinstance(read, dict):
        raise _faulty("a tool's config is a JSON object")
    return read


def _faulty(why: str, path: str = "") -> Refused:
    errors = [{"path": path, "message": why}]
    return from_error(
        {
            "code": Code.VALIDATION_ERROR.value,
            "message": "The file is no config.",
            "details": {"errors": errors},
        }
    )


def _planned(session: Session, file: str, config: dict[str, Any]) -> Plan:
    try:
        made = session.ask("POST", "/tools", config, query=_REHEARSAL).document
    except Refused as refused:
        known = _known(session, config) if refused.details.get("reason") in _TAKEN else None
        if known is None:
            raise _of_another(refused) from None
        return _against(session, file, config, known)
    return Plan(file, made["name"], "new", made["version"], made["config"], config)


def _of_another(refused: Refused) -> Refused:
    if refused.details.get("reason") != "name_taken":
        return refused
    return replace(refused, next_step="choose another name; toolcrib tools list shows which there are")


def _known(session: Session, config: dict[str, Any]) -> dict[str, Any] | None:
    """The tool of exactly this name; an alias or a name that only looks the same to models belongs to another."""
    given = str(config["name"])
    name = given if is_tool_name(given) else slug(given)
    try:
        found: dict[str, Any] = session.ask("GET", f"/tools/{part(name)}").document
    except Refused as refused:
        if refused.code != Code.NOT_FOUND:
            raise
        return None
    return found if found["name"] == name else None


def _against(session: Session, file: str, config: dict[str, Any], known: dict[str, Any]) -> Plan:
    """A version that is not above the stored one says nothing: the server works out the least that the change needs."""
    name = str(known["name"])
    given = normal_version(config.get("version"))
    higher = given is not None and _parts(given) > _parts(known["version"])
    body = config if higher else {member: value for member, value in config.items() if member != "version"}
    made = session.ask("PUT", f"/tools/{part(name)}", body, query=_REHEARSAL).document
    state = "same" if made["version"] == known["version"] else "changed"
    differing = tuple(changes(_unversioned(known["config"]), _unversioned(made["config"])))
    return Plan(
        file, name, state, made["version"], made["config"], body, known["version"], differing if state == "changed" else ()
    )  # fmt: skip


def _twins(claims: Sequence[_Claim]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Two files that want one name: the server sees them one by one and cannot tell."""
    owners: dict[str, str] = {}
    for claim in claims:
        for path, names in claim.names():
            other = next(
                (owners[name] for name in sorted(names) if owners.get(name, claim.file) != claim.file), None
            )
            if other is not None:
                yield claim.file, (path, f"{other} has this name too")
                break
            owners |= dict.fromkeys(names, claim.file)


def _with_twin(known: Broken | None, file: str, fault: tuple[str, str]) -> Broken:
    if known is None:
        return Broken(file, replace(_faulty(fault[1], fault[0]), message="Two files have one name."))
    return replace(known, why=replace(known.why, faults=(*known.why.faults, fault)))


def _parts(version: str) -> list[int]:
    return [int(one) for one in version.split(".")]


def _unversioned(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != "version"}
