"""Issuers of the settings: each is whole and safe, or refused by the setting's name before anybody signs in."""

from pathlib import Path

import pytest

from tests.support.mint import SECRET, Minter, jwks
from toolcrib.app.issuers import FileKeys, open_verifier, read_issuers
from toolcrib.app.settings import Settings, UnsafeSetting
from toolcrib.contracts.issuer import LARGEST_JWKS, JwtAlgorithm, KeysUnavailable
from toolcrib.kit.http import Egress, HttpClient

URL = {
    "TOOLCRIB_JWT_ISSUERS": "corp",
    "TOOLCRIB_JWT_CORP_ISSUER": "https://login.example",
    "TOOLCRIB_JWT_CORP_AUDIENCE": "toolcrib",
    "TOOLCRIB_JWT_CORP_ALGORITHM": "ES256",
    "TOOLCRIB_JWT_CORP_JWKS_URL": "https://login.example/jwks.json",
}
SHARED = URL | {
    "TOOLCRIB_JWT_SHARED_SECRETS": "on",
    "TOOLCRIB_JWT_CORP_ALGORITHM": "HS256",
    "TOOLCRIB_JWT_CORP_JWKS_URL": "",
    "TOOLCRIB_JWT_CORP_SECRET": SECRET.decode(),
}
EXAMPLE_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"


def issuers_of(environment, allow=""):
    egress = Egress.parse(allow)
    return read_issuers(Settings.read(environment), environment, egress, HttpClient(egress))


def file_of(folder: Path, *keys) -> Path:
    path = folder / "jwks.json"
    path.write_bytes(jwks(*keys))
    return path


def with_file(path: Path) -> dict[str, str]:
    return URL | {"TOOLCRIB_JWT_CORP_JWKS_URL": "", "TOOLCRIB_JWT_CORP_JWKS_FILE": str(path)}


async def test_without_issuers_nobody_is_asked():
    assert issuers_of({}) == ()


async def test_an_issuer_is_read_from_its_settings():
    (found,) = issuers_of(URL | {"TOOLCRIB_JWT_CORP_AUDIENCE": "toolcrib, other,"})

    assert (found.name, found.url, found.algorithm) == ("corp", "https://login.example", JwtAlgorithm.ES256)
    assert found.audiences == {"toolcrib", "other"}
    assert (found.secret, found.jwks) == (None, None)


async def test_several_issuers_are_read_each_with_its_own():
    second = {name.replace("CORP", "LAB_2"): value for name, value in URL.items() if "CORP" in name}
    both = (
        URL
        | second
        | {"TOOLCRIB_JWT_ISSUERS": "corp, lab_2", "TOOLCRIB_JWT_LAB_2_ISSUER": "https://lab.example"}
    )

    assert [one.url for one in issuers_of(both)] == ["https://login.example", "https://lab.example"]


async def test_a_file_of_keys_is_read_at_the_start(tmp_path):
    made = Minter("ES256")
    (found,) = issuers_of(with_file(file_of(tmp_path, made.jwk())))

    assert found.jwks == jwks(made.jwk())


async def test_a_shared_secret_needs_consent_and_is_told_of(capsys):
    (found,) = issuers_of(SHARED)

    assert found.secret == SECRET
    assert "a secret that could also make them" in capsys.readouterr().err
    assert SECRET.decode() not in repr(found)


async def test_a_published_secret_is_taken_in_development_only():
    given = SHARED | {"TOOLCRIB_JWT_CORP_SECRET": EXAMPLE_SECRET}
    assert issuers_of(given)[0].secret == EXAMPLE_SECRET.encode()
    with pytest.raises(UnsafeSetting, match=r"^TOOLCRIB_JWT_CORP_SECRET is one that is published"):
        issuers_of(given | {"TOOLCRIB_ENV": "production"})


async def test_a_private_address_of_keys_needs_an_entry_of_egress():
    given = URL | {"TOOLCRIB_JWT_CORP_JWKS_URL": "http://127.0.0.1:9000/jwks.json"}
    with pytest.raises(UnsafeSetting, match=r"^TOOLCRIB_JWT_CORP_JWKS_URL "):
        issuers_of(given)
    assert issuers_of(given, allow="127.0.0.1:9000")


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("ISSUER", {"ISSUER": ""}),
        ("ISSUER", {"ISSUER": "https://login.example\u0000"}),
        ("AUDIENCE", {"AUDIENCE": ""}),
        ("AUDIENCE", {"AUDIENCE": " , "}),
        ("AUDIENCE", {"AUDIENCE": "*"}),
        ("AUDIENCE", {"AUDIENCE": "toolcrib,*"}),
        ("ALGORITHM", {"ALGORITHM": ""}),
        ("ALGORITHM", {"ALGORITHM": "none"}),
        ("ALGORITHM", {"ALGORITHM": "es256"}),
        ("ALGORITHM", {"ALGORITHM": "ES256K"}),
        ("ALGORITHM", {"ALGORITHM": "RS256,ES256"}),
        ("ALGORITHM", {"ALGORITHM": "HS512"}),
        ("ALGORITHM", {"ALGORITHM": "HS256", "JWKS_URL": "", "SECRET": SECRET.decode()}),
        ("JWKS_URL", {"JWKS_URL": ""}),
        ("JWKS_URL", {"JWKS_FILE": "/etc/keys.json"}),
        ("JWKS_URL", {"JWKS_URL": "http://login.example/jwks.json"}),
        ("JWKS_URL", {"JWKS_URL": "file:///etc/passwd"}),
        ("JWKS_URL", {"JWKS_URL": "https://169.254.169.254/jwks.json"}),
        ("JWKS_URL", {"JWKS_URL": "login.example"}),
        ("JWKS_FILE", {"JWKS_URL": "", "JWKS_FILE": "/nowhere/keys.json"}),
        ("JWKS_FILE", {"JWKS_URL": "", "JWKS_FILE": "/"}),
        ("SECRET", {"SECRET": SECRET.decode()}),
    ],
)
async def test_an_issuer_that_is_not_whole_is_refused_by_the_settings_name(name, changed):
    given = URL | {f"TOOLCRIB_JWT_CORP_{part}": value for part, value in changed.items()}
    with pytest.raises(UnsafeSetting, match=f"^TOOLCRIB_JWT_CORP_{name} "):
        issuers_of(given)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("ALGORITHM", {"JWKS_URL": "https://login.example/jwks.json"}),
        ("ALGORITHM", {"JWKS_FILE": "/etc/keys.json"}),
        ("SECRET", {"SECRET": ""}),
    ],
)
async def test_a_shared_secret_stands_alone(name, changed):
    given = SHARED | {f"TOOLCRIB_JWT_CORP_{part}": value for part, value in changed.items()}
    with pytest.raises(UnsafeSetting, match=f"^TOOLCRIB_JWT_CORP_{name} "):
        issuers_of(given)


