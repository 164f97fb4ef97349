"""Bodies are read to their limit, as received and as decoded."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.kit.http import HttpFailed
from toolcrib.kit.http.body import read_body

LIMIT = 1_000_000


class Stream:
    """Hands out its chunks, as aiohttp's reader does."""

    def __init__(self, data: bytes, size: int = 65_536) -> None:
        self.chunks = [data[start : start + size] for start in range(0, len(data), size)]

    async def readany(self) -> bytes:
        return self.chunks.pop(0) if self.chunks else b""


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
}


@pytest.mark.parametrize(("encoding", "pack"), [*PACKERS.items(), ("deflate", raw_deflate)])
@given(body=st.binary(max_size=3000), size=st.sampled_from([1, 7, 4096]))
async def test_a_body_comes_back_as_it_was(encoding, pack, body, size):
    assert await read_body(Stream(pack(body), size), encoding, LIMIT) == body


@pytest.mark.parametrize(("encoding", "pack"), PACKERS.items())
async def test_a_body_of_just_the_limit_is_read(encoding, pack):
    assert len(await read_body(Stream(pack(b"x" * LIMIT)), encoding, LIMIT)) == LIMIT


@pytest.mark.parametrize(("encoding", "pack"), PACKERS.items())
async def test_one_byte_more_is_too_large(encoding, pack):
    with pytest.raises(HttpFailed) as failed:
        await read_body(Stream(pack(b"x" * (LIMIT + 1))), encoding, LIMIT)

    assert failed.value.reason == "too_large"


async def test_a_bomb_is_given_up_without_memory():
    bomb = gzip.compress(bytes(200_000_000))
    tracemalloc.start()
    with pytest.raises(HttpFailed) as failed:
        await read_body(Stream(bomb), "gzip", LIMIT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert failed.value.reason == "too_large"
    assert peak < 8 * LIMIT


async def test_a_doubly_packed_bomb_is_unpacked_once():
    inner = gzip.compress(bytes(50_000_000))

    assert await read_body(Stream(gzip.compress(inner)), "gzip", LIMIT) == inner


@pytest.mark.parametrize(
    "encoding", ["br", "zstd", "compress", "gzip, gzip", "gzip,deflate", "x", "identity, gzip"]
)
async def test_an_encoding_that_was_not_asked_for_is_refused(encoding):
    with pytest.raises(HttpFailed) as failed:
        await read_body(Stream(b"x"), encoding, LIMIT)

    assert failed.value.reason == "encoding"


BROKEN = {
    "not gzip": b"not gzip at all",
    "cut short": gzip.compress(b"x" * 999)[:-5],
    "cut in its head": gzip.compress(b"x")[:5],
    "followed by something else": gzip.compress(b"x") + b"junk",
    "a chain without end": gzip.compress(b"") * 65,
}


@pytest.mark.parametrize("packed", BROKEN.values(), ids=BROKEN)
async def test_a_broken_stream_is_refused(packed):
    with pytest.raises(HttpFailed) as failed:
        await read_body(Stream(packed), "gzip", LIMIT)

    assert failed.value.reason == "encoding"


async def test_chained_gzip_members_are_one_body():
    assert (
        await read_body(Stream(gzip.compress(b"one ") + gzip.compress(b"two"), 5), "gzip", LIMIT)
        == b"one two"
    )


async def test_the_empty_body_of_a_packed_reply_is_empty():
    assert await read_body(Stream(b""), "gzip", LIMIT) == b""
