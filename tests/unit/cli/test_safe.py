"""What comes from elsewhere is shown, never obeyed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.cli.safe import one_line, safe_json, shown

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, Bodø, 東京", "plain, Bodø, 東京"),
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("invoice\u202efdp.exe", "invoice\\u202efdp.exe"),
        ("a\u2028b", "a\\u2028b"),
        ("\x7f", "\\x7f"),
    ],
)
def test_a_text_is_written_with_its_tricks_visible(text, expected):
    assert shown(text) == expected


def test_lines_are_kept_only_where_they_are_asked_for():
    assert shown("a\n\x1b", lines=True) == "a\n\\x1b"


@given(st.text())
def test_nothing_that_a_terminal_obeys_survives(text):
    assert shown(text).isprintable()


@given(st.text())
def test_the_first_line_fits_the_table(text):
    assert one_line(text, 20).isprintable()
    assert "\n" not in one_line(text, 20)


def test_a_long_line_is_cut_and_says_so():
    assert one_line("x" * 100, 10) == "x" * 9 + "…"


@given(
    st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_json_for_a_terminal_means_the_same(value):
    safe = safe_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(safe) == value
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or c in BIDI for c in safe)


@pytest.mark.parametrize("character", [*BIDI, "\x9b", "\x7f", "\u2028", "\ufeff", "\U000e0041"])
def test_json_for_a_terminal_escapes(character):
    assert character not in safe_json(json.dumps(character, ensure_ascii=False))
