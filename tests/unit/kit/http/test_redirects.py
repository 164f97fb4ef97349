"""Redirects within one origin: what is kept on the way, what is not followed, and when it ends."""

import pytest

from toolcrib.kit.http import EgressDenied, HttpFailed, HttpReply, HttpRequest, send_following

HEADERS = (("Authorization", "Bearer t0ken"), ("Content-Type", "application/json"))
REQUEST = HttpRequest("POST", "https://x.example/a?b=1", HEADERS, b"{}")


async def follow(*replies, request=REQUEST):
    """The last reply, and every request that was sent."""
    sent, left = (
        [],
        [HttpReply(status, {"location": place} if place else {}, b"") for status, place in replies],
    )

    async def send(pool, asked):
        assert pool == "w1"
        sent.append(asked)
        return left.pop(0)

    return await send_following(send, "w1", request), sent


@pytest.mark.parametrize("status", [200, 304, 300, 404])
async def test_a_reply_that_is_no_redirect_is_the_answer(status):
    reply, sent = await follow((status, "/b"))
    assert (reply.status, sent) == (status, [REQUEST])


async def test_a_redirect_to_nowhere_is_the_answer():
    reply, _ = await follow((302, None))
    assert reply.status == 302


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("/b", "https://x.example/b"),
        ("c?d=2#e", "https://x.example/c?d=2"),
        ("https://x.example:443/b", "https://x.example:443/b"),
        ("//X.EXAMPLE/b", "https://X.EXAMPLE/b"),
    ],
)
async def test_method_body_and_headers_are_kept_within_the_origin(status, place, url):
    _, (_, second) = await follow((status, place), (200, None))
    assert second == HttpRequest("POST", url, HEADERS, b"{}")


@pytest.mark.parametrize(("method", "after"), [("POST", "GET"), ("HEAD", "HEAD")])
async def test_see_other_fetches_the_answer_and_sends_nothing_again(method, after):
    request = HttpRequest(method, REQUEST.url, HEADERS, b"{}")
    _, (_, second) = await follow((303, "/b"), (200, None), request=request)
    assert second == HttpRequest(after, "https://x.example/b", HEADERS[:1], None)


@pytest.mark.parametrize(
    "place",
    [
        "https://y.example/",
        "http://x.example/",
        "https://x.example:8443/",
        "https://sub.x.example/",
        "//y.example",
    ],
)
async def test_another_origin_gets_nothing(place):
    with pytest.raises(HttpFailed) as failed:
        await follow((307, place))
    assert failed.value.reason == "redirect"


@pytest.mark.parametrize(
    "place", ["https://x.example@y.example/", "https://[::1", "file:///etc", "/a/%2e%2e/b"]
)
async def test_a_place_that_no_request_may_name_is_a_redirect_elsewhere(place):
    with pytest.raises(HttpFailed) as failed:
        await follow((302, place))
    assert (failed.value.reason, failed.value.sent) == ("redirect", True)


@pytest.mark.parametrize(("hops", "sent"), [(0, False), (1, True)])
async def test_what_was_sent_before_a_hop_that_fails_was_sent(hops, sent):
    left = [HttpReply(307, {"location": "/b"}, b"")] * hops

    async def send(pool, asked):
        if not left:
            raise EgressDenied
        return left.pop()

    with pytest.raises(EgressDenied) as denied:
        await send_following(send, "w1", REQUEST)
    assert denied.value.sent is sent


async def test_a_chain_ends_after_five_hops():
    reply, sent = await follow(*[(302, "/b")] * 5, (200, None))
    assert (reply.status, len(sent)) == (200, 6)
    with pytest.raises(HttpFailed) as failed:
        await follow(*[(302, "/b")] * 6)
    assert failed.value.reason == "redirect"
