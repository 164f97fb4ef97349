"""Whom the command line trusts: the server's own client does not ask the environment, the shell's does."""

import pytest

from tests.integration.kit.http.raw import always, serve
from tests.security.egress.authority import Authority
from toolcrib.cli.refused import Refused
from toolcrib.cli.session import client_for
from toolcrib.kit.http import HttpFailed, HttpRequest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


async def asked(authority):
    async with serve(always(OK), authority.server("127.0.0.1")) as raw:
        client = client_for(f"https://127.0.0.1:{raw.port}")
        try:
            reply = await client.send("cli", HttpRequest("GET", f"https://127.0.0.1:{raw.port}/"))
            return reply.status
        except HttpFailed as failed:
            return failed.reason
        finally:
            await client.close()


async def test_an_authority_of_the_shell_is_trusted(authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", authority.ca_file)
    assert await asked(authority) == 200


@pytest.mark.parametrize("named", [None, "", "/none.pem"])
async def test_without_one_nobody_strange_is(authority, monkeypatch, named):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    if named is not None:
        monkeypatch.setenv("SSL_CERT_FILE", named)
    assert await asked(authority) == "tls"


def test_a_file_without_certificates_is_named(tmp_path, monkeypatch):
    (tmp_path / "ca.pem").write_text("nothing")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(Refused, match=r"SSL_CERT_FILE: .*ca.pem holds no certificates"):
        client_for("https://crib.example")


async def test_over_plain_http_nobody_asks(tmp_path, monkeypatch):
    (tmp_path / "ca.pem").write_text("nothing")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    await client_for("http://127.0.0.1:8000").close()
