"""Arguments that are bound to the subject, and views, over the counter on both databases."""

import asyncio
import contextlib

import pytest

from tests.support import offices, toolbox
from tests.support.fakes import FakeClock
from tests.support.rig import open_rig
from toolcrib.contracts.errors import Conflict, NotFound
from toolcrib.contracts.execution import Call, Status, Subject
from toolcrib.contracts.pack import Pack
from toolcrib.contracts.principal import ActorType
from toolcrib.contracts.view import View
from toolcrib.gateway.tools import Wanted
from toolcrib.kit.http import Egress, HttpClient

COMPANY, FOLDER = Subject("company", "c-1"), Subject("folder", "f-1")


@pytest.fixture
async def office(rig_url):
    clock, client = FakeClock(), HttpClient(Egress())
    packs = (offices.pack,)
    async with open_rig(rig_url, clock=clock, more=toolbox.providers(clock, *packs, client=client)) as rig:
        await rig.gateway.packs.install(offices.pack)
        yield rig
    await client.close()


async def said(rig, tool, given, by=None, **parts):
    """The answer to a call: its output, or the code of its refusal with the rule that decided."""
    result = await rig.gateway.calls.call_tool(by or rig.owner, Call(tool, given, **parts))
    return (
        result.output if result.error is None else (result.error["code"], result.error["details"].get("rule"))
    )


async def bound(rig, name, subject, **properties):
    await rig.register(
        name,
        effects="read",
        output_schema=None,
        input_schema={
            "type": "object",
            "properties": properties or {"id": {"type": "string"}},
            "required": ["id"],
        },
        requires={"subject": subject},
    )


