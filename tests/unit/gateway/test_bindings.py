"""Bound arguments: filled where they are left out, judged by value and type where they are given."""

import pytest

from toolcrib.contracts.contract import parse_contract
from toolcrib.contracts.execution import Call, Result, Status, Subject
from toolcrib.contracts.terms import Link
from toolcrib.contracts.view import View
from toolcrib.gateway.bindings import Binding, bindings_of, bound_call, reached_by, typed, unfollowed
from toolcrib.gateway.views import Views
from toolcrib.policy.service import CallFacts

LINK = Link(tool="folder_get", argument="folderId", output="/data/companyId")


def contract(requires=None, **properties):
    return parse_contract(
        {
            "name": "t", "description": "d", "kind": "dummy", "dummy": {"output": {}},
            "input_schema": {"type": "object", "properties": properties}, "requires": requires or {},
        }
    )  # fmt: skip


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("declared", "id_", "expected"),
    [
        (TEXT, "c-1", "c-1"), (TEXT, 7, "7"), (TEXT, "", ""), ({}, "7", "7"),
        (NUMBER, "7", 7), (NUMBER, 7, 7), (NUMBER, "0", 0), ({"type": "number"}, "12", 12),
        ({"type": ["integer", "null"]}, "7", 7), ({"type": ["string", "integer"]}, "7", "7"),
        (NUMBER, "c-1", None), (NUMBER, "007", None), (NUMBER, "-7", None), (NUMBER, "٣", None), (NUMBER, "9" * 19, None),
        (NUMBER, "", None), (TEXT, None, None), (TEXT, True, None), (NUMBER, True, None), (TEXT, 1.5, None), (TEXT, ["c"], None),
    ],
)  # fmt: skip
def test_an_id_takes_the_type_that_the_argument_has(declared, id_, expected):
    made = typed(id_, contract(company=declared), "company")
    assert (made, type(made)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("declared", "given", "filled"),
    [
        (TEXT, {}, "7"), (TEXT, {"id": None}, "7"), (TEXT, {"id": "7"}, "7"), (NUMBER, {}, 7), (NUMBER, {"id": 7}, 7),
        (TEXT, {"id": 7}, None), (NUMBER, {"id": "7"}, None), (NUMBER, {"id": 7.0}, None), (TEXT, {"id": "8"}, None),
        (TEXT, {"id": "7 "}, None), (TEXT, {"id": ""}, None), (TEXT, {"id": ["7"]}, None), (TEXT, {"id": {"a": "7"}}, None),
        (NUMBER, {"id": True}, None), (TEXT, {"id": False}, None), (TEXT, {"id": 0}, None),
    ],
)  # fmt: skip
def test_a_bound_argument_is_filled_or_must_agree(declared, given, filled):
    call = Call("t", given, Subject("company", "7"))
    bound = bound_call(call, CallFacts(None, "company"), [Binding("id")], contract(id=declared), {})
    if filled is None:
        assert (bound.call, bound.about.strayed) == (call, ("id",))
    else:
        assert (bound.call.input, bound.about.strayed) == ({"id": filled}, ())
    assert given == call.input


def test_every_argument_that_strays_is_named_and_nothing_is_filled_then():
    call = Call("t", {"a": "x"}, Subject("company", "7"))
    bound = bound_call(call, CallFacts(), [Binding("a"), Binding("b")], contract(a=TEXT, b=TEXT), {})
    assert (bound.call, bound.about.strayed) == (call, ("a",))


@pytest.mark.parametrize(
    ("reached", "given", "strayed"),
    [
        ({}, {"id": "x"}, ("id",)), ({}, {}, ("id",)), ({LINK: "c"}, {}, ()), ({LINK: "c"}, {"id": "c"}, ()), ({LINK: "c"}, {"id": "d"}, ("id",)),
        ({LINK: None}, {"id": "c"}, ("id",)), ({LINK: None}, {}, ("id",)), ({LINK: {"no": "id"}}, {}, ("id",)),
    ],
)  # fmt: skip
def test_a_link_binds_to_what_it_led_to(reached, given, strayed):
    call = Call("t", given, Subject("folder", "f"))
    bound = bound_call(call, CallFacts(), [Binding("id", LINK)], contract(id=TEXT), reached)
    assert bound.about.strayed == strayed


@pytest.mark.parametrize(
    ("status", "output", "dry", "expected"),
    [
        (Status.SUCCEEDED, {"data": {"companyId": "c"}}, False, "c"), (Status.SUCCEEDED, {"data": {"companyId": "c"}}, True, None),
        (Status.FAILED, {"data": {"companyId": "c"}}, False, None), (Status.DENIED, None, False, None),
        (Status.SUCCEEDED, {"data": {"companyId": None}}, False, None),
    ],
)  # fmt: skip
def test_a_link_leads_somewhere_only_where_its_tool_answered(status, output, dry, expected):
    assert reached_by(LINK, Result("exe", status, output, None, 0.0, dry_run=dry)) == expected


def test_a_contract_binds_for_the_type_that_the_call_has_and_a_view_beside_it():
    both = [
        {"type": "company", "argument": "id"},
        {"type": "folder", "argument": "id", "link": LINK.model_dump()},
    ]
    made = contract({"subject": both}, id=TEXT, other=TEXT)
    view = View("v", {"t": {"other": "subject"}}, subject="company")
    assert bindings_of(made, "t", None, Subject("company", "1")) == [Binding("id")]
    assert bindings_of(made, "t", None, Subject("folder", "1")) == [Binding("id", LINK)]
    assert bindings_of(made, "t", None, Subject("case", "1")) == bindings_of(made, "t", None, None) == []
    assert bindings_of(made, "t", view, Subject("company", "1")) == [Binding("id"), Binding("other")]
    assert bindings_of(made, "u", view, Subject("case", "1")) == []


def test_what_a_link_will_fill_in_stands_open_while_input_is_only_checked():
    bindings = [Binding("a/b", LINK), Binding("n", LINK), Binding("given", LINK), Binding("own")]
    made, left_out = unfollowed(
        Call("t", {"given": "x"}),
        bindings,
        contract(**{"a/b": TEXT, "n": NUMBER, "given": TEXT, "own": TEXT}),
    )
    assert (made.input, left_out) == ({"given": "x", "a/b": "?", "n": 0}, {"/a~1b", "/n"})


def test_a_view_belongs_to_one_pack_and_goes_with_it():
    views, one = Views(), View("v", {})
    assert views.taken("a", [one]) is None
    views.add("a", [one, View("w", {})])
    assert (views.taken("a", [one]), views.taken("b", [View("x", {}), one])) == (None, "v")
    views.add("a", [one])
    assert (views.get("v"), views.get("w")) == (one, None)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"name": "a b", "tools": {}}, "no name of a view"),
        ({"name": "", "tools": {}}, "no name of a view"),
        ({"name": "v", "tools": {"t": {"id": "subject"}}}, "has no subject"),
        ({"name": "v", "tools": {"t": {"id": "elsewhere"}}, "subject": "company"}, "write SUBJECT or a Link"),
        ({"name": "v", "tools": {"t": {"id": Link(tool="f", argument="i", output="/~")}}, "subject": "c"}, "no path"),
    ],
)  # fmt: skip
def test_a_view_that_could_not_be_loaded_is_refused_where_it_is_made(parts, said):
    with pytest.raises(ValueError, match=said):
        View(**parts)
