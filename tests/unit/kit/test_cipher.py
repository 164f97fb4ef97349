"""Sealed values open in their own place alone; digests are keyed by purpose."""

import pytest

from toolcrib.kit.cipher import KEY_BYTES, Cipher, Tampered

ROOT = bytes(range(32))


def sealed(cipher: Cipher) -> bytes:
    return cipher.seal("secrets", "w1", "w1:K:1", b"value")


def test_what_is_sealed_opens_in_its_place():
    assert Cipher(ROOT).open("secrets", "w1", "w1:K:1", sealed(Cipher(ROOT))) == b"value"


@pytest.mark.parametrize(
    "place",
    [
        ("secrets", "w2", "w1:K:1"),
        ("other", "w1", "w1:K:1"),
        ("secrets", "w1", "w1:L:1"),
        ("secrets", "w1", "w1:K:2"),
        ("secrets", "w1", "w2:K:1"),
    ],
)
def test_it_opens_in_no_other_place(place):
    with pytest.raises(Tampered):
        Cipher(ROOT).open(*place, sealed(Cipher(ROOT)))


def test_it_opens_under_no_other_root_key():
    with pytest.raises(Tampered):
        Cipher(bytes(32)).open("secrets", "w1", "w1:K:1", sealed(Cipher(ROOT)))


@pytest.mark.parametrize("place", range(0, 12 + 5 + 16, 3))
def test_an_altered_byte_is_noticed(place):
    whole = bytearray(sealed(Cipher(ROOT)))
    whole[place] ^= 1
    with pytest.raises(Tampered):
        Cipher(ROOT).open("secrets", "w1", "w1:K:1", bytes(whole))


@pytest.mark.parametrize("length", [0, 5, 12, 20, 32])
def test_a_shortened_value_is_noticed(length):
    with pytest.raises(Tampered):
        Cipher(ROOT).open("secrets", "w1", "w1:K:1", sealed(Cipher(ROOT))[:length])


def test_no_two_seals_are_alike():
    cipher = Cipher(ROOT)
    assert len({sealed(cipher) for _ in range(100)}) == 100


def test_digests_depend_on_purpose_and_root_key():
    cipher = Cipher(ROOT)
    assert cipher.digest("a", b"x") == cipher.digest("a", b"x")
    assert cipher.digest("a", b"x") != cipher.digest("b", b"x")
    assert cipher.digest("a", b"x") != Cipher(bytes(32)).digest("a", b"x")
    assert Cipher.same(b"a", b"a")
    assert not Cipher.same(b"a", b"b")


@pytest.mark.parametrize("length", [0, KEY_BYTES - 1, KEY_BYTES + 1])
def test_a_root_key_has_its_length(length):
    with pytest.raises(ValueError, match="must be 32 bytes"):
        Cipher(bytes(length))
