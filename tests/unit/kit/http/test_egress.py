"""The operator's list: how it is read, what it opens, and what it never opens."""

from ipaddress import ip_address

import pytest

from toolcrib.kit.http import Egress, EgressDenied
from toolcrib.kit.http.urls import parse_origin


def admits(allow: str, origin: str, address: str) -> bool:
    return Egress.parse(allow).admits(parse_origin(origin), ip_address(address))


@pytest.mark.parametrize("entry", [
    "10.0.0.0/8", "10.1.2.3", "127.0.0.1:8010", "10.0.0.0/8:8080", "fd00::/8", "::1", "[::1]:8010", "[fd00::/8]:443",
    "localhost", "localhost:8000", "api.corp.example", "API.Corp.Example.", "*.corp.example", "*.corp.example:8443",
])  # fmt: skip
def test_an_entry_is_read(entry):
    assert len(Egress.parse(f" {entry} ,, {entry},").allow) == 2


@pytest.mark.parametrize("entry", [
    "10.1.2.3/8", "127.1", "0x7f.1", "2130706433", "https://host", "host/path", "user@host", "host:0", "host:65536",
    "host:x", "host:", "*", "*.", "*.*.example", "a.*.example", "*corp.example", "[::1", "[host]:80", "[::1]x", "::1]:80",
    "fe80::1%eth0", "hôst", "a b", "0.0.0.0/0", "::/0", "[::/0]:80", "10.0.0.0/33",
    "0.0.0.0/1", "128.0.0.0/7", "2000::/6", "169.254.169.254", "169.254.169.254:80", "168.63.129.16", "[fd00:ec2::254]:80",
])  # fmt: skip
def test_a_bad_entry_is_named(entry):
    with pytest.raises(ValueError, match="egress allow list") as refused:
        Egress.parse(f"10.0.0.0/8,{entry}")

    assert repr(entry) in str(refused.value)


@pytest.mark.parametrize("url", [
    "https://api.example.com/", "https://api.example.com:80/x", "https://93.184.216.34/", "https://[2606:4700::1111]/",
])  # fmt: skip
def test_https_to_the_world_is_open(url):
    Egress().check_url(url)


@pytest.mark.parametrize("url", [
    "http://api.example.com/", "http://93.184.216.34/", "https://api.example.com:8443/", "https://93.184.216.34:22/",
    "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/", "https://169.254.169.254/latest", "https://localhost/",
    "https://db.localhost/", "https://[::ffff:7f00:1]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[2002:7f00:1::]/",
    "https://168.63.129.16/", "ftp://api.example.com/", "https://2130706433/", "https://u@api.example.com/",
])  # fmt: skip
def test_all_else_is_refused_when_it_is_saved(url):
    with pytest.raises(EgressDenied):
        Egress().check_url(url)


@pytest.mark.parametrize(("allow", "url"), [
    ("127.0.0.1:8010", "http://127.0.0.1:8010/x"),
    ("10.0.0.0/8", "http://10.1.2.3:9999/"),
    ("[::1]:8010", "http://[::1]:8010/"),
    ("localhost:8010", "http://localhost:8010/"),
    ("127.0.0.0/8", "http://localhost:8010/"),
    ("*.corp.example", "http://a.b.corp.example:1234/"),
    ("api.corp.example", "http://API.corp.example./"),
    ("10.0.0.0/8", "http://only-dns-can-tell.example:8080/"),
])  # fmt: skip
def test_what_the_list_matches_is_open_in_plain_http_and_on_any_port(allow, url):
    Egress.parse(allow).check_url(url)


@pytest.mark.parametrize(("allow", "address", "neighbour"), [
    ("100.64.0.0/10", "100.100.100.200", "100.100.100.201"),
    ("fc00::/7", "fd00:ec2::254", "fd00:ec3::254"),
    ("169.254.0.0/16", "169.254.169.254", "169.254.7.7"),
    ("169.254.0.0/16", "169.254.170.2", "169.254.171.2"),
    ("192.0.0.0/24", "192.0.0.192", "192.0.0.193"),
    ("fe80::/10", "fe80::a9fe:a9fe", "fe80::a9fe:a9ff"),
    ("168.63.0.0/16", "168.63.129.16", "168.63.129.17"),
])  # fmt: skip
def test_no_network_opens_metadata(allow, address, neighbour):
    assert not admits(allow, "http://only-dns-can-tell.example:80", address)
    assert admits(allow, "http://only-dns-can-tell.example:80", neighbour)


@pytest.mark.parametrize(("allow", "url"), [
    ("127.0.0.1:8010", "http://127.0.0.1:8011/"),
    ("127.0.0.1:8010", "http://127.0.0.2:8010/"),
    ("127.0.0.1:8010", "http://a.example:8011/"),
    ("localhost:8010", "http://127.0.0.1:8010/"),
    ("10.0.0.0/8", "http://localhost:8010/"),
    ("*.corp.example", "http://corp.example/"),
    ("*.corp.example", "http://evilcorp.example/"),
    ("*.corp.example:8443", "http://a.corp.example:8444/"),
    ("corp.example", "http://a.corp.example/"),
])  # fmt: skip
def test_the_list_opens_no_neighbour(allow, url):
    with pytest.raises(EgressDenied):
        Egress.parse(allow).check_url(url)


@pytest.mark.parametrize(("allow", "origin", "address"), [
    ("", "https://api.example", "93.184.216.34"),
    ("", "https://api.example:80", "2606:4700::1111"),
    ("10.0.0.0/8", "http://db.example:5000", "10.1.1.1"),
    ("db.example", "http://db.example:5000", "10.1.1.1"),
    ("db.example", "http://db.example:5000", "127.0.0.1"),
    ("db.example", "http://db.example:5000", "100.64.0.9"),
    ("db.example", "http://db.example:5000", "93.184.216.34"),
    ("169.254.0.0/16", "http://db.example:5000", "169.254.7.7"),
    ("64:ff9b::/96", "https://api.example", "64:ff9b::5db8:d822"),
])  # fmt: skip
def test_an_allowed_answer_is_dialled(allow, origin, address):
    assert admits(allow, origin, address)


@pytest.mark.parametrize(("allow", "origin", "address"), [
    ("", "https://api.example", "10.1.1.1"),
    ("", "http://api.example", "93.184.216.34"),
    ("", "https://api.example:8443", "93.184.216.34"),
    ("10.0.0.0/8:5000", "http://db.example:5001", "10.1.1.1"),
    ("10.0.0.0/8", "http://db.example:5000", "93.184.216.34"),
    ("10.0.0.0/8", "https://db.example", "192.168.0.1"),
    ("db.example", "https://other.example", "10.1.1.1"),
    ("db.example", "http://db.example", "169.254.169.254"),
    ("db.example", "http://db.example", "fd00:ec2::254"),
    ("db.example", "http://db.example", "100.100.100.200"),
    ("db.example", "http://db.example", "fe80::1"),
    ("db.example", "http://db.example", "0.0.0.0"),
    ("db.example", "http://db.example", "224.0.0.1"),
    ("db.example", "http://db.example", "::ffff:10.0.0.1"),
    ("::ffff:0:0/96", "http://db.example", "::ffff:10.0.0.1"),
])  # fmt: skip
def test_another_answer_is_not(allow, origin, address):
    assert not admits(allow, origin, address)
