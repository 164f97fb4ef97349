"""The operator's proxy: every way out leads through it, to addresses that were checked here, or there is no way out."""

import asyncio
import base64
import contextlib
import socket
from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.integration.kit.http.raw import always, serve
from tests.standins.proxy import ConnectProxy
from tests.support.ports import free_port
from toolcrib.kit.http import Egress, EgressDenied, HttpClient, HttpFailed, HttpRequest, HttpTimeout, Proxy
from toolcrib.kit.http.failures import Blocked
from toolcrib.kit.http.tunnel import Tunnels

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ALLOWED = "127.0.0.0/8,[::1],localhost,api.example"


@pytest.fixture
async def proxy():
    async with ConnectProxy().listening() as running:
        yield running


def named(**answers):
    """A resolver of ours that notes what it is asked."""

    async def resolve(host, port):
        resolve.asked.append(host)
        return answers.get(host.replace(".", "_"), [host])

    resolve.asked = []
    return resolve


@contextlib.asynccontextmanager
async def client_of(url, allow=ALLOWED, ca_file=None, resolve=None):
    egress = replace(Egress.parse(allow, ca_file), proxy=Proxy.parse(url))
    client = HttpClient(egress, resolve=resolve or named())
    try:
        yield client
    finally:
        await client.close()


async def failed(client, url, **parts):
    with pytest.raises(HttpFailed) as caught:
        await client.send("w", HttpRequest("GET", url, **parts))
    return caught.value.reason, caught.value.sent


class TestTheWay:
    async def test_plain_http_goes_through_a_tunnel_to_the_address(self, proxy):
        resolve = named(api_example=["127.0.0.1"])
        async with serve(always(OK)) as raw, client_of(proxy.url, resolve=resolve) as client:
            reply = await client.send("w", HttpRequest("GET", f"http://Api.Example.:{raw.port}/a?b=c"))
        assert (reply.status, reply.body) == (200, b"ok")
        assert [one.line for one in proxy.asked] == [f"CONNECT 127.0.0.1:{raw.port} HTTP/1.1"]
        assert proxy.asked[0].headers == {"host": f"127.0.0.1:{raw.port}"}
        assert raw.journal[0].startswith(f"GET /a?b=c HTTP/1.1\r\nHost: api.example:{raw.port}\r\n".encode())
        assert b"proxy" not in raw.journal[0].lower()
        assert resolve.asked == ["api.example", "127.0.0.1"]

    async def test_tls_is_held_to_the_name_inside_of_the_tunnel(self, proxy, authority):
        seen = []
        tls = authority.server("api.example")
        tls.sni_callback = lambda connection, name, context: seen.append(name)
        resolve = named(api_example=["127.0.0.1"])
        async with (
            serve(always(OK), tls) as raw,
            client_of(proxy.url, ca_file=authority.ca_file, resolve=resolve) as client,
        ):
            assert (
                await client.send("w", HttpRequest("GET", f"https://api.example:{raw.port}/"))
            ).status == 200
        assert (proxy.targets, seen) == ([f"127.0.0.1:{raw.port}"], ["api.example"])

    async def test_a_certificate_for_another_name_is_not_accepted(self, proxy, authority):
        resolve = named(api_example=["127.0.0.1"])
        async with (
            serve(always(OK), authority.server("other.example")) as raw,
            client_of(proxy.url, ca_file=authority.ca_file, resolve=resolve) as client,
        ):
            assert await failed(client, f"https://api.example:{raw.port}/") == ("tls", False)
            assert raw.journal == []

    async def test_an_ipv6_address_is_asked_for_in_brackets(self, proxy):
        proxy.status = 503
        async with client_of(proxy.url) as client:
            assert await failed(client, "http://[::1]:7/") == ("proxy_refused", False)
        assert proxy.targets == ["[::1]:7"]

    async def test_a_stream_goes_through_it_too(self, proxy):
        async with (
            serve(always(OK)) as raw,
            client_of(proxy.url) as client,
            client.stream("w", HttpRequest("GET", raw.url())) as stream,
        ):
            assert [piece async for piece in stream.pieces()] == [b"ok"]
        assert len(proxy.asked) == 1

    async def test_a_way_is_used_again_by_its_workspace_and_by_no_other(self, proxy):
        async with serve(always(OK)) as raw, client_of(proxy.url) as client:
            for pool in ("a", "a", "b", "a", "b"):
                await client.send(pool, HttpRequest("GET", raw.url()))
        assert (len(proxy.asked), raw.connections, len(raw.journal)) == (2, 2, 5)

    async def test_credentials_are_shown_to_the_proxy_and_to_nobody_else(self, capfd):
        async with ConnectProxy(user="ann:hunter2").listening() as proxy, serve(always(OK)) as raw:
            async with client_of(proxy.url) as client:
                await client.send("w", HttpRequest("GET", raw.url()))
            proxy.user = "ann:changed"
            async with client_of(f"http://ann:hunter2@127.0.0.1:{proxy.port}") as client:
                assert await failed(client, raw.url()) == ("proxy_away", False)
        shown = "Basic " + base64.b64encode(b"ann:hunter2").decode()
        assert proxy.asked[0].headers["proxy-authorization"] == shown
        assert b"hunter2" not in b"".join(raw.journal)
        log = "".join(capfd.readouterr())
        assert "it wants other credentials" in log
        assert ("hunter2" in log, shown in log) == (False, False)

    async def test_the_next_address_is_asked_for_where_there_is_no_way_to_the_first(self, proxy):
        proxy.told = lambda _: setattr(proxy, "status", 200 if len(proxy.asked) > 1 else 502)
        resolve = named(api_example=["127.0.0.7", "127.0.0.1"])
        async with serve(always(OK)) as raw, client_of(proxy.url, resolve=resolve) as client:
            assert (
                await client.send("w", HttpRequest("GET", f"http://api.example:{raw.port}/"))
            ).status == 200
            assert proxy.targets == [f"127.0.0.7:{raw.port}", f"127.0.0.1:{raw.port}"]

    async def test_its_own_name_is_looked_up_here_and_may_have_several_addresses(self, proxy):
        resolve = named(proxy_corp_example=["127.0.0.9", "127.0.0.1"])
        url = f"http://proxy.corp.example:{proxy.port}"
        async with serve(always(OK)) as raw, client_of(url, resolve=resolve) as client:
            assert (await client.send("w", HttpRequest("GET", raw.url()))).status == 200
        assert resolve.asked == ["proxy.corp.example"]


