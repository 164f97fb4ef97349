"""Names: every answer is checked, the checked address is dialled, and TLS is held to the name."""

import pytest

from tests.integration.kit.http.raw import always, serve
from toolcrib.kit.http import Egress, EgressDenied, HttpClient, HttpFailed, HttpRequest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Answers:
    """A resolver whose answers are given; the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def test_a_name_is_resolved_once_and_dialled_under_its_name(authority):
    seen: list[str | None] = []
    tls = authority.server("api.example")
    tls.sni_callback = lambda connection, name, context: seen.append(name)
    answers = Answers(["127.0.0.1"], ["169.254.169.254"])
    async with serve(always(OK), tls) as raw:
        client = HttpClient(Egress.parse("*.example,api.example", authority.ca_file), resolve=answers)
        for _ in range(3):
            await client.send("w", HttpRequest("GET", f"https://API.example.:{raw.port}/"))
        await client.close()

    assert answers.asked == [("api.example", raw.port)]
    assert seen == ["api.example"]
    assert f"\r\nHost: api.example:{raw.port}\r\n".encode() in raw.journal[0]


@pytest.mark.parametrize("answers", [
    ["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["127.0.0.1", "93.184.216.34"], ["::1"], ["::ffff:127.0.0.1"],
    ["93.184.216.34", "64:ff9b::7f00:1"], ["fe80::1%1"], ["127.1"], ["nonsense"], ["2130706433"],
])  # fmt: skip
async def test_one_denied_answer_denies_the_call(answers):
    client = HttpClient(Egress(), resolve=Answers(answers))
    with pytest.raises(EgressDenied):
        await client.send("w", HttpRequest("GET", "https://rebind.example/"))
    await client.close()


@pytest.mark.parametrize(
    "url", ["http://a.example/", "https://a.example:8443/", "https://a.example/../b", "https://127.1/"]
)
async def test_what_no_answer_could_allow_is_not_even_looked_up(url):
    answers = Answers(["93.184.216.34"])
    client = HttpClient(Egress(), resolve=answers)
    with pytest.raises(EgressDenied):
        await client.send("w", HttpRequest("GET", url))
    await client.close()

    assert answers.asked == []


async def test_each_new_connection_is_checked_anew(authority):
    async with serve(always(OK), authority.server("api.example")) as raw:
        egress = Egress.parse(f"127.0.0.1:{raw.port}", authority.ca_file)
        client = HttpClient(egress, resolve=Answers(["127.0.0.1"], ["127.0.0.2"]))
        await client.send("a", HttpRequest("GET", f"https://api.example:{raw.port}/"))
        with pytest.raises(EgressDenied):
            await client.send("b", HttpRequest("GET", f"https://api.example:{raw.port}/"))
        await client.close()

    assert raw.connections == 1


@pytest.mark.parametrize("gone", [[], OSError(), UnicodeError()])
async def test_a_name_without_an_answer_is_not_resolved(gone):
    async def resolve(host: str, port: int) -> list[str]:
        if isinstance(gone, Exception):
            raise gone
        return gone

    client = HttpClient(Egress(), resolve=resolve)
    with pytest.raises(HttpFailed) as failed:
        await client.send("w", HttpRequest("GET", "https://gone.example/"))
    await client.close()

    assert (failed.value.reason, failed.value.sent) == ("resolve", False)


async def test_the_system_resolver_is_asked_when_none_is_given():
    async with serve(always(OK)) as raw:
        client = HttpClient(Egress.parse("localhost"))
        reply = await client.send("w", HttpRequest("GET", f"http://localhost:{raw.port}/"))
        await client.close()

    assert reply.body == b"ok"


@pytest.mark.parametrize(
    ("trusted", "certified"), [(False, "api.example"), (True, "other.example"), (True, "127.0.0.1")]
)
async def test_a_certificate_must_be_trusted_and_bear_the_name(authority, trusted, certified):
    async with serve(always(OK), authority.server(certified)) as raw:
        egress = Egress.parse("api.example", authority.ca_file if trusted else None)
        client = HttpClient(egress, resolve=Answers(["127.0.0.1"]))
        with pytest.raises(HttpFailed) as failed:
            await client.send("w", HttpRequest("GET", f"https://api.example:{raw.port}/"))
        await client.close()

    assert (failed.value.reason, failed.value.sent) == ("tls", False)
    assert raw.journal == []


async def test_the_environment_names_no_authority(authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", authority.ca_file)
    async with serve(always(OK), authority.server("127.0.0.1")) as raw:
        client = HttpClient(Egress.parse("127.0.0.1"))
        with pytest.raises(HttpFailed) as failed:
            await client.send("w", HttpRequest("GET", f"https://127.0.0.1:{raw.port}/"))
        await client.close()

    assert failed.value.reason == "tls"


async def test_the_keys_of_connections_are_written_down_nowhere(authority, monkeypatch, tmp_path):
    written = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(written))
    async with serve(always(OK), authority.server("127.0.0.1")) as raw:
        client = HttpClient(Egress.parse("127.0.0.1", authority.ca_file))
        assert (await client.send("w", HttpRequest("GET", f"https://127.0.0.1:{raw.port}/"))).body == b"ok"
        await client.close()

    assert "SECRET" not in (written.read_text() if written.exists() else "")


async def test_an_address_can_be_certified_too(authority):
    async with serve(always(OK), authority.server("127.0.0.1")) as raw:
        client = HttpClient(Egress.parse("127.0.0.1", authority.ca_file))
        reply = await client.send("w", HttpRequest("GET", f"https://127.0.0.1:{raw.port}/"))
        await client.close()

    assert reply.body == b"ok"


def test_an_authority_that_is_not_there_stops_the_start(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        HttpClient(Egress(ca_file=str(tmp_path / "absent.pem")))