async def test_a_bound_argument_is_filled_and_what_ran_is_what_is_recorded(office):
    await bound(office, "case.get", {"type": "case", "argument": "id"}, id={"type": "integer"})
    result = await office.gateway.calls.call_tool(office.owner, Call("case.get", {}, Subject("case", "12")))
    found = await office.find(result.execution_id)
    assert (result.status, found.input_payload, found.subject) == (
        Status.SUCCEEDED, {"id": 12}, Subject("case", "12"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "given", [{"id": 13}, {"id": "12"}, {"id": [12]}, {"id": {"$ref": "12"}}, {"id": -12}]
)
async def test_whatever_else_stands_there_is_refused_and_recorded(office, given):
    await bound(office, "case.get", {"type": "case", "argument": "id"}, id={"type": "integer"})
    result = await office.gateway.calls.call_tool(
        office.owner, Call("case.get", given, Subject("case", "12"))
    )
    found = await office.find(result.execution_id)
    assert (result.status, result.error["code"]) == (Status.DENIED, "SUBJECT_MISMATCH")
    assert "id" in result.error["message"]
    assert (found.status, found.error_code, found.input_payload) == (Status.DENIED, "SUBJECT_MISMATCH", given)


async def test_a_tool_that_needs_a_subject_is_not_called_without_or_about_another(office):
    await bound(office, "case.get", [{"type": "case", "argument": "id"}, {"type": "file"}])
    assert await said(office, "case.get", {"id": "1"}) == ("SUBJECT_MISMATCH", "subject")
    assert await said(office, "case.get", {"id": "1"}, subject=COMPANY) == ("SUBJECT_MISMATCH", "subject")
    assert await said(office, "case.get", {"id": "9"}, subject=Subject("file", "1")) == {"id": "9"}


async def test_input_that_is_wrong_elsewhere_is_a_fault_of_the_input(office):
    await bound(office, "case.get", {"type": "case", "argument": "id"})
    wrong = {"id": "1", "more": 1}
    assert await said(office, "case.get", wrong, subject=Subject("case", "1")) == ("VALIDATION_ERROR", None)
    assert await said(office, "case.get", wrong, subject=Subject("case", "2")) == (
        "SUBJECT_MISMATCH",
        "bound",
    )


async def test_with_one_key_it_does_not_matter_whether_the_argument_was_left_out(office):
    await bound(office, "case.get", {"type": "case", "argument": "id"})
    parts = {"subject": Subject("case", "1"), "idempotency_key": "k"}
    first = await office.gateway.calls.call_tool(office.owner, Call("case.get", {}, **parts))
    again = await office.gateway.calls.call_tool(office.owner, Call("case.get", {"id": "1"}, **parts))
    assert (again.replayed, again.execution_id) == (True, first.execution_id)
    other = await office.gateway.calls.call_tool(
        office.owner, Call("company_get", {"companyId": "c-1"}, COMPANY, idempotency_key="k2")
    )
    assert other.status is Status.SUCCEEDED
    in_view = Call("company_get", {"companyId": "c-1"}, COMPANY, idempotency_key="k2", view="company")
    assert (await office.gateway.calls.call_tool(office.owner, in_view)).error["details"][
        "reason"
    ] == "arguments_differ"


async def test_a_link_leads_from_the_folder_to_its_company_over_a_call_of_its_own(office):
    assert await said(office, "company_get", {}, subject=FOLDER, view="folder") == {
        "companyId": "c-1",
        "name": "Rail",
    }
    newest, asked = await office.gateway.history.list(office.owner, 2, {})
    assert [newest.tool, asked.tool] == ["company_get", "folder_get"]
    found = await office.find(asked.execution_id)
    assert (found.input_payload, found.subject, found.actor_id) == (
        {"folderId": "f-1"},
        FOLDER,
        newest.actor_id,
    )


@pytest.mark.parametrize(
    ("given", "folder"),
    [({"companyId": "c-2"}, "f-1"), ({"companyId": "c-1"}, "f-2"), ({}, "f-2"), ({}, "f-none")],
)
async def test_only_the_folders_own_company_is_reached(office, given, folder):
    refused = await said(office, "company_get", given, subject=Subject("folder", folder), view="folder")
    assert refused == ("SUBJECT_MISMATCH", "bound")


async def test_a_link_is_followed_with_the_rights_of_who_calls(office):
    limited = await office.principal(actor_type=ActorType.AGENT, tools=("company_get",))
    refused = await said(office, "company_get", {}, limited, subject=FOLDER, view="folder")
    assert refused == ("SUBJECT_MISMATCH", "bound")
    await office.gateway.tools.set_enabled(office.owner, "folder_get", enabled=False)
    assert await said(office, "company_get", {}, subject=FOLDER, view="folder") == (
        "SUBJECT_MISMATCH",
        "bound",
    )


async def test_who_may_not_call_at_all_follows_no_link(office):
    await office.gateway.tools.set_enabled(office.owner, "company_get", enabled=False)
    assert await said(office, "company_get", {}, subject=FOLDER, view="folder") == (
        "TOOL_DISABLED",
        "enabled",
    )
    assert [one.tool for one in await office.gateway.history.list(office.owner, 9, {})] == ["company_get"]


@pytest.mark.parametrize("tool", ["folder_update", "no.such.tool"])
async def test_a_link_over_what_does_not_read_or_is_not_there_leads_nowhere(office, tool):
    link = {"tool": tool, "argument": "folderId", "output": "folderId"}
    await bound(office, "case.get", {"type": "folder", "argument": "id", "link": link})
    assert await said(office, "case.get", {"id": "f-1"}, subject=FOLDER) == ("SUBJECT_MISMATCH", "bound")
    assert [one.tool for one in await office.gateway.history.list(office.owner, 9, {})] == ["case.get"]


async def test_a_workspace_cannot_put_a_tool_of_its_own_into_a_view_or_its_links(office):
    theirs = await office.workspace()
    assert await said(office, "company_get", {}, theirs, subject=FOLDER, view="folder") == {
        "companyId": "c-1",
        "name": "Rail",
    }
    for name, output in (("folder_get", {"data": {"companyId": "c-2"}}), ("company_get", {})):
        await office.register(
            name, by=theirs, kind="dummy", api=None, effects="read", dummy={"output": output}
        )
        allowed = {one.tool.name for one in await office.gateway.tools.callable(theirs, 99, None, "folder")}
        if name == "folder_get":
            refused = await said(
                office, "company_get", {"companyId": "c-2"}, theirs, subject=FOLDER, view="folder"
            )
            assert refused == ("SUBJECT_MISMATCH", "bound")
        assert name not in allowed
    assert await said(office, "company_get", {}, theirs, subject=FOLDER, view="folder") == (
        "FORBIDDEN",
        "view",
    )


async def test_links_that_lead_to_each_other_end(office):
    for tool, over in (("a.get", "b.get"), ("b.get", "a.get")):
        link = {"tool": over, "argument": "id", "output": "id"}
        await bound(office, tool, {"type": "folder", "argument": "id", "link": link})
    assert await said(office, "a.get", {"id": "f-1"}, subject=FOLDER) == ("SUBJECT_MISMATCH", "bound")
    calls = await office.gateway.history.list(office.owner, 50, {})
    assert {one.status for one in calls} == {Status.DENIED}
    assert len(calls) == 9


async def test_a_link_is_followed_once_however_often_the_call_is_decided(office):
    following = asyncio.create_task(said(office, "company_get", {}, subject=FOLDER, view="folder"))
    for _ in range(3):
        await asyncio.sleep(0)
        await office.raise_generation()
    assert await following == {"companyId": "c-1", "name": "Rail"}
    assert len(await office.gateway.history.list(office.owner, 50, {"tool": "folder_get"})) == 1


async def test_an_unknown_view_is_not_there_and_no_call(office):
    for asks in (
        office.gateway.calls.call_tool(office.owner, Call("web_search", {}, view="nope")),
        office.gateway.tools.validate(office.owner, Call("web_search", {}, view="nope")),
        office.gateway.tools.list(office.owner, 9, None, Wanted(view="nope")),
        office.gateway.tools.callable(office.owner, 9, None, "nope"),
        office.gateway.tools.explain(office.owner, "web_search", view="nope"),
    ):
        with pytest.raises(NotFound, match="no such view"):
            await asks
    assert await office.gateway.history.list(office.owner, 9, {}) == []


async def test_what_a_tool_calls_itself_is_about_the_same_and_free_of_the_view(office):
    await bound(office, "case.get", {"type": "company", "argument": "id"})
    assert await said(office, "case.get", {}, subject=COMPANY, view="company") == ("FORBIDDEN", "view")
    assert await said(office, "case.get", {}, subject=COMPANY) == {"id": "c-1"}


async def test_checking_input_fills_what_is_bound_and_follows_no_link(office):
    checked = await office.gateway.tools.validate(
        office.owner, Call("company_get", {}, FOLDER, view="folder")
    )
    assert (list(checked.faults), checked.decision.allowed) == ([], True)
    own = await office.gateway.tools.validate(office.owner, Call("company_get", {}, COMPANY, view="company"))
    assert (list(own.faults), own.decision.allowed) == ([], True)
    strayed = Call("company_get", {"companyId": "c-2"}, COMPANY, view="company")
    assert (await office.gateway.tools.validate(office.owner, strayed)).decision.code == "SUBJECT_MISMATCH"
    plain = await office.gateway.tools.validate(office.owner, Call("company_get", {}))
    assert [fault.path for fault in plain.faults] == [""]
    assert await office.gateway.history.list(office.owner, 9, {}) == []


async def test_views_of_two_packs_have_different_names(office):
    twin = Pack("branch", "1.0.0", views=[View("folder", {})])
    with pytest.raises(Conflict, match="a view folder already"):
        await office.gateway.packs.install(twin)
    with contextlib.suppress(NotFound):
        await office.gateway.tools.callable(office.owner, 9, None, "folder")


@pytest.mark.parametrize(
    ("subject", "path"),
    [
        ([{"type": "case"}, {"type": "case"}], "/requires/subject/1/type"),
        ({"type": "case", "argument": "no"}, "/requires/subject/argument"),
        ({"type": "case", "link": {"tool": "t", "argument": "a", "output": "b"}}, "/requires/subject/link"),
        ({"type": "case", "argument": "id", "link": {"tool": "t", "argument": "a", "output": "/~"}}, "/requires/subject/link/output"),
        ({"type": "case", "argument": "id", "link": {"tool": "t"}}, "/requires/subject/link/argument"),
        ([{"argument": "id"}], "/requires/subject/0/type"), ([], "/requires/subject"), (5, "/requires/subject"),
    ],
)  # fmt: skip
async def test_a_faulty_subject_is_refused_with_its_place(office, subject, path):
    with pytest.raises(Exception, match="not valid") as refused:
        await bound(office, "case.get", subject)
    assert path in {fault["path"] for fault in refused.value.details["errors"]}