class TestWithoutIt:
    """Whatever is wrong with the proxy, nothing goes past it."""

    async def test_a_proxy_that_is_away_ends_the_call(self):
        async with serve(always(OK)) as raw, client_of(f"http://127.0.0.1:{free_port()}") as client:
            assert await failed(client, raw.url()) == ("proxy_away", False)
            assert raw.connections == 0

    async def test_one_whose_name_leads_nowhere_ends_it_as_well(self):
        async def nowhere(host, port):
            raise OSError

        for answers in (nowhere, named(proxy=[]), named(proxy=["nonsense"])):
            async with serve(always(OK)) as raw, client_of("http://proxy:3128", resolve=answers) as client:
                assert await failed(client, raw.url()) == ("proxy_away", False)
                assert raw.connections == 0

    @pytest.mark.parametrize("status", [201, 204, 301, 400, 403, 404, 405, 429, 500, 502, 503, 504])
    async def test_a_proxy_that_says_no_ends_the_call(self, proxy, status):
        proxy.status = status
        async with serve(always(OK)) as raw, client_of(proxy.url) as client:
            assert await failed(client, raw.url()) == ("proxy_refused", False)
            assert raw.journal == []
            proxy.status = 200
            assert (await client.send("w", HttpRequest("GET", raw.url()))).status == 200

    @pytest.mark.parametrize(
        "answer",
        [
            b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nx", b"HTTP/2 200\r\n\r\n",
            b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 200\r\n\r\n\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"200 OK\r\n\r\n", b"HTTP/1.1 \r\n\r\n",
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: " + b"x" * 40_000, b"\x16\x03\x01" * 100,
        ],
    )  # fmt: skip
    async def test_an_answer_that_is_none_ends_the_call(self, answer):
        async def script(line):
            await line.request()
            with contextlib.suppress(ConnectionError):
                await line.send(answer)

        async with serve(always(OK)) as raw, serve(script) as odd:
            async with client_of(f"http://127.0.0.1:{odd.port}") as client:
                assert await failed(client, raw.url()) == ("proxy_away", False)
            assert raw.connections == 0

    async def test_a_reset_ends_the_call(self):
        async def script(line):
            await line.request()
            line.reset()

        async with serve(always(OK)) as raw, serve(script) as odd:
            async with client_of(f"http://127.0.0.1:{odd.port}") as client:
                assert await failed(client, raw.url()) == ("proxy_away", False)
            assert raw.connections == 0

    async def test_a_proxy_that_never_answers_costs_the_deadline_and_nothing_is_sent(self):
        async def script(line):
            await line.request()
            await asyncio.Event().wait()

        async with serve(always(OK)) as raw, serve(script) as mute:
            async with client_of(f"http://127.0.0.1:{mute.port}") as client:
                with pytest.raises(HttpTimeout) as caught:
                    await client.send("w", HttpRequest("GET", raw.url(), timeout=0.2))
                assert caught.value.sent is False
            assert raw.connections == 0

    async def test_patience_with_its_name_ends(self):
        async def hangs(host, port):
            await asyncio.Event().wait()

        tunnels = Tunnels(Proxy("proxy", 3128), hangs, patience=0.01)
        with pytest.raises(HttpFailed) as caught:
            await tunnels.open([(ip_address("127.0.0.1"), 80)])
        assert caught.value.reason == "proxy_away"

    async def test_who_is_cancelled_while_dialling_leaves_no_socket(self):
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            waiting = socket.create_connection(("127.0.0.1", port))
            async with client_of(f"http://127.0.0.1:{port}") as client:
                for _ in range(3):
                    with pytest.raises((HttpTimeout, HttpFailed)):
                        await client.send("w", HttpRequest("GET", "http://127.0.0.1:9/", timeout=0.1))
            waiting.close()

    async def test_should_the_client_dial_by_itself_it_dials_nobody(self, proxy):
        async with client_of(proxy.url) as client:
            session = client._open_session()
            with pytest.raises(Blocked):
                session.connector._socket_factory(
                    (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))
                )
            await session.close()


