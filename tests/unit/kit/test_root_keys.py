"""Two root keys at hand: one seals, both open; digests keep their key whatever root key comes."""

import pytest

from toolcrib.kit.cipher import Cipher, Tampered

OLD, NEW = bytes(range(32)), bytes(range(1, 33))


def test_what_the_previous_key_sealed_opens_until_it_is_gone():
    sealed = Cipher(OLD).seal("p", "w", "c", b"value")
    both = Cipher(NEW, OLD)
    assert both.open("p", "w", "c", sealed) == b"value"
    assert both.open("p", "w", "c", sealed, Cipher(OLD).fingerprint) == b"value"
    for cipher, root in ((both, both.fingerprint), (both, "unknown"), (Cipher(NEW), None)):
        with pytest.raises(Tampered):
            cipher.open("p", "w", "c", sealed, root)


def test_the_key_in_use_seals():
    both = Cipher(NEW, OLD)
    assert Cipher(NEW).open("p", "w", "c", both.seal("p", "w", "c", b"v")) == b"v"
    both.use(Cipher(OLD).fingerprint)
    assert Cipher(OLD).open("p", "w", "c", both.seal("p", "w", "c", b"v")) == b"v"
    with pytest.raises(Tampered):
        both.use("unknown")
    assert set(both.held) == {Cipher(OLD).fingerprint, Cipher(NEW).fingerprint}


def test_an_adopted_key_makes_the_digests():
    both, key = Cipher(NEW, OLD), Cipher(OLD).digest_key("keys")
    assert both.digest("keys", b"x") != Cipher(OLD).digest("keys", b"x")
    both.adopt("keys", key)
    assert both.digest("keys", b"x") == Cipher(OLD).digest("keys", b"x")
    assert both.digest("other", b"x") == Cipher(NEW).digest("other", b"x")
    with pytest.raises(Tampered):
        both.digest_key("keys", "unknown")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_previous_key_has_its_length_too(length):
    with pytest.raises(ValueError, match="must be 32 bytes"):
        Cipher(NEW, bytes(length))
