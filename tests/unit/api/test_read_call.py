"""The body of execute: what is taken, under which names, and what is refused where."""

import pytest

from toolcrib.api.execute import read_call
from toolcrib.contracts.errors import Forbidden, Invalid
from toolcrib.contracts.execution import Call, Subject
from toolcrib.contracts.principal import ActorType, Principal, Role
from toolcrib.contracts.selection import parse_selection

AGENT = Principal("w", ActorType.AGENT, "agent:bot", Role.MEMBER, "k")


def read(document):
    return read_call(document, "t", AGENT, 7)


def place(document):
    with pytest.raises(Invalid) as refused:
        read(document)
    return [fault["path"] for fault in refused.value.details["errors"]]


@pytest.mark.parametrize("document", [{"input": {"a": 1}}, {"payload": {"a": 1}}])
def test_the_input_has_two_names(document):
    assert read(document) == Call("t", {"a": 1}, size=7)


def test_no_input_is_an_empty_one():
    assert read({}).input == {}


@pytest.mark.parametrize("name", ["exception_id", "exceptionId"])
def test_what_a_call_is_about_is_read(name):
    call = read({"input": {}, name: "x1", "subject": {"type": "view", "id": "v"}})
    assert (call.exception_id, call.subject) == ("x1", Subject("view", "v"))


def test_what_a_call_without_input_is_about_is_read():
    assert read({"exception_id": "x1"}).exception_id == "x1"
    assert read({"subject": {"type": "view", "id": "v"}}).subject == Subject("view", "v")


def test_what_is_null_was_not_given():
    assert read({"input": {}, "exception_id": None, "subject": None}) == Call("t", {}, size=7)


@pytest.mark.parametrize(
    "document",
    [
        {"select": ["name", "/a/b"], "ids_only": True, "limit": 5, "dry_run": True},
        {"select": ["name", "/a/b"], "idsOnly": True, "limit": 5, "dryRun": True},
        {
            "select": ["name", "/a/b"],
            "ids_only": True,
            "idsOnly": True,
            "limit": 5,
            "dry_run": True,
            "dryRun": True,
        },
    ],
)
def test_what_is_answered_is_read_beside_the_input(document):
    call = read(document | {"input": {"select": "mine", "limit": 7, "dry_run": "mine"}})
    assert call.input == {"select": "mine", "limit": 7, "dry_run": "mine"}
    assert call.dry_run is True
    assert call.selection == parse_selection(["name", "/a/b"], 5, ids_only=True)


@pytest.mark.parametrize("document", [{}, {"select": None, "ids_only": None, "limit": None, "dry_run": None}])
def test_all_is_answered_unless_something_is_said(document):
    call = read(document | {"subject": None})
    assert (call.selection, call.dry_run) == (None, None)


def test_a_dry_run_can_be_refused():
    assert read({"dry_run": False}).dry_run is False


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ({"dry_run": "yes"}, ["/dry_run"]),
        ({"dryRun": 1}, ["/dry_run"]),
        ({"dry_run": True, "dryRun": False}, ["/dry_run"]),
        ({"ids_only": []}, ["/ids_only"]),
        ({"select": "name"}, ["/select"]),
        ({"limit": 0}, ["/limit"]),
        ([], [""]),
        ("x", [""]),
        (None, [""]),
        ({"inputs": {}, "b": 1}, ["/b", "/inputs"]),
        ({"input": [], "exception_id": "x"}, ["/input"]),
        ({"input": "{}"}, ["/input"]),
        ({"input": {}, "payload": {}}, ["/input"]),
        ({"input": None, "exception_id": ""}, ["/exception_id"]),
        ({"input": {}, "exception_id": ""}, ["/exception_id"]),
        ({"input": {}, "exception_id": 7}, ["/exception_id"]),
        ({"input": {}, "exception_id": "x" * 257}, ["/exception_id"]),
        ({"input": {}, "exceptionId": "a\0"}, ["/exception_id"]),
        ({"input": {}, "subject": "view"}, ["/subject"]),
        ({"input": {}, "subject": {"type": "view"}}, ["/subject"]),
        ({"input": {}, "subject": {"type": "view", "id": "v", "x": 1}}, ["/subject"]),
        ({"input": {}, "subject": {"type": "", "id": "v"}}, ["/subject/type"]),
        ({"input": {}, "subject": {"type": "view", "id": 7}}, ["/subject/id"]),
        ({"input": {}, "subject": {"type": "view", "id": "a\nb"}}, ["/subject/id"]),
    ],
)
def test_what_does_not_fit_is_refused_at_its_place(document, paths):
    assert place(document) == paths


@pytest.mark.parametrize(
    "claim",
    [
        {"actor_type": "agent"},
        {"actorType": "agent", "actor_id": "agent:bot"},
        {"actorId": "agent:bot"},
    ],
)
def test_actor_fields_that_agree_are_let_pass(claim):
    assert read({"input": {}} | claim).input == {}


@pytest.mark.parametrize(
    "claim",
    [
        {"actor_type": "user"},
        {"actorType": "human"},
        {"actor_id": "user:owner"},
        {"actorId": "agent:other"},
        {"actor_type": "agent", "actorType": "user"},
    ],
)
@pytest.mark.parametrize("also", [{"input": {}}, {}, {"subject": None, "payload": {}}])
def test_nobody_claims_to_be_somebody_else(claim, also):
    with pytest.raises(Forbidden, match="does not agree with the credential"):
        read(also | claim)