class TestTheCheck:
    """We look up and check ourselves; the proxy is not even asked for what is denied."""

    @pytest.mark.parametrize(
        "url",
        [
            "https://10.9.8.7/", "https://169.254.169.254/", "https://127.0.0.1/", "https://[::1]/", "https://[64:ff9b::7f00:1]/", "https://[::ffff:10.0.0.1]/",
            "http://93.184.216.34/", "https://93.184.216.34:8443/", "https://rebind.example/", "https://mixed.example/", "https://odd.example/",
        ],
    )  # fmt: skip
    async def test_what_is_denied_is_never_asked_for(self, proxy, url):
        resolve = named(
            rebind_example=["127.0.0.1"], mixed_example=["93.184.216.34", "10.0.0.1"], odd_example=["127.1"]
        )
        async with client_of(proxy.url, allow="", resolve=resolve) as client:
            with pytest.raises(EgressDenied):
                await client.send("w", HttpRequest("GET", url))
        assert proxy.asked == []

    async def test_a_public_address_is_asked_for(self, proxy):
        proxy.status = 503
        async with client_of(proxy.url, allow="", resolve=named(fine_example=["93.184.216.34"])) as client:
            assert await failed(client, "https://fine.example/") == ("proxy_refused", False)
            assert await failed(client, "https://93.184.216.34/") == ("proxy_refused", False)
        assert proxy.targets == ["93.184.216.34:443"] * 2

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "[::1]", "localhost"])
    async def test_tools_keep_off_the_servers_own_port(self, proxy, host):
        async with serve(always(OK)) as raw, serve(always(OK)) as other:
            egress = replace(Egress.parse(ALLOWED), proxy=Proxy.parse(proxy.url))
            client = HttpClient(egress, own_ports=[raw.port], resolve=named(localhost=["127.0.0.1"]))
            with pytest.raises(EgressDenied):
                await client.send("w", HttpRequest("GET", f"http://{host}:{raw.port}/"))
            assert proxy.asked == []
            assert (await client.send("w", HttpRequest("GET", other.url()))).status == 200
            await client.close()

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "[::1]", "localhost", "api.example"])
    async def test_tools_keep_off_the_proxy(self, proxy, host):
        resolve = named(localhost=["127.0.0.1"], api_example=["127.0.0.3"])
        async with client_of(proxy.url, resolve=resolve) as client:
            with pytest.raises(EgressDenied):
                await client.send("w", HttpRequest("GET", f"http://{host}:{proxy.port}/"))
        assert proxy.asked == []

    async def test_tools_keep_off_a_proxy_elsewhere_by_any_of_its_addresses(self):
        """Nobody is dialled: the addresses are compared before."""
        far = named(proxy=["10.0.0.7", "10.0.0.8"])
        tunnels = Tunnels(Proxy("proxy", 3128), far)
        for address in ("10.0.0.7", "10.0.0.8", "127.0.0.1", "0.0.0.0"):
            with pytest.raises(EgressDenied):
                await tunnels.open([(ip_address("10.0.0.9"), 3128), (ip_address(address), 3128)])

    async def test_others_may_be_called_on_the_port_of_the_proxy(self, proxy):
        proxy.status = 503
        async with client_of(proxy.url, allow="10.0.0.0/8") as client:
            assert await failed(client, f"http://10.9.8.7:{proxy.port}/") == ("proxy_refused", False)
        assert proxy.targets == [f"10.9.8.7:{proxy.port}"]
        assert not Tunnels(Proxy("proxy", 3128), named())._is_proxy(
            ip_address("10.0.0.9"), 3128, [ip_address("10.0.0.7")]
        )


