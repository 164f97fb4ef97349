"""A server whose operator runs an outgoing proxy: tools, packs and issuers' keys leave through it, or do not leave."""

import itertools
from pathlib import Path

import pytest

from tests.standins.issuer import publish, run_issuer
from tests.standins.proxy import run_proxy
from tests.support.mint import AUDIENCE, ISSUER, Minter
from tests.support.ports import free_port
from tests.support.server import prepare_server, start_server
from tests.support.until import until

USER = "ann:hunter2-pass"
NOWHERE = "http://127.0.0.1:9"
USAGE = 2
ROOT = Path(__file__).parents[2]
_numbers = itertools.count(1)


def environment(proxy_port, upstream, **more):
    return {
        "TOOLCRIB_EGRESS_PROXY": f"http://{USER}@127.0.0.1:{proxy_port}",
        "TOOLCRIB_EGRESS_ALLOW": "127.0.0.1",
        "TOOLCRIB_PACKS": "tests.support.toolbox:numbers",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}",
        "TOOLCRIB_LOG_LEVEL": "debug",
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
        "NO_PROXY": "127.0.0.1",
        **more,
    }


def register(server, base_url):
    name = f"proxied.t{next(_numbers)}"
    config = {
        "name": name,
        "description": "d",
        "input_schema": {},
        "api": {"base_url": base_url, "path": "/quote"},
    }
    assert server.client.call("POST", "/api/v1/tools", config).status == 201
    return name


def call(server, tool, **given):
    return server.client.call("POST", f"/api/v1/tools/{tool}/execute", {"input": given})


def said(reply):
    error = reply.json["error"]
    return reply.status, error["code"], error["details"].get("reason"), error["retryable"]


def test_all_that_leaves_goes_through_it(tmp_path, upstream):
    made = Minter("ES256")
    with run_proxy(user=USER) as proxy, run_issuer() as issuer:
        issuer.answer = publish(made.jwk())
        issued = {
            "TOOLCRIB_JWT_ISSUERS": "corp",
            "TOOLCRIB_JWT_CORP_ISSUER": ISSUER,
            "TOOLCRIB_JWT_CORP_AUDIENCE": AUDIENCE,
            "TOOLCRIB_JWT_CORP_ALGORITHM": "ES256",
            "TOOLCRIB_JWT_CORP_JWKS_URL": issuer.url,
        }
        with start_server(tmp_path / "data", environment(proxy.port, upstream, **issued)) as server:
            assert call(server, register(server, upstream.url)).status == 200
            fetched = call(server, "numbers.fetch", url=f"{upstream.url}/quote")
            assert (fetched.status, fetched.json["output"]["status"]) == (200, 200)
            assert server.client.as_(made.token()).call("GET", "/api/v1/me").status == 401
            until(lambda: issuer.fetches == 1, "the issuer's keys are fetched")
            asked = [one["line"] for one in proxy.asked]
            assert asked.count(f"CONNECT {issuer.host} HTTP/1.1") == 1
            assert asked.count(f"CONNECT {upstream.host} HTTP/1.1") >= 1
            assert (upstream.connections, len(upstream.journal)) == (len(asked) - 1, 2)

            proxy_itself = register(server, f"http://127.0.0.1:{proxy.port}")
            assert said(call(server, proxy_itself)) == (403, "EGRESS_DENIED", None, False)
            url = f"http://127.0.0.1:{proxy.port}/"
            assert said(call(server, "numbers.fetch", url=url)) == (403, "EGRESS_DENIED", None, False)
            assert len(proxy.asked) == len(asked)
        logged = server.stdout + server.stderr
        assert ("hunter2" in logged, USER in logged) == (False, False)


def test_without_it_nothing_leaves_and_with_it_again_all_does(tmp_path, upstream):
    port = free_port()
    with start_server(tmp_path / "data", environment(port, upstream)) as server:
        tool = register(server, upstream.url)
        for refused in (call(server, tool), call(server, "numbers.fetch", url=f"{upstream.url}/quote")):
            assert said(refused) == (503, "UNAVAILABLE", "proxy_away", True)
            execution = refused.json["execution_id"]
            found = server.client.call("GET", f"/api/v1/tools/executions/{execution}").json
            assert (found["status"], found["error_code"]) == ("failed", "UNAVAILABLE")
        assert upstream.connections == 0
        with run_proxy(port, USER):
            assert call(server, tool).status == 200
            assert call(server, tool).status == 200
        upstream.clear()
        assert call(server, tool).status in (502, 503)  # a way that broke, or none: never one past it
        assert said(call(server, tool)) == (503, "UNAVAILABLE", "proxy_away", True)
        assert upstream.journal == []
    assert "hunter2" not in server.stdout + server.stderr


def test_one_that_wants_other_credentials_lets_nothing_out(tmp_path, upstream):
    with run_proxy(user="bob:other") as proxy:
        with start_server(tmp_path / "data", environment(proxy.port, upstream)) as server:
            assert said(call(server, register(server, upstream.url))) == (
                503,
                "UNAVAILABLE",
                "proxy_away",
                True,
            )
            assert upstream.connections == 0
        assert "it wants other credentials" in server.stderr


@pytest.mark.parametrize("text", ["proxy:3128", f"https://{USER}@proxy:3128", f"http://{USER}@proxy", " "])
def test_a_setting_that_cannot_be_read_stops_the_start(tmp_path, text):
    server = prepare_server(tmp_path / "data", {"TOOLCRIB_EGRESS_PROXY": text})
    server.spawn()
    assert server.wait() == USAGE
    assert "UNSAFE_SETTING TOOLCRIB_EGRESS_PROXY is not readable: write http://host:port" in server.stderr
    assert "hunter2" not in server.stderr + server.stdout
