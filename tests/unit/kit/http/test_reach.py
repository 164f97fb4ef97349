"""How far a workspace's requests go: a list narrows, a suspension shuts out, and both are read as the sender reads."""

import pytest

from toolcrib.kit.http import Egress, EgressDenied, HttpClient, HttpRequest, Reach
from toolcrib.kit.http.urls import parse_origin


def asked(reach, url):
    return reach.beyond(parse_origin(url))


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://api.example.com", True), ("https://API.Example.com.", True), ("https://api.example.com:8443", True), ("http://api.example.com", True),
        ("https://api.example.com.evil.example", False), ("https://evil-api.example.com", False), ("https://example.com", False),
        ("https://a.corp.example", True), ("https://a.b.corp.example", True), ("https://corp.example", False), ("https://xcorp.example", False),
        ("https://one.example:8443", True), ("https://one.example", False), ("https://10.0.0.7", True), ("https://10.0.0.8", False),
        ("https://[fd00::7]:444", True), ("https://[fd00::7]", False),
    ],
)  # fmt: skip
def test_a_list_lets_out_what_it_names_and_nothing_else(url, may):
    reach = Reach.of(
        ["api.example.com", "*.corp.example", "one.example:8443", "10.0.0.7", "[fd00::7]:444"], []
    )
    assert asked(reach, url) == (None if may else "workspace_hosts")


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://api.example.com", False), ("https://API.example.com.:444", False), ("https://other.example.com", True),
        ("https://a.corp.example", False), ("https://one.example:8443", False), ("https://one.example", True),
    ],
)  # fmt: skip
def test_a_suspension_shuts_out_what_it_names_and_nothing_else(url, may):
    reach = Reach.of(None, ["api.example.com", "*.corp.example", "one.example:8443"])
    assert asked(reach, url) == (None if may else "host_suspended")


def test_a_host_that_is_listed_and_suspended_is_suspended():
    reach = Reach.of(["a.example", "b.example"], ["a.example"])
    assert [asked(reach, f"https://{host}.example") for host in "abc"] == [
        "host_suspended", None, "workspace_hosts",
    ]  # fmt: skip


def test_nothing_said_is_no_reach():
    assert Reach.of(None, []) is None
    assert Reach.of(None, ["a b"]) is None


def test_a_list_without_a_readable_host_lets_nothing_out():
    assert asked(Reach.of([], []), "https://a.example") == "workspace_hosts"
    assert asked(Reach.of(["a b"], []), "https://a.example") == "workspace_hosts"


@pytest.mark.parametrize(
    "url", ["https://user@a.example", "ftp://a.example", "https://a.example/../b", "nonsense"]
)
def test_of_a_url_that_is_never_sent_nothing_is_said(url):
    assert Reach.of(["b.example"], []).beyond_url(url) is None
    assert Reach.of(["b.example"], []).beyond_url("https://a.example/b?c=d") == "workspace_hosts"


class TestClient:
    """No name is looked up, no socket is opened."""

    async def refused(self, client, url, pool="w"):
        with pytest.raises(EgressDenied) as caught:
            await client.send(pool, HttpRequest("GET", url))
        return caught.value.reason

    @pytest.fixture
    async def client(self):
        asked = []

        async def answers(host, port):
            asked.append(host)
            return []

        made = HttpClient(Egress(), resolve=answers)
        made.asked = asked
        yield made
        await made.close()

    async def test_a_request_beyond_is_refused_before_its_name_is_looked_up(self, client):
        client.narrow("w", Reach.of(["a.example"], ["b.example"]))
        assert await self.refused(client, "https://b.example/") == "host_suspended"
        assert await self.refused(client, "https://c.example/") == "workspace_hosts"
        assert client.asked == []

    async def test_a_stream_is_refused_as_well(self, client):
        client.narrow("w", Reach.of(["a.example"], []))
        with pytest.raises(EgressDenied, match="not among those"):
            async with client.stream("w", HttpRequest("GET", "https://c.example/")):
                pass
        assert client.asked == []

    async def test_the_pool_of_another_workspace_is_not_narrowed(self, client):
        client.narrow("v", Reach.of(["a.example"], []))
        with pytest.raises(Exception, match="could not be resolved"):
            await client.send("w", HttpRequest("GET", "https://c.example/"))
        assert client.asked == ["c.example"]

    async def test_what_is_said_last_holds(self, client):
        client.narrow("w", Reach.of(["a.example"], []))
        client.narrow("w", None)
        client.narrow("w", None)
        with pytest.raises(Exception, match="could not be resolved"):
            await client.send("w", HttpRequest("GET", "https://c.example/"))

    async def test_a_list_widens_nothing(self, client):
        client.narrow("w", Reach.of(["127.0.0.1", "169.254.169.254", "c.example:8443"], []))
        for url in (
            "https://127.0.0.1/",
            "https://169.254.169.254/",
            "https://c.example:8443/",
            "http://c.example:8443/",
        ):
            assert await self.refused(client, url) is None
        assert client.asked == []
