"""Names of tools: which there may be, what free text becomes, and what a model sees."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.contracts.names import NAME_LIMIT, is_error_code, is_tool_id, is_tool_name, slug, wire_name


@pytest.mark.parametrize(
    "name", ["a", "tides.next", "get_tide", "get-tide", "a.b.c", "a1._x", "n" * NAME_LIMIT]
)
def test_these_are_names(name):
    assert is_tool_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "A", "1a", "_a", "a.", ".a", "a..b", "a b", "a/b", "ä", "a\n", "a.-b", "n" * (NAME_LIMIT + 1), "executions", "saved", "import", "search"],
)  # fmt: skip
def test_these_are_not(name):
    assert not is_tool_name(name)


def test_the_form_of_an_id_is_told_from_a_name():
    assert is_tool_id("tool_" + "0a" * 16)
    assert not any(
        map(is_tool_id, ["tool_" + "0a" * 15, "tool_" + "0A" * 16, "x_" + "0a" * 16, "tool_" + "0a" * 17])
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Get Weather", "get_weather"),
        ("  Get   the Weather!  ", "get_the_weather"),
        ("Café.Menü", "cafe.menu"),
        ("Tides / Next", "tides_next"),
        ("A . B", "a.b"),
        ("...", ""),
        ("天気", ""),
        ("42", ""),
        ("Search", ""),
        ("x" * 200, ""),
    ],
)
def test_free_text_becomes_a_name_or_nothing(text, name):
    assert slug(text) == name


@given(st.text(max_size=200))
def test_a_slug_is_a_name_or_nothing(text):
    assert slug(text) == "" or is_tool_name(slug(text))


@given(st.from_regex(r"[a-z][a-z0-9_]{0,40}([.-][a-z0-9_]{1,40}){0,4}", fullmatch=True))
def test_a_wire_name_is_one_that_every_model_takes(name):
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", wire_name(name))


def test_wire_names_of_long_names_differ_where_the_names_do():
    one, other = "a" * 100 + ".b", "a" * 100 + ".c"
    assert wire_name(one) != wire_name(other)
    assert len(wire_name(one)) == 64


def test_short_names_are_seen_as_they_are_but_for_dots():
    assert (wire_name("get_tide"), wire_name("tides.next")) == ("get_tide", "tides__next")


@pytest.mark.parametrize(("code", "good"), [("NOT_FOUND", True), ("A1", True), ("a", False), ("1A", False), ("X" * 65, False), ("", False), ("A\n", False)])  # fmt: skip
def test_error_codes_are_upper_snake(code, good):
    assert is_error_code(code) is good
