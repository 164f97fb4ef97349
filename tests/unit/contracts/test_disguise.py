"""Texts that look like something else than they are."""

import pytest

from toolcrib.contracts.disguise import disguises

PLAIN = [
    "",
    "plain text",
    "two\nlines\tand a tab\r\n",
    "Grüße aus Köln",
    "Привет, мир",
    "Ελλάδα",
    "東京",
    "a-b_c",
    "e\u0301",
]
ODD = {
    "pay al\u202eice": "RIGHT-TO-LEFT OVERRIDE",
    "zero\u200bwidth": "ZERO WIDTH SPACE",
    "tag\U000e0041": "TAG LATIN CAPITAL LETTER A",
    "escape\x1b[2K": "U+001B",
    "null\x00": "U+0000",
    "line\u2028break": "LINE SEPARATOR",
    "private\ue000": "U+E000",
    "nobody\u0378": "U+0378",
    "p\u0430ypal": "CYRILLIC and LATIN",
    "\u03bfk": "GREEK and LATIN",
}  # fmt: skip


@pytest.mark.parametrize("text", PLAIN)
def test_plain_texts_are_not_flagged(text):
    assert disguises({"a": [text]}) == {}


@pytest.mark.parametrize("text", ODD)
def test_odd_ones_are_named_with_what_is_odd(text):
    (found,) = disguises([text]).items()
    assert found[0] == "/0"
    assert ODD[text] in found[1]


def test_names_of_members_are_looked_at_and_places_are_pointers():
    value = {"a/b~": {"d\u200b": 1}, "n": None, "list": [1, True, {"x": "\u200b"}]}
    assert set(disguises(value)) == {"/a~1b~0/d\u200b", "/list/2/x"}
    assert disguises("\u200b").keys() == {""}


def test_the_number_of_places_is_bounded():
    named = {f"/{n}" for n in range(100)}
    assert set(disguises(["\u200b"] * 100)) == named
    assert set(disguises(["\u200b"] * 500)) == {*named, ""}
    assert set(disguises(["x", *["\u200b"] * 100, "x"])) == {f"/{n + 1}" for n in range(100)}


def test_letters_that_leave_no_trace_are_named():
    for char in "\u034f\u115f\u2800\u3164\uffa0\ufe00\U000e0101":
        assert disguises({"a": f"x{char}y"}).keys() == {"/a"}, f"{ord(char):x}"
    assert disguises("a heart \u2764\ufe0f") == {}
