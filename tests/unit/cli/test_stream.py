"""Events read out of pieces that end anywhere, and which of them are shown."""

import pytest

from toolcrib.cli.refused import Refused
from toolcrib.cli.stream import Blocks, Told, _refusal

TEXT = b'retry: 2000\nid: 3\n\nid: 4\nevent: ToolEnabled\ndata: {"a": "b: c"}\n\n: nothing new\n\nevent: end\ndata: {}\n\n'
MEANT = [
    Told(3, "", ""),
    Told(4, "ToolEnabled", '{"a": "b: c"}'),
    Told(None, "", ""),
    Told(None, "end", "{}"),
]


@pytest.mark.parametrize("size", [1, 2, 7, 1_000])
def test_events_are_read_wherever_a_piece_ends(size):
    blocks, pieces = Blocks(), [TEXT[start : start + size] for start in range(0, len(TEXT), size)]
    assert [told for piece in pieces for told in blocks.feed(piece)] == MEANT


def test_what_is_not_whole_yet_is_kept():
    blocks = Blocks()
    assert blocks.feed(b"id: 1\nevent: a\n") == []
    assert blocks.feed(b"data: 1\n\nid: 2") == [Told(1, "a", "1")]


def test_lines_may_end_as_elsewhere():
    assert Blocks().feed(b"id: 1\r\nevent: a\r\ndata: x\r\n\r\n") == [Told(1, "a", "x")]


def test_an_id_that_is_none_is_left_out():
    assert Blocks().feed(b"id: x\nevent: a\ndata: 1\n\n") == [Told(None, "a", "1")]


@pytest.mark.parametrize(
    ("text", "code"), [('{"code": "UNAUTHORIZED", "message": "no"}', "UNAUTHORIZED"), ("[]", "UNKNOWN")]
)
def test_an_error_ends_the_stream_as_its_refusal(text, code):
    refused = _refusal(Told(None, "error", text))
    assert isinstance(refused, Refused)
    assert refused.code == code
