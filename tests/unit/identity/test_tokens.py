"""A key's text: it names its workspace, carries a checksum against typing errors, and shows itself nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.identity.tokens import new_token, parse_token


def test_a_new_key_is_read_back():
    token = new_token("ab12")
    assert parse_token(token.text) == token
    assert token.workspace_id == "ab12"


def test_no_two_keys_are_alike():
    assert len({new_token("w").text for _ in range(100)}) == 100


@pytest.mark.parametrize("place", range(0, 90, 7))
def test_a_changed_letter_is_noticed(place):
    text = new_token("ab12").text
    changed = text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1 :]
    assert parse_token(changed) is None


@pytest.mark.parametrize("cut", [1, 8, 72])
def test_a_shortened_key_is_noticed(cut):
    assert parse_token(new_token("ab12").text[:-cut]) is None


def test_other_prefixes_and_shapes_are_no_keys():
    text = new_token("ab12").text
    for other in (
        "",
        "tcb",
        text.replace("tcb", "ghp"),
        text + "_x",
        text.replace("_", "-"),
        text + "é",
        "x" * 201,
    ):
        assert parse_token(other) is None


@given(st.text(max_size=300))
def test_no_text_makes_it_fail(text):
    assert parse_token(text) is None


def test_a_key_does_not_show_its_text():
    token = new_token("ab12")
    assert repr(token) == f"Token(ab12, {token.key_id})"
