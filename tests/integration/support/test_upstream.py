"""The scripted upstream does what its paths say, seen by a client that is not the product's."""

import asyncio
import gzip
import http.client

import pytest

from tests.support.client import Client

MEGABYTE = 1 << 20


@pytest.fixture
def client(upstream):
    return Client(upstream.url)


def test_a_quote_has_the_shape_of_the_real_one(client):
    assert client.call("GET", "/quote?symbol=IBM").json == {
        "Global Quote": {"01. symbol": "IBM", "05. price": "241.5000"}
    }


def test_an_echo_tells_the_request_and_the_journal_keeps_it(client, upstream):
    echoed = client.call("POST", "/echo?a=1", {"b": 2}, headers={"X-Q": "z"}).json
    assert (echoed["method"], echoed["query"], echoed["headers"]["x-q"]) == ("POST", {"a": "1"}, "z")
    assert [request.json for request in upstream.requests("/echo")] == [{"b": 2}]


def test_an_echoed_key_comes_back_in_every_disguise(client):
    echoed = client.call("GET", "/echo-key", key="sesame").json
    assert echoed["raw"]["authorization"] == "Bearer sesame"
    assert bytes.fromhex(echoed["hex"]["authorization"]) == b"Bearer sesame"


@pytest.mark.parametrize("status", [204, 404, 429, 503])
def test_a_status_is_answered_as_asked(client, status):
    assert client.call("GET", f"/status/{status}").status == status


@pytest.mark.parametrize(
    ("path", "body"), [("/nan", b"NaN"), ("/duplicate", b'"price": 2'), ("/html", b"<title>")]
)
def test_an_odd_body_is_sent_as_it_is(client, path, body):
    assert body in client.call("GET", path).body


def test_a_reset_cuts_the_connection(client):
    with pytest.raises(ConnectionResetError):
        client.call("GET", "/reset")


def test_a_cut_answer_ends_early(client):
    with pytest.raises(http.client.IncompleteRead):
        client.call("GET", "/cut")


def test_a_bomb_is_small_on_the_wire(client):
    body = client.call("GET", "/gzip-bomb?mb=16").body
    assert len(body) < MEGABYTE
    assert len(gzip.decompress(body)) == 16 * MEGABYTE


async def test_a_held_answer_waits_for_its_release(client, upstream):
    held = asyncio.create_task(client.acall("GET", "/hold"))
    while not upstream.requests("/hold"):
        await asyncio.sleep(0)
    waited = not held.done()
    upstream.release()
    assert (await held).json == {"held": True}
    assert waited


def test_a_drip_arrives_whole(client):
    assert client.call("GET", "/drip?seconds=0.05&bytes=6").json == "aaaa"


def test_a_redirect_names_its_goal(client):
    answer = client.call("GET", "/redirect?to=/echo&status=307")
    assert (answer.status, answer.headers["location"]) == (307, "/echo")
