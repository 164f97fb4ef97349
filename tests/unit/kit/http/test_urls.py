"""The strict parser: what it refuses, and that what it reads is what is sent."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.kit.http import EgressDenied
from toolcrib.kit.http.urls import Origin, build, parse_origin, split

REFUSED = [
    "",
    "/path",
    "//host/path",
    "https:/host",
    "https:host",
    "https://",
    "https:///path",
    "https://?q",
    "ftp://host/",
    "file:///etc/passwd",
    "gopher://host:25/_x",
    "ws://host/",
    "http+unix://socket/",
    "jar:https://host!/",
    "https://user@host/",
    "https://user:secret@host/",
    "https://@host/",
    "https://host@evil/",
    "https://host\\@evil/",
    "https://host\\evil/",
    "https://host/\\evil",
    "https://host/#f",
    "https://host#@evil/",
    "https://host/ x",
    " https://host/",
    "https://host/ ",
    "https://host/\n",
    "https://host/\tx",
    "https://ho\tst/",
    "https://host/\x00",
    "https://host/a%0d%0aX:1",
    "https://host/a%00",
    "https://host/%7F",
    "https://host/%",
    "https://host/%2",
    "https://host/%zz",
    "https://host/ü",
    "https://hôst/",
    "https://ⓔⓧⓐⓜⓟⓛⓔ.ⓒⓞⓜ/",
    "https://127。0。0。1/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://host\u200b/",
    "https://ho%73t/",
    "https://host:/",
    "https://host:0/",
    "https://host:080/",
    "https://host:65536/",
    "https://host:99999/",
    "https://host:4 43/",
    "https://host:443:443/",
    "https://host:x/",
    "https://host:-1/",
    "https://host..name/",
    "https://.host/",
    "https://host../",
    "https://-host/",
    "https://host-/",
    "https://ho$t/",
    "https://*.host/",
    f"https://{'a' * 64}.example/",
    f"https://{'a.' * 127}example/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0/",
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://0x/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://o177.0.0.1/",
    "https://127.000.000.001/",
    "https://127.0.0.1./",
    "https://1.2.3.4.5/",
    "https://256.1.1.1/",
    "https://host.123/",
    "https://host.0x1f/",
    "https://::1/",
    "https://[::1/",
    "https://::1]/",
    "https://[::1]x/",
    "https://[127.0.0.1]/",
    "https://[0000::1]/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]/",
    "https://[fe80::1%25eth0]/",
    "https://[v1.x]/",
    "https://[]/",
    "https://host/..",
    "https://host/a/../b",
    "https://host/./a",
    "https://host/a/.",
    "https://host/%2e%2e/a",
    "https://host/.%2E",
    "https://host/%2e",
    "https://host/a%2f..%2fb",
    "https://host/a%2F%2e%2e",
    "https://host/..%5cb",
    "https://host/..;/admin",
    "https://host/..%3b/admin",
    "https://host/..;x=1",
    "https://host/<script>",
    "https://host/{id}",
    "https://host/a b",
    "https://host/?a b",
    "https://host/?{id}",
    'https://host/"',
]

READ = {
    "https://host": ("https", "host", 443, "/", ""),
    "https://host?q=1": ("https", "host", 443, "/", "q=1"),
    "HTTPS://API.Example.COM/Path": ("https", "api.example.com", 443, "/Path", ""),
    "https://example.com./": ("https", "example.com", 443, "/", ""),
    "http://host:8010/": ("http", "host", 8010, "/", ""),
    "https://host:80/": ("https", "host", 80, "/", ""),
    "https://xn--mnchen-3ya.de/": ("https", "xn--mnchen-3ya.de", 443, "/", ""),
    "https://my_service.internal/": ("https", "my_service.internal", 443, "/", ""),
    "https://1.2.3.4/": ("https", "1.2.3.4", 443, "/", ""),
    "https://[2606:4700::1111]:8443/x": ("https", "2606:4700::1111", 8443, "/x", ""),
    "https://host//evil/": ("https", "host", 443, "//evil/", ""),
    "https://host/.well-known/x": ("https", "host", 443, "/.well-known/x", ""),
    "https://host/a..b/...": ("https", "host", 443, "/a..b/...", ""),
    "https://host/group%2Fproject": ("https", "host", 443, "/group%2Fproject", ""),
    "https://host/%252e%252e/": ("https", "host", 443, "/%252e%252e/", ""),
    "https://host/a?x=../..&y=%0A&z[]=1|2": ("https", "host", 443, "/a", "x=../..&y=%0A&z[]=1|2"),
    "https://host/?u=http://169.254.169.254/@": ("https", "host", 443, "/", "u=http://169.254.169.254/@"),
}


@pytest.mark.parametrize("url", REFUSED)
def test_what_can_be_read_in_two_ways_is_refused(url):
    with pytest.raises(EgressDenied):
        parse_origin(split(url)[0])


@pytest.mark.parametrize(("url", "expected"), READ.items())
def test_a_plain_url_is_read(url, expected):
    text, path, query = split(url)
    origin = parse_origin(text)

    assert (origin.scheme, origin.host, origin.port, path, query) == expected


@pytest.mark.parametrize("url", READ)
def test_what_was_read_is_what_is_sent(url):
    text, path, query = split(url)
    origin = parse_origin(text)
    sent = build(origin, path, query)

    assert (sent.scheme, sent.raw_host, sent.port) == (origin.scheme, origin.host, origin.port)
    assert sent.raw_path_qs == (f"{path}?{query}" if query else path)
    assert sent.raw_user is None
    assert sent.raw_fragment == ""


def test_an_object_that_says_something_else_is_not_sent():
    with pytest.raises(EgressDenied):
        build(Origin("https", "host@evil", 443, None), "/", "")


@given(st.text(alphabet=string.printable + "。①%\u200b\ud800", max_size=40))
def test_any_text_is_read_or_refused(text):
    for url in (text, f"https://{text}", f"https://host/{text}", f"https://host:{text}"):
        try:
            origin, path, query = split(url)
            sent = build(parse_origin(origin), path, query)
        except EgressDenied:
            continue
        assert sent.raw_path_qs == (f"{path}?{query}" if query else path)
        assert url.isascii()


@pytest.mark.parametrize("bad", ["%", " ", "%zz", "/..", "\\"])
def test_a_long_bad_url_is_refused_in_one_pass(bad):
    with pytest.raises(EgressDenied):
        split("https://host/" + "a%41" * 250_000 + bad)
