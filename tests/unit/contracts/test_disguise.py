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
    "I \u2764\ufe0f tides",
    "\u2194\ufe0f and \u203c\ufe0f",
    "\u0430 \u0438 \u043e",
    "\u0441\u043e\u043d",
    "Բարեւ, ᏣᎳᎩ",
    "10 €",
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
    "a\u0585b": "ARMENIAN and LATIN",
    "a\u13a0b": "CHEROKEE and LATIN",
    "\u0430\u03bf": "CYRILLIC and GREEK",
    "\u0440\u0430\u0443, \u0440\u0430\u0443": "all letters of CYRILLIC",
    "for \u0421\u041e": "all letters of CYRILLIC",
    "\u0391\u039d1": "all letters of GREEK",
    "\ufe0fa": "U+FE0F",
    "a\ufe0f": "U+FE0F",
    "\u2764\ufe0f\ufe0f": "U+FE0F",
    "1\ufe0f\u20e3": "U+FE0F",
    "\u2764 ~\ufe0f": "U+FE0F",
    "tw\u00f6\u00a0words": "NO-BREAK SPACE is no plain space",
    "half\ud800": "U+D800",
    "delete\x7f": "U+007F",
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


ODD_ANYWHERE = {
    "spaces": "\u00a0\u1680\u2000\u200a\u202f\u205f\u3000",
    "styled": "\U0001d400\U0001d7ff",
    "full width": "\uff0e\uff0f\uff10\uff21\uff5a",
    "circled": "\u24b6\u24e9",
    "units": "\u212a\u212b",
    "slashes, dots and what strikes through": "\u2044\u2215\u29f8\u2024\u0338",
}


@pytest.mark.parametrize("kind", ODD_ANYWHERE)
def test_what_is_read_as_another_character_is_named(kind):
    for char in ODD_ANYWHERE[kind]:
        (odd,) = disguises({"a": f"x {char} y"}).values()
        assert odd.startswith(f"U+{ord(char):04X} ")
    neighbours = "\u24b5\u24ea\uff5f\u2045"
    assert disguises({"a": f"x {neighbours} y"}) == {}


@pytest.mark.parametrize("letter", "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04cf\u04bb\u051b\u051d\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u0405\u0422\u0425\u03bf\u03bd\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7")  # fmt: skip
def test_two_letters_that_look_like_latin_ones_make_a_word(letter):
    assert disguises([letter]) == {}
    assert disguises([f"to {letter * 2}."]).keys() == {"/0"}
    honest = "\u0436" if letter > "\u03ff" else "\u03c8"
    assert disguises([f"{letter * 2}{honest}", f"{honest}{letter * 2}"]) == {}


def test_the_first_odd_character_is_the_one_that_is_named():
    (odd,) = disguises(["ж" * 1_000 + "\u2044" + "\u200b" * 1_000]).values()
    assert odd.startswith("U+2044 FRACTION SLASH")


def test_of_much_text_the_end_is_not_looked_at_and_that_is_said():
    unread = {"": "there is too much text beyond ASCII; the end of it was not looked at"}
    assert disguises(["ж" * 199_979 + "\u200b"]) == {"/0": "U+200B ZERO WIDTH SPACE is not seen as it is"}
    assert disguises(["ж" * 200_000 + "\u200b"]) == unread
    assert disguises(["ж" * 200_000, "\u200b"]) == unread
    assert disguises(["ж"] * 9_000) == {}
    assert disguises(["ж"] * 10_000) == unread
    assert disguises(["x" * 300_000, "\u200b"]).keys() == {"/1"}


def test_too_much_text_hides_nothing_that_is_found_beside_it():
    given = ["\u200b", "ж" * 200_000, "\u200b", "bell\x07", "x" * 300_000 + "\x07"]
    assert list(disguises(given)) == ["/0", "/3", "/4", ""]
    assert disguises("\u200b" + "ж" * 200_000)[""].startswith("U+200B")


@pytest.mark.parametrize(
    "text",
    [
        "\u0412\u0441\u0435 \u0445\u043e\u0440\u043e\u0448\u043e",
        "\u0421\u0421\u0421\u0420 \u0438 \u043c\u0438\u0440",
        "\u4f60\u597d\uff0c\u4e16\u754c\uff01",
        "\u0391\u039d \u03ba\u03b1\u03b9",
    ],
)
def test_words_of_a_writing_that_stands_beside_them_are_no_disguise(text):
    assert disguises(text) == {}
