"""The deny table, against the ranges that the standard library calls global and against every embedding of IPv4."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolcrib.kit.http.addresses import classify, is_disguised, is_local, parse_literal, parse_network

DENIED = {
    "0.0.0.0": "unspecified",
    "0.1.2.3": "unspecified",
    "10.0.0.1": "private",
    "10.255.255.255": "private",
    "100.64.0.1": "shared",
    "100.127.255.255": "shared",
    "100.100.100.200": "metadata",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "metadata",
    "169.254.0.1": "link_local",
    "169.254.169.254": "metadata",
    "169.254.170.2": "metadata",
    "169.254.170.23": "metadata",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.8": "special",
    "192.0.0.192": "metadata",
    "192.0.0.170": "special",
    "192.0.2.1": "documentation",
    "192.88.99.1": "special",
    "192.168.255.1": "private",
    "198.18.0.1": "benchmark",
    "198.19.255.255": "benchmark",
    "198.51.100.7": "documentation",
    "203.0.113.7": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::7f00:1": "embedded",
    "::ffff:127.0.0.1": "embedded",
    "::ffff:8.8.8.8": "embedded",
    "::ffff:0:127.0.0.1": "embedded",
    "64:ff9b::a9fe:a9fe": "embedded",
    "64:ff9b::808:808": "embedded",
    "64:ff9b:1::7f00:1": "embedded",
    "100::1": "special",
    "2001::1": "embedded",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "embedded",
    "2001:2::1": "special",
    "2001:10::1": "special",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "embedded",
    "2002:808:808::1": "embedded",
    "3ffe::1": "special",
    "3fff::1": "documentation",
    "3fff:fff::1": "documentation",
    "5f00::1": "special",
    "fc00::1": "private",
    "fd12:3456::1": "private",
    "fd00:ec2::254": "metadata",
    "fd20:ce::254": "metadata",
    "fe80::1": "link_local",
    "fe80::a9fe:a9fe": "metadata",
    "fec0::1": "link_local",
    "ff02::1": "multicast",
    "4000::1": "reserved",
    "8000::1": "reserved",
}
GLOBAL = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "2a00:1450::1",
]


@pytest.mark.parametrize(("address", "kind"), DENIED.items())
def test_a_denied_address_has_its_kind(address, kind):
    assert classify(ip_address(address)) == kind


@pytest.mark.parametrize("address", GLOBAL)
def test_a_global_address_has_none(address):
    assert classify(ip_address(address)) is None


@given(st.ip_addresses())
def test_what_is_not_global_to_the_standard_library_is_denied_here_too(address):
    assert address.is_global or classify(address) is not None


@given(st.ip_addresses(v=6))
def test_only_allocated_ipv6_space_is_open(address):
    assert classify(address) is not None or int(address) >> 125 == 1


@given(st.ip_addresses(v=4))
def test_ipv4_in_ipv6_clothes_is_denied_whatever_it_says(inner):
    bits = int(inner)
    forms = [
        bits,
        0xFFFF << 32 | bits,
        0xFFFF << 48 | bits,
        0x64FF9B << 96 | bits,
        0x64FF9B0001 << 80 | bits,
        0x2002 << 112 | bits << 80,
        0x20010000 << 96 | bits ^ 0xFFFFFFFF,
    ]
    assert None not in {classify(IPv6Address(form)) for form in forms}


@pytest.mark.parametrize("address", ["::ffff:10.0.0.1", "::ffff:0:10.0.0.1", "::10.0.0.1"])
def test_a_disguise_is_seen(address):
    assert is_disguised(ip_address(address))


@pytest.mark.parametrize("address", ["10.0.0.1", "::1", "::", "fd00::1", "64:ff9b::a00:1"])
def test_an_address_of_its_own_is_no_disguise(address):
    assert not is_disguised(ip_address(address))


@pytest.mark.parametrize("text", ["127.1", "0", "0177.0.0.1", "0x7f000001", "2130706433", "127.000.000.001", "①②⑦.⓪.⓪.①",
                                  "127。0。0。1", "1.2.3.4.", " 1.2.3.4", "[::1]", "0000::1", "::0001", "2001:DB8::1",
                                  "fe80::1%eth0", "::ffff:1.2.3.4%1", "localhost", ""])  # fmt: skip
def test_another_spelling_is_no_literal(text):
    assert parse_literal(text) is None


@given(st.ip_addresses())
def test_a_canonical_literal_is_read_back(address):
    assert parse_literal(str(address)) == address


@pytest.mark.parametrize("text", ["fe80::1%eth0", "10.0.0.1/8", "host", "127.1/8"])
def test_what_is_no_network_is_not_read(text):
    assert parse_network(text) is None


def test_loopback_and_unspecified_are_this_machine():
    assert is_local(IPv4Address("127.9.9.9"))
    assert is_local(IPv6Address("::"))


def test_a_foreign_address_is_not_this_machine():
    assert not is_local(IPv4Address("93.184.216.34"))
