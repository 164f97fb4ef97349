"""Hosts that a secret is bound to: one strict form, and the reading of the sender."""

import pytest

from toolcrib.kit.http import may_go_to, parse_bound_host


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("api.example.com", "api.example.com"),
        ("API.Example.COM.", "api.example.com"),
        ("*.example.com", "*.example.com"),
        ("*.example.com:8443", "*.example.com:8443"),
        ("xn--bcher-kva.example:443", "xn--bcher-kva.example:443"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1:8010", "127.0.0.1:8010"),
        ("[::1]", "[::1]"),
        ("[::1]:443", "[::1]:443"),
        ("localhost", "localhost"),
    ],
)
def test_a_host_is_stored_in_one_form(text, stored):
    assert str(parse_bound_host(text)) == stored
    assert parse_bound_host(stored) == parse_bound_host(text)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "*", "*.", "*.com", "*.*.example.com", "a.*.example.com", "*example.com", "https://example.com", "example.com/",
        "example.com/path", "user@example.com", "example.com:", "example.com:0", "example.com:65536", "example.com:x", " example.com",
        "exa mple.com", "example.com\n", "bücher.example", "*.127.0.0.1", "*.[::1]", "::1", "[::1", "0177.0.0.1", "127.1", "2130706433",
        "example..com", "-a-.example.com", "example.com,other.com", "example.com#x", "example.com?x", "${HOST}", "*.example.com:99999",
    ],
)  # fmt: skip
def test_what_is_no_host_is_refused(text):
    with pytest.raises(ValueError, match=r"give a host|name of two parts"):
        parse_bound_host(text)


@pytest.mark.parametrize(
    ("hosts", "url", "may"),
    [
        (None, "https://anything.example/x", True),
        (("api.example.com",), "https://api.example.com/x?y", True),
        (("api.example.com",), "https://API.example.com./x", True),
        (("api.example.com",), "https://api.example.com:8443/", True),
        (("api.example.com:443",), "https://api.example.com/", True),
        (("api.example.com:443",), "https://api.example.com:8443/", False),
        (("api.example.com",), "https://example.com/", False),
        (("api.example.com",), "https://evil.api.example.com/", False),
        (("api.example.com",), "https://api.example.com.evil.example/", False),
        (("api.example.com",), "https://xapi.example.com/", False),
        (("*.example.com",), "https://a.example.com/", True),
        (("*.example.com",), "https://a.b.example.com/", True),
        (("*.example.com",), "https://example.com/", False),
        (("*.example.com",), "https://aexample.com/", False),
        (("a.example", "b.example"), "https://b.example/", True),
        (("127.0.0.1:8010",), "http://127.0.0.1:8010/", True),
        (("127.0.0.1",), "http://127.0.0.2/", False),
        (("[::1]",), "http://[::1]:9/", True),
        (("localhost",), "http://127.0.0.1/", False),
        (("api.example.com",), "https://evil.example/@api.example.com", False),
        (("api.example.com",), "https://api.example.com@evil.example/", False),
        (("api.example.com",), "https://api.example.com\\@evil.example/", False),
        (("api.example.com",), "no url", False),
        ((), "https://api.example.com/", False),
    ],
)
def test_whether_a_url_leads_to_one_of_the_hosts(hosts, url, may):
    assert may_go_to(hosts, url) is may
