"""Time, ids and cursors."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.kit.clock import SystemClock, from_iso, iso
from toolcrib.kit.ids import first_id, new_id
from toolcrib.kit.paging import BadCursor, PageRequest, decode, encode


def test_the_clock_tells_microseconds_and_never_runs_back():
    clock = SystemClock()
    assert abs(clock.now() / 1_000_000 - time.time()) < 60
    assert clock.monotonic() <= clock.monotonic()


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [(0, "1970-01-01T00:00:00.000Z"), (1_800_000_000_123_456, "2027-01-15T08:00:00.123Z")],
)
def test_times_are_told_in_utc(microseconds, text):
    assert iso(microseconds) == text


@pytest.mark.parametrize(
    "text", ["2027-01-15T08:00:00Z", "2027-01-15T10:00:00+02:00", "2027-01-15T08:00:00", "2027-01-15T08:00"]
)
def test_times_are_read_with_or_without_an_offset(text):
    assert from_iso(text) == 1_800_000_000_000_000


def test_what_is_no_time_is_refused():
    with pytest.raises(ValueError, match="Invalid isoformat"):
        from_iso("yesterday")


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59.999999"]
)
def test_a_time_that_cannot_be_written_is_refused(text):
    with pytest.raises(ValueError, match="year"):
        from_iso(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.000Z"])
def test_the_first_and_the_last_time_are_read_and_written(text):
    assert iso(from_iso(text)) == text


def test_ids_sort_in_the_order_in_which_they_were_made():
    made = [new_id("exe") for _ in range(5_000)]
    assert made == sorted(set(made))
    assert {(one[:4], len(one)) for one in made} == {("exe_", 4 + 32)}


def test_ids_of_a_moment_sort_after_its_first():
    now = time.time_ns() // 1_000
    assert first_id("x", now) <= new_id("x") < first_id("x", now + 1_000_000)


@pytest.mark.parametrize(("back", "sorts_after"), [(0.5, True), (5, False)])
def test_a_clock_set_back_by_much_is_believed(monkeypatch, back, sorts_after):
    before = new_id("x")
    then = time.time_ns() - int(back * 1e9)
    monkeypatch.setattr(time, "time_ns", lambda: then)
    assert (new_id("x") > before) is sorts_after


@given(st.text(min_size=1, alphabet=st.characters(codec="utf-8")).filter(str.isprintable))
def test_a_cursor_is_read_back(key):
    assert decode(encode(key)) == key


@pytest.mark.parametrize("cursor", ["AA", "!!!", "a", "é", encode("a\nb"), "gICA", "="])
def test_what_no_list_made_is_no_cursor(cursor):
    with pytest.raises(BadCursor):
        decode(cursor)


def test_a_page_is_asked_for_with_or_without_a_cursor():
    assert PageRequest.parse(5, None) == PageRequest(5, None)
    assert PageRequest.parse(5, encode("k")) == PageRequest(5, "k")
