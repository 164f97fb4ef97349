"""What of an output is answered: fields, ids, the first elements; and what the request may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.contracts.errors import Invalid
from toolcrib.contracts.selection import MAX_LIMIT, MAX_PATH, MAX_PATHS, MAX_STEPS, parse_selection

SHIPS = [
    {"id": 1, "name": "Maud", "size": {"length": 39, "beam": 11}, "crew": [{"name": "Nansen"}]},
    {"id": 2, "name": "Gjøa", "size": {"length": 21, "beam": 6}, "crew": []},
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc."), inner, max_size=4),
    max_leaves=20,
)


def answered(output, select=None, limit=None, *, ids_only=False):
    selection = parse_selection(select, limit, ids_only=ids_only)
    assert selection is not None
    return selection.apply(output)


def picked(output, *select):
    made, cut = answered(output, list(select))
    assert not cut
    return made


def faults(select=None, limit=None):
    with pytest.raises(Invalid) as refused:
        parse_selection(select, limit, ids_only=False)
    return [fault["path"] for fault in refused.value.details["errors"]]


@pytest.mark.parametrize("select", [None, []])
def test_nothing_said_is_no_selection(select):
    assert parse_selection(select, None, ids_only=False) is None


@pytest.mark.parametrize(
    ("output", "select", "expected"),
    [
        (SHIPS[0], ["name"], {"name": "Maud"}),
        (SHIPS[0], ["name", "id"], {"id": 1, "name": "Maud"}),
        (SHIPS[0], ["size.beam"], {"size": {"beam": 11}}),
        (SHIPS[0], ["/size/beam", "size.length"], {"size": {"length": 39, "beam": 11}}),
        (SHIPS[0], ["size", "size.beam"], {"size": {"length": 39, "beam": 11}}),
        (SHIPS[0], ["crew.name"], {"crew": [{"name": "Nansen"}]}),
        (SHIPS[0], ["nope", "name.first", "size.nope"], {}),
        (SHIPS, ["name"], [{"name": "Maud"}, {"name": "Gjøa"}]),
        (SHIPS, ["nope"], [{}, {}]),
        ({"items": SHIPS, "count": 2}, ["name"], {"items": [{"name": "Maud"}, {"name": "Gjøa"}]}),
        ({"items": SHIPS, "count": 2}, ["count"], {"count": 2}),
        ({"items": SHIPS, "count": 2}, ["id", "count"], {"items": [{"id": 1}, {"id": 2}], "count": 2}),
        ({"items": SHIPS, "count": 2}, ["items.id"], {"items": [{"id": 1}, {"id": 2}]}),
        ({"items": [], "count": 0}, ["name"], {"items": []}),
        ({"id": 1, "tags": ["a", "b"]}, ["nope"], {}),
        ({"id": 1, "tags": ["a", "b"]}, ["tags"], {"tags": ["a", "b"]}),
        ({"a": [{"x": 1}], "b": [{"x": 2}]}, ["x"], {}),
        ({"01. price": "7", "02. day": 1}, ["01. price"], {"01. price": "7"}),
        ({"a.b": {"c": 1}, "a": {"b": {"c": 2}}}, ["a.b.c"], {"a.b": {"c": 1}}),
        ({"a.b": {"c": 1}, "a": {"b": {"c": 2}}}, ["/a/b/c"], {"a": {"b": {"c": 2}}}),
        ({"a.b": 1, "a": {"b": {"c": 2}}}, ["a.b.c"], {"a": {"b": {"c": 2}}}),
        ({"a": {}}, ["a"], {"a": {}}),
        ({"a": {}}, ["a.b"], {}),
        ([[{"x": 1, "y": 2}]], ["x"], [[{"x": 1}]]),
        (["a", {"x": 1}], ["x"], [{"x": 1}]),
        ("text", ["x"], "text"),
        (None, ["x"], None),
    ],
)  # fmt: skip
def test_fields_are_kept_where_they_stand_and_unknown_ones_ignored(output, select, expected):
    assert picked(output, *select) == expected


@given(
    json_values, st.lists(st.sampled_from(["a", "a.b", "/a/b", "c", "a..b", "a.b.c"]), min_size=1, max_size=4)
)
def test_picking_adds_nothing_and_changes_no_value(output, select):
    assert is_part(picked(output, *select), output)


def is_part(part, whole):
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and is_part(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        rest = iter(whole)
        return all(any(is_part(one, other) for other in rest) for one in part)
    return part == whole


@pytest.mark.parametrize("output", [SHIPS, {"items": SHIPS, "count": 2}])
def test_ids_alone_are_those_of_the_list(output):
    assert answered(output, ids_only=True) == ({"ids": [1, 2], "count": 2}, False)
    assert answered(output, ["name"], 1, ids_only=True) == ({"ids": [1], "count": 2}, True)


def test_elements_without_an_id_have_none():
    assert answered([{"id": None}, {"name": "x"}, "y"], ids_only=True) == ({"ids": [None], "count": 1}, False)


@pytest.mark.parametrize("output", [{"id": 1}, {"a": [], "b": []}, 7])
def test_what_is_no_list_has_no_ids_and_no_limit(output):
    assert answered(output, limit=1, ids_only=True) == (output, False)


def test_a_limit_keeps_the_first_elements_and_says_so():
    assert answered(SHIPS, limit=1) == (SHIPS[:1], True)
    assert answered({"items": SHIPS, "count": 2}, limit=1) == ({"items": SHIPS[:1], "count": 2}, True)
    assert answered(SHIPS, limit=2) == (SHIPS, False)
    assert answered(SHIPS, ["id"], 1) == ([{"id": 1}], True)


def test_the_output_itself_is_left_as_it_was():
    output = {"items": [{"id": 1, "name": "Maud"}], "count": 1}
    answered(output, ["id"], 1)
    assert output == {"items": [{"id": 1, "name": "Maud"}], "count": 1}


def test_picking_ends_where_its_steps_are_used_up():
    made, cut = answered([{"a": 1, "b": 2}] * MAX_STEPS, ["a"])
    assert cut
    assert made == [{"a": 1}] * (MAX_STEPS // 2)


@pytest.mark.parametrize(
    ("select", "limit", "places"),
    [
        ("name", None, ["/select"]),
        (["a"] * (MAX_PATHS + 1), None, ["/select"]),
        (["a", 7, ""], None, ["/select/1", "/select/2"]),
        (["/a~2"], None, ["/select/0"]),
        (["a." * 64], None, ["/select/0"]),
        (["a" * (MAX_PATH + 1), "/" + "a" * MAX_PATH, "a" * MAX_PATH], None, ["/select/0", "/select/1"]),
        (None, 0, ["/limit"]),
        (None, MAX_LIMIT + 1, ["/limit"]),
        (None, True, ["/limit"]),
        (None, "5", ["/limit"]),
        ({}, 1.0, ["/select", "/limit"]),
    ],
)
def test_what_is_no_selection_is_refused_at_its_place(select, limit, places):
    assert faults(select, limit) == places
