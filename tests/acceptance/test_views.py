"""Every view, tool and role over REST: what is listed is what can be called, about what the view says and nothing else."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.rows.lab import Lab
from tests.support import offices
from tests.support.client import Client
from toolcrib import View

ROOT = Path(__file__).parents[2]
OFFICES = {"TOOLCRIB_PACKS": "tests.support.offices:pack", "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
VIEWS: list[View | None] = [None, *offices.pack.views]
WRITES = {"company_update", "folder_update"}
ARGUMENT = {"company_get": "companyId", "company_update": "companyId", "folder_get": "folderId", "folder_update": "folderId"}  # fmt: skip
SUBJECTS = {"company": "c-1", "folder": "f-1"}
LINKED = {"f-1": "c-1"}
KEYS: dict[str, dict[str, str]] = {
    "owner": {"actor_type": "user", "role": "owner"},
    "admin": {"actor_type": "user", "role": "admin"},
    "member": {"actor_type": "user", "role": "member"},
    "viewer": {"actor_type": "user", "role": "viewer"},
    "agent": {"actor_type": "agent", "role": "member"},
}
GIVEN = ("nothing", "its own", "another's")


@dataclass(frozen=True)
class Case:
    """A call of a tool in a view, about the view's subject."""

    view: View | None
    tool: str
    role: str
    given: str
    closed: bool

    @property
    def subject(self) -> dict[str, str] | None:
        kind = self.view.subject if self.view else None
        return {"type": kind, "id": SUBJECTS[kind]} if kind else None

    @property
    def wanted(self) -> str | None:
        """What the declaration binds the tool's id to."""
        bound = self.view.tools.get(self.tool, {}) if self.view else {}
        if self.subject is None or ARGUMENT.get(self.tool) not in bound:
            return None
        own = self.subject["id"]
        return own if bound[ARGUMENT[self.tool]] == "subject" else LINKED[own]

    @property
    def input(self) -> dict[str, str]:
        argument = ARGUMENT.get(self.tool)
        if argument is None or self.given == "nothing":
            return {}
        own = self.wanted or SUBJECTS["company" if argument == "companyId" else "folder"]
        return {argument: own if self.given == "its own" else "x-9"}

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"input": self.input, "dry_run": False}
        body |= {"view": self.view.name} if self.view else {}
        return body | ({"subject": self.subject} if self.subject else {})

    @property
    def shown(self) -> bool:
        """Whether the view's list has the tool, whoever asks."""
        if self.closed and self.tool in WRITES:
            return False
        if self.view is None:
            return True
        return self.tool in self.view.tools and not (self.view.read_only and self.tool in WRITES)

    @property
    def callable(self) -> bool:
        return self.shown and self.role != "viewer"

    @property
    def answer(self) -> str:
        """The code of the call's answer."""
        argument = ARGUMENT.get(self.tool)
        if self.given == "another's" and self.wanted is not None:
            return "SUBJECT_MISMATCH" if self.callable else "FORBIDDEN"
        if argument is not None and self.given == "nothing" and self.wanted is None:
            return "VALIDATION_ERROR"
        return "ok" if self.callable else "FORBIDDEN"


def cases(closed: bool) -> Iterator[Case]:
    """In a workspace that is read-only it is the effects that decide, so one input is enough there."""
    for view, tool, role in itertools.product(VIEWS, offices.pack.tool_names, KEYS):
        for given in ("its own",) if closed else GIVEN:
            yield Case(view, tool, role, given, closed)


def code_of(reply: Any) -> str:
    return "ok" if reply.status == 200 else str(reply.json["error"]["code"])


def said(client: Client, case: Case) -> str:
    """What calls answer, which validate and explain must have said before."""
    path = f"/api/v1/tools/{case.tool}"
    checked = client.call(
        "POST", f"{path}/validate", {name: of for name, of in case.body.items() if name != "dry_run"}
    ).json
    called = client.call("POST", f"{path}/execute", case.body)
    if case.answer == "VALIDATION_ERROR":
        assert checked["valid"] is False, case
    elif not isinstance(case.wanted, str) or case.wanted == SUBJECTS.get(
        case.subject["type"] if case.subject else ""
    ):
        assert (checked["decision"]["code"] or "ok") == code_of(called), case
    if case.wanted is not None and called.status == 200:
        assert called.json["output"][ARGUMENT[case.tool]] == case.wanted, case
    return code_of(called)


def explained(client: Client, case: Case) -> bool:
    query = f"?view={case.view.name}" if case.view else "?"
    query += f"&subject_type={case.subject['type']}&subject_id={case.subject['id']}" if case.subject else ""
    return bool(client.call("GET", f"/api/v1/tools/{case.tool}/explain{query}").json["allowed"])


def listed(client: Client, view: View | None) -> dict[str, bool]:
    query = f"?limit=200&view={view.name}" if view else "?limit=200"
    tools = client.call("GET", f"/api/v1/tools{query}").json["tools"]
    return {tool["name"]: tool["allowed"] for tool in tools}


@pytest.mark.parametrize("closed", [False, True], ids=["open", "read-only"])
def test_every_view_tool_and_role(lab: Lab, closed: bool):
    server = lab.serve(OFFICES)
    owner = lab.client(server)
    made = {
        role: owner.call("POST", "/api/v1/keys", {"name": f"{role} of views", **wanted})
        for role, wanted in KEYS.items()
    }
    assert {reply.status for reply in made.values()} == {201}, made
    keys = {role: Client(server.url, reply.json["key"]) for role, reply in made.items()}
    if closed:
        (own,) = owner.call("GET", "/api/v1/workspaces").json["items"]
        done = owner.call("PUT", f"/api/v1/workspaces/{own['id']}", {"read_only": True})
        assert done.status == 200, done.json
    lists = {(view and view.name, role): listed(keys[role], view) for view in VIEWS for role in KEYS}
    told = [(case, said(keys[case.role], case)) for case in cases(closed)]
    assert [(case, answer) for case, answer in told if answer != case.answer] == []
    for case, _ in told:
        found = lists[case.view and case.view.name, case.role]
        assert (case.tool in found, found.get(case.tool, False)) == (case.shown, case.callable), case
        if case.given == "its own":
            assert explained(keys[case.role], case) is case.callable, case
    allowed = sum(answer == "ok" for _, answer in told) / len(told)
    assert 0.2 < allowed < 0.8


def test_the_packs_tell_their_views(lab_on_sqlite: Lab):
    client = lab_on_sqlite.client(lab_on_sqlite.serve(OFFICES))
    (pack,) = client.call("GET", "/api/v1/packs").json["items"]
    assert [view["name"] for view in pack["views"]] == ["companies", "company", "folder", "folders"]
    folder = pack["views"][2]
    assert (folder["subject"], folder["read_only"]) == ("folder", False)
    assert folder["tools"]["company_get"] == ["companyId"]
