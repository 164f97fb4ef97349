"""Opening for one call: by name, in their own place, and not at all once altered."""

import dataclasses

import pytest

from tests.support.fakes import START, FakeClock
from toolcrib.contracts.errors import SecretNotFound
from toolcrib.contracts.secret import texts
from toolcrib.kit.cipher import Cipher
from toolcrib.vault.service import SealedSecret, Vault

CIPHER = Cipher(bytes(range(32)))


def sealed(name="K", value="s3cr3t", workspace="w1", version=1) -> SealedSecret:
    text = CIPHER.seal("secrets", workspace, f"{workspace}:{name}:{version}", value.encode())
    return SealedSecret(name, version, text, START, START)


def opened(workspace, secret, names=("K",)):
    found = Vault(CIPHER, FakeClock()).open(workspace, {secret.name: secret}, names)
    return dict(texts(found))


def test_what_a_call_names_is_opened():
    assert opened("w1", sealed()) == {"K": "s3cr3t"}


def test_what_a_call_does_not_name_stays_sealed():
    assert opened("w1", sealed(), ()) == {}


def test_the_first_missing_name_is_told():
    with pytest.raises(SecretNotFound) as missing:
        opened("w1", sealed(), ("Z", "A", "K"))
    assert missing.value.details == {"name": "A"}
    assert "toolcrib secrets set A" in missing.value.message


def test_every_missing_name_is_told_to_who_only_asks():
    names = ("Z", "A", "K")
    missing = Vault(CIPHER, FakeClock()).missing("w1", {"K": sealed()}, names)
    assert [error.details["name"] for error in missing] == ["A", "Z"]


@pytest.mark.parametrize(
    ("workspace", "secret"),
    [
        ("w2", sealed()),
        ("w1", dataclasses.replace(sealed(name="L"), name="K")),
        ("w1", dataclasses.replace(sealed(), version=2)),
        ("w1", dataclasses.replace(sealed(), sealed=b"\0" * 40)),
        ("w1", dataclasses.replace(sealed(), sealed=b"")),
    ],
    ids=["another workspace", "another name", "another version", "altered", "empty"],
)
def test_a_moved_or_altered_value_does_not_open(workspace, secret):
    with pytest.raises(SecretNotFound, match="does not open here") as refused:
        opened(workspace, secret)
    assert "s3cr3t" not in str(refused.value.message)


def test_a_sealed_secret_shows_its_name_alone():
    assert repr(sealed()) == "[secret:K]"
