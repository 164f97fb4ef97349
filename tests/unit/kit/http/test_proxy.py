"""The setting of the outgoing proxy: one form, and no text that could show its password."""

import base64

import pytest

from toolcrib.kit.http import Proxy


@pytest.mark.parametrize(
    ("text", "host", "port", "user"),
    [
        ("http://proxy.corp.example:3128", "proxy.corp.example", 3128, None),
        ("http://PROXY:8080/", "proxy", 8080, None),
        ("http://10.0.0.7:3128", "10.0.0.7", 3128, None),
        ("http://[::1]:3128", "::1", 3128, None),
        ("http://ann:s3cret@proxy:3128", "proxy", 3128, "ann:s3cret"),
        ("http://ann:p%40ss%3Aword%25@proxy:3128", "proxy", 3128, "ann:p@ss:word%"),
        ("http://ann:a@b@proxy:3128", "proxy", 3128, "ann:a@b"),
        ("http://token@proxy:3128", "proxy", 3128, "token:"),
        ("http://ann:p%C3%A4ss@proxy:3128", "proxy", 3128, "ann:päss"),
    ],
)
def test_it_is_read(text, host, port, user):
    proxy = Proxy.parse(text)
    shown = None if user is None else "Basic " + base64.b64encode(user.encode()).decode()
    assert (proxy.host, proxy.port, proxy.authorization) == (host, port, shown)


def test_nothing_is_no_proxy():
    assert Proxy.parse("") is None


@pytest.mark.parametrize(
    "text",
    [
        " ", "proxy:3128", "https://proxy:3128", "HTTP://proxy:3128", "socks5://proxy:1080", "http://proxy", "http://proxy:", "http://proxy:0",
        "http://proxy:65536", "http://proxy:3128/path", "http://proxy:3128?x=1", "http://proxy:3128#x", "http://:3128", "http://pro xy:3128",
        "http://@proxy:3128", "http://:hunter2@proxy:3128", "http://a%3Ab:hunter2@proxy:3128", "http://ann:hunter2%0d%0a@proxy:3128",
        "http://ann:hunter2@", "http://ann:hunter2@proxy", "http://ann:hunter2@127.1:3128", "http://[::1]", "http://::1:3128", "off", "direct",
        "http://http://ann:hunter2@proxy:3128 ",
    ],
)  # fmt: skip
def test_what_is_none_is_refused_and_never_quoted(text):
    with pytest.raises(ValueError, match="write http://host:port") as refused:
        Proxy.parse(text)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_its_password_stands_in_no_text_of_it():
    proxy = Proxy.parse("http://ann:hunter2@proxy:3128")
    for shown in (repr(proxy), str(proxy)):
        assert "hunter2" not in shown
        assert base64.b64encode(b"ann:hunter2").decode() not in shown