@pytest.mark.parametrize("names", ["Corp", "corp;lab", "1corp", "corp corp", "a" * 32, "-", "corp,corp"])
def test_what_is_no_list_of_names_is_refused(names):
    with pytest.raises(UnsafeSetting, match=r"^TOOLCRIB_JWT_ISSUERS"):
        Settings.read({"TOOLCRIB_JWT_ISSUERS": names})


def test_the_consent_is_on_or_off():
    with pytest.raises(UnsafeSetting, match=r"^TOOLCRIB_JWT_SHARED_SECRETS must be on or off"):
        Settings.read({"TOOLCRIB_JWT_SHARED_SECRETS": "yes"})


async def test_two_issuers_of_one_iss_are_refused():
    second = {name.replace("CORP", "LAB"): value for name, value in URL.items() if "CORP" in name}
    with pytest.raises(UnsafeSetting, match=r"^TOOLCRIB_JWT_LAB_ISSUER is that of corp too"):
        issuers_of(URL | second | {"TOOLCRIB_JWT_ISSUERS": "corp,lab"})


@pytest.mark.parametrize(
    "secret", ["secret", "a" * 64, "0123456789abcdef" * 1 + "01234567890abcd", "ab" * 40]
)
async def test_a_short_or_dull_secret_is_refused(secret, clock):
    issuers = issuers_of(SHARED | {"TOOLCRIB_JWT_CORP_SECRET": secret})
    with pytest.raises(UnsafeSetting, match=r"^TOOLCRIB_JWT_CORP_SECRET: .*32 random bytes") as refused:
        open_verifier(issuers, clock)
    assert secret not in str(refused.value)


@pytest.mark.parametrize("jwk", [{"d": "x"}, {"k": "x"}, {"kty": "oct"}])
async def test_a_file_with_a_private_key_is_refused(tmp_path, clock, jwk):
    issuers = issuers_of(with_file(file_of(tmp_path, Minter("ES256").jwk() | jwk)))
    with pytest.raises(UnsafeSetting, match=r"^TOOLCRIB_JWT_CORP_JWKS_FILE: .*private key"):
        open_verifier(issuers, clock)


def test_settings_of_named_issuers_are_no_misspellings():
    given = URL | {"TOOLCRIB_JWT_LAB_ISSUER": "x", "TOOLCRIB_JWT_CORP_AUDIANCE": "x"}
    assert Settings.misspelled(given) == [
        ("TOOLCRIB_JWT_CORP_AUDIANCE", "TOOLCRIB_JWT_CORP_AUDIENCE"),
        ("TOOLCRIB_JWT_LAB_ISSUER", "TOOLCRIB_JWT_ISSUERS"),
    ]


async def test_a_file_is_read_again_when_it_has_changed(tmp_path):
    path = file_of(tmp_path, Minter("ES256").jwk())
    keys = FileKeys(path)
    assert await keys.read() == path.read_bytes()
    assert await keys.read() is None
    changed = path.with_suffix(".new")
    changed.write_bytes(b"{}")
    changed.rename(path)
    assert await keys.read() == b"{}"
    path.unlink()
    with pytest.raises(KeysUnavailable, match="No such file"):
        await keys.read()


async def test_a_file_that_everybody_may_write_is_refused(tmp_path):
    path = file_of(tmp_path, Minter("ES256").jwk())
    path.chmod(0o666)
    with pytest.raises(UnsafeSetting, match=r"^TOOLCRIB_JWT_CORP_JWKS_FILE .*chmod o-w"):
        issuers_of(with_file(path))
    path.chmod(0o664)
    assert issuers_of(with_file(path))


async def test_no_more_of_a_file_is_read_than_a_set_may_have(tmp_path):
    path = tmp_path / "jwks.json"
    path.write_bytes(b" " * (3 * LARGEST_JWKS))
    read = await FileKeys(path).read()
    assert read is not None
    assert len(read) == LARGEST_JWKS + 1
