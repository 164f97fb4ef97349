"""Paths find what a person would say they name, and cost little whatever they are given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.costs import calls_made
from toolcrib.contracts.paths import (
    MAX_LOOKUPS,
    MAX_SEGMENTS,
    MISSING,
    PathError,
    parse_path,
    pointer,
    pointer_segments,
)

QUOTE = {"Global Quote": {"01. symbol": "IBM", "05. price": "241.5"}}


@pytest.mark.parametrize(
    "expression",
    ["Global Quote.05. price", "/Global Quote/05. price", ["Global Quote", "05. price"]],
)
def test_a_key_with_dots_is_found_in_each_written_form(expression):
    assert parse_path(expression).find(QUOTE) == "241.5"


def test_the_whole_path_as_a_literal_key_wins():
    assert parse_path("a.b.c").find({"a.b.c": 1, "a.b": {"c": 2}, "a": {"b": {"c": 3}}}) == 1


def test_a_longer_literal_prefix_wins_over_a_shorter_one():
    assert parse_path("a.b.c").find({"a.b": {"c": 2}, "a": {"b": {"c": 3}}}) == 2


def test_a_shorter_prefix_is_tried_when_the_longer_one_leads_nowhere():
    assert parse_path("a.b.c").find({"a.b": {"x": 2}, "a": {"b": {"c": 3}}}) == 3


def test_a_single_key_is_looked_up_as_it_is():
    assert parse_path("price").find({"price": 1}) == 1


def test_a_list_is_indexed_by_number():
    value = {"items": [{"name": "a"}, {"name": "b"}]}
    assert parse_path("items.1.name").find(value) == "b"
    assert parse_path("/items/1/name").find(value) == "b"
    assert parse_path(["items", 1, "name"]).find(value) == "b"


def test_a_number_is_a_key_too():
    assert parse_path(["codes", 404]).find({"codes": {"404": "gone"}}) == "gone"


@pytest.mark.parametrize("index", ["2", "-1", "01", "+1", "1.0", "\u0661", "x", "9" * 30])
def test_what_is_no_index_of_the_list_finds_nothing(index):
    assert parse_path(["items", index]).find({"items": [1, 2]}) is MISSING


def test_a_single_index_reads_a_list_at_the_root():
    assert parse_path("0").find([7]) == 7


@pytest.mark.parametrize("value", [None, "text", 5, True, {"a": "text"}, {"a": None}, [], {}])
def test_a_path_through_what_has_no_children_finds_nothing(value):
    assert parse_path("a.b").find(value) is MISSING


def test_a_null_is_found_and_not_missing():
    assert parse_path("a").find({"a": None}) is None
    assert parse_path("a.b").find({"a": {"b": None}}) is None


def test_the_empty_path_is_the_whole_value():
    assert parse_path("").find(QUOTE) is QUOTE


def test_a_pointer_unescapes_slash_and_tilde():
    assert parse_path("/a~1b/c~0d/").find({"a/b": {"c~d": {"": 1}}}) == 1


@pytest.mark.parametrize("expression", ["/a~2b", "/a~", "/~x"])
def test_a_pointer_with_a_bad_escape_is_refused(expression):
    with pytest.raises(PathError, match="~0"):
        parse_path(expression)


def test_a_pointer_that_does_not_start_with_a_slash_is_refused():
    with pytest.raises(PathError, match="starts with"):
        pointer_segments("a/b")


@pytest.mark.parametrize("parts", [[], [-1], ["a", True]])
def test_a_list_without_keys_or_with_an_impossible_index_is_refused(parts):
    with pytest.raises(PathError):
        parse_path(parts)


@pytest.mark.parametrize("expression", [".".join("a" * 65), "/a" * 65, ["a"] * 65])
def test_a_path_of_more_parts_than_allowed_is_refused(expression):
    with pytest.raises(PathError, match=str(MAX_SEGMENTS)):
        parse_path(expression)


def test_a_list_is_named_as_the_pointer_it_equals():
    assert parse_path(["a/b", 0, "c"]).text == "/a~1b/0/c"


@given(st.lists(st.text(), min_size=1, max_size=MAX_SEGMENTS))
def test_a_pointer_made_of_keys_leads_through_them(keys):
    assert pointer_segments(pointer(*keys)) == tuple(keys)


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=8))
def test_a_value_is_found_through_any_keys_by_list_and_by_pointer(keys):
    value = "leaf"
    for key in reversed(keys):
        value = {key: value}
    assert parse_path(keys).find(value) == "leaf"
    assert parse_path(pointer(*keys)).find(value) == "leaf"


@given(st.lists(st.text("ab. ", min_size=1, max_size=6), min_size=1, max_size=6))
def test_a_value_is_found_through_any_dotted_keys(keys):
    value = "leaf"
    for key in reversed(keys):
        value = {key: value}
    assert parse_path(".".join(keys)).find(value) == "leaf"


@given(
    st.text(max_size=60), st.recursive(st.none(), lambda v: st.lists(v) | st.dictionaries(st.text("a.0"), v))
)
def test_no_path_and_no_value_make_it_raise_anything_but_a_path_error(expression, value):
    try:
        path = parse_path(expression)
    except PathError:
        return
    path.find(value)


def test_a_value_with_every_prefix_at_every_level_costs_a_bounded_search():
    depth = 24
    levels: list[object] = ["end"]
    for below in range(1, depth + 1):
        levels.append({".".join(["a"] * n): levels[below - n] for n in range(1, below + 1)})
    path = parse_path(".".join(["a"] * depth + ["b"]))
    assert path.find(levels[depth]) is MISSING
    assert calls_made(lambda: path.find(levels[depth])) < 10 * MAX_LOOKUPS


def test_the_longest_path_that_never_steps_back_stays_within_the_bound():
    value: object = 1
    for _ in range(MAX_SEGMENTS):
        value = {"a": value}
    assert parse_path(".".join(["a"] * MAX_SEGMENTS)).find(value) == 1
