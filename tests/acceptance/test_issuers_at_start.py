"""Issuers that a server does not start with: each is refused by the setting's name, and nothing of a key is told."""

from pathlib import Path

import pytest

from tests.support.mint import SECRET, Minter, jwks
from tests.support.server import prepare_server

CORP = {
    "TOOLCRIB_JWT_ISSUERS": "corp",
    "TOOLCRIB_JWT_CORP_ISSUER": "https://login.example",
    "TOOLCRIB_JWT_CORP_AUDIENCE": "toolcrib",
    "TOOLCRIB_JWT_CORP_ALGORITHM": "ES256",
}
SHARED = CORP | {"TOOLCRIB_JWT_SHARED_SECRETS": "on", "TOOLCRIB_JWT_CORP_ALGORITHM": "HS256"}
USAGE = 2


def file_of(folder: Path, *keys) -> dict[str, str]:
    path = folder / "jwks.json"
    path.write_bytes(jwks(*keys))
    return CORP | {"TOOLCRIB_JWT_CORP_JWKS_FILE": str(path)}


def boot(folder: Path, env: dict[str, str]):
    server = prepare_server(folder / "data", env)
    server.spawn()
    return server.wait(), server.stderr


@pytest.mark.parametrize(
    ("name", "env"),
    [
        ("JWKS_URL", CORP),
        ("JWKS_URL", CORP | {"TOOLCRIB_JWT_CORP_JWKS_URL": "http://10.0.0.1/jwks.json"}),
        ("ALGORITHM", SHARED | {"TOOLCRIB_JWT_SHARED_SECRETS": "off"}),
        ("SECRET", SHARED),
        ("SECRET", SHARED | {"TOOLCRIB_JWT_CORP_SECRET": "changeme"}),
    ],
)
def test_an_issuer_that_is_not_safe_stops_the_start(tmp_path, name, env):
    code, said = boot(tmp_path, env)
    assert code == USAGE
    assert f"UNSAFE_SETTING TOOLCRIB_JWT_CORP_{name}" in said
    assert "changeme" not in said


def test_a_file_with_a_private_key_stops_the_start(tmp_path):
    code, said = boot(tmp_path, file_of(tmp_path, Minter("ES256").jwk(d="c2VjcmV0")))
    assert code == USAGE
    assert "UNSAFE_SETTING TOOLCRIB_JWT_CORP_JWKS_FILE: it holds a private key" in said
    assert "c2VjcmV0" not in said


@pytest.mark.parametrize("shared", [False, True])
def test_a_whole_issuer_starts_and_a_shared_secret_is_told_of(tmp_path, shared):
    env = (
        SHARED | {"TOOLCRIB_JWT_CORP_SECRET": SECRET.decode()}
        if shared
        else file_of(tmp_path, Minter("ES256").jwk())
    )
    server = prepare_server(tmp_path / "data", env)
    server.start()
    assert server.stop() == 0
    assert ("a secret that could also make them" in server.stderr) == shared
    assert SECRET.decode() not in server.stderr + server.stdout