class TestTheEnvironment:
    """Proxies and authorities of the environment count for nothing."""

    NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")

    @pytest.fixture
    async def other(self, monkeypatch):
        """A proxy that the environment names."""
        async with ConnectProxy().listening() as running:
            for name in self.NAMES:
                monkeypatch.setenv(name, running.url)
                monkeypatch.setenv(name.lower(), running.url)
            yield running

    async def test_its_proxies_are_not_asked(self, other, client):
        async with serve(always(OK)) as raw:
            assert (await client.send("w", HttpRequest("GET", raw.url()))).status == 200
        assert other.asked == []

    @pytest.mark.parametrize("none", ["*", "127.0.0.1", "localhost,127.0.0.0/8"])
    async def test_no_proxy_leads_past_the_operators(self, other, proxy, monkeypatch, none):
        monkeypatch.setenv("NO_PROXY", none)
        monkeypatch.setenv("no_proxy", none)
        async with serve(always(OK)) as raw, client_of(proxy.url) as client:
            assert (await client.send("w", HttpRequest("GET", raw.url()))).status == 200
        assert (len(proxy.asked), other.asked) == (1, [])

    @pytest.mark.parametrize("trusted", [False, True])
    async def test_its_authorities_are_not_trusted(self, authority, monkeypatch, tmp_path, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
        ca_file = authority.ca_file if trusted else None
        client = HttpClient(Egress.parse(ALLOWED, ca_file), resolve=named(api_example=["127.0.0.1"]))
        async with serve(always(OK), authority.server("api.example")) as raw:
            url = f"https://api.example:{raw.port}/"
            if trusted:
                assert (await client.send("w", HttpRequest("GET", url))).status == 200
            else:
                assert await failed(client, url) == ("tls", False)
        await client.close()

    async def test_the_systems_authorities_are_still_there(self, monkeypatch, tmp_path):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
        client = HttpClient(Egress())
        assert client._tls.cert_store_stats()["x509_ca"] > 0
        await client.close()
