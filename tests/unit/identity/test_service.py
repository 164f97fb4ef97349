"""Who is behind a credential, by the keys known now; what was checked once is remembered, within bounds."""

import dataclasses

import pytest

from tests.support.fakes import START, FakeClock
from toolcrib.contracts.errors import Unauthorized
from toolcrib.contracts.principal import ActorType, Principal, Role
from toolcrib.identity.service import Identity, Key, Roster, Workspace
from toolcrib.identity.tokens import Token, new_token
from toolcrib.kit.cipher import Cipher


class CountingCipher(Cipher):
    """Counts keyed digests."""

    digests = 0

    def digest(self, purpose, value):
        self.digests += 1
        return super().digest(purpose, value)


def house():
    cipher = CountingCipher(bytes(range(32)))
    return Identity(cipher, FakeClock()), cipher


def key_of(cipher: Cipher, token: Token, **parts) -> Key:
    principal = Principal(token.workspace_id, ActorType.USER, "user:k", Role.OWNER, token.key_id)
    key = Key(
        token.key_id,
        "k",
        principal,
        cipher.digest("api-keys", token.text.encode()),
        START,
        "test",
        None,
        False,
    )
    return dataclasses.replace(key, **parts)


def known(*keys: Key, **parts) -> Roster:
    return Roster(Workspace("w", "sea", **parts), {key.id: key for key in keys})


def principal(identity: Identity, roster: Roster, token: Token) -> Principal:
    return identity.again(roster, identity.holder(roster, token))


def test_a_genuine_key_is_its_principal():
    identity, cipher = house()
    token = new_token("w")
    key = key_of(cipher, token)
    assert principal(identity, known(key), identity.claimed(token.text)) == key.principal


def test_a_forged_key_with_a_good_checksum_is_nobody():
    identity, cipher = house()
    token, other = new_token("w"), new_token("w")
    forged = Token(other.text, "w", token.key_id)
    with pytest.raises(Unauthorized):
        principal(identity, known(key_of(cipher, token)), forged)


def test_a_key_digested_under_another_root_key_is_nobody():
    identity, _ = house()
    token = new_token("w")
    key = key_of(Cipher(bytes(32)), token)
    with pytest.raises(Unauthorized):
        principal(identity, known(key), token)


@pytest.mark.parametrize(("parts", "good"), [({}, True), ({"revoked": True}, False), ({"expires_at": START}, False), ({"expires_at": START + 1}, True)])  # fmt: skip
def test_a_key_counts_while_it_is_neither_revoked_nor_expired(parts, good):
    identity, cipher = house()
    token = new_token("w")
    key = key_of(cipher, token, **parts)
    if good:
        assert principal(identity, known(key), token) == key.principal
    else:
        with pytest.raises(Unauthorized):
            principal(identity, known(key), token)


def test_an_unknown_key_is_nobody():
    identity, _ = house()
    with pytest.raises(Unauthorized):
        principal(identity, known(), new_token("w"))


def test_a_key_is_digested_once_and_its_revocation_still_counts():
    identity, cipher = house()
    token = new_token("w")
    key = key_of(cipher, token)
    before = cipher.digests
    for _ in range(3):
        principal(identity, known(key), identity.claimed(token.text))
    assert cipher.digests == before + 1
    with pytest.raises(Unauthorized):
        principal(identity, known(dataclasses.replace(key, revoked=True)), identity.claimed(token.text))


def test_the_role_is_the_one_known_now():
    identity, cipher = house()
    token = new_token("w")
    key = key_of(cipher, token)
    narrowed = dataclasses.replace(key.principal, role=Role.VIEWER)
    assert (
        identity.again(known(dataclasses.replace(key, principal=narrowed)), key.principal).role is Role.VIEWER
    )


def test_what_is_remembered_is_bounded():
    identity, cipher = house()
    for _ in range(10_001):
        token = new_token("w")
        principal(identity, known(key_of(cipher, token)), token)
    assert len(identity._checked) == 1


def test_what_is_no_key_is_nobody():
    identity, _ = house()
    with pytest.raises(Unauthorized):
        identity.claimed("tcb_w_k_x")
