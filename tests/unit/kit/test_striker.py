"""A secret that is split over chunks, in any encoding, at any place, never gets out, and all else does."""

import itertools
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.security.canaries import SECRETS, Search, case_free_forms, shape_forms
from toolcrib.kit.strike import Strikes
from toolcrib.kit.striker import Striker, struck_start

SHORT = {name: value for name, value in SECRETS.items() if len(value) < 200}


def struck(strikes, chunks):
    striker = Striker(strikes)
    return [*map(striker.feed, chunks), striker.end()]


@pytest.mark.parametrize("name", sorted(SHORT))
def test_every_encoding_is_struck_at_every_split(name):
    strikes, search = Strikes([(name, SHORT[name])]), Search([(name, SHORT[name])])
    mark = f"[secret:{name}]".encode()
    for form in {*shape_forms(SHORT[name]), *case_free_forms(SHORT[name])}:
        text = b"<<" + form + b">>"
        whole = b"".join(struck(strikes, [text]))
        assert (mark in whole, search.hits(whole)) == (True, [])
        for place in range(len(text) + 1):
            assert b"".join(struck(strikes, [text[:place], text[place:]])) == whole


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_byte_by_byte(name):
    text = b"before " + SECRETS[name].encode() + b" after"
    chunks = (
        [text[at : at + 1] for at in range(len(text))] if name != "LONG" else [text[:2_000], text[2_000:]]
    )
    assert (
        b"".join(struck(Strikes([(name, SECRETS[name])]), chunks))
        == b"before [secret:%s] after" % name.encode()
    )


@given(st.data())
def test_the_cuts_do_not_show(data):
    """Over a small alphabet, so that forms begin, break off and overlap all the time."""
    secrets = data.draw(st.lists(st.text("ab=", min_size=1, max_size=6), min_size=1, max_size=3))
    text = data.draw(st.text("ab=[", max_size=40)).encode()
    text += data.draw(
        st.sampled_from([b"", *(one.encode() for one in secrets), b64encode(secrets[0].encode())])
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    strikes = Strikes([("S", one) for one in secrets])
    chunks = [text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)])]
    pieces = struck(strikes, chunks)
    assert b"".join(pieces) == b"".join(struck(strikes, [text]))
    assert not any(one.encode() in part for one in secrets for part in b"".join(pieces).split(b"[secret:S]"))


def test_innocent_text_is_not_held_back():
    striker = Striker(Strikes([("KEY", "s3cr3t-value")]))
    assert striker.feed(b"one line\n") == b"one line\n"
    assert striker.feed(b"two s3cr3t-") == b"two "
    assert striker.feed(b"not\n") == b"s3cr3t-not\n"
    assert striker.end() == b""


def test_what_is_held_at_the_end_goes_out():
    striker = Striker(Strikes([("KEY", "s3cr3t-value")]))
    assert (striker.feed(b"a s3cr3t"), striker.end(), striker.end()) == (b"a ", b"s3cr3t", b"")


def test_overlapping_secrets_go_whole():
    strikes = Strikes([("A", "abcdefgh"), ("B", "ghijklmn")])
    for place in range(18):
        text = b"<<abcdefghijklmn>>"
        assert b"".join(struck(strikes, [text[:place], text[place:]])) == b"<<[secret:A]>>"


def test_without_secrets_all_goes_through():
    assert struck(Strikes([]), [b"a", b"b"]) == [b"a", b"b", b""]


@pytest.mark.parametrize("most", range(30))
def test_a_text_is_cut_beside_a_secret_and_not_in_it(most):
    text, strikes = "say s3cr3t-value and go", Strikes([("KEY", "s3cr3t-value")])
    shown = struck_start(text, most, strikes)
    assert "say [secret:KEY] and go".startswith(shown)
    assert struck_start(text, most, None) == text[:most]
