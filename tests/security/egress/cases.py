"""The cases of the lab: hostile URLs by family, and what must become of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from urllib.parse import quote

UPSTREAM = "93.184.216.34"
DENIED_V4 = ["127.0.0.1", "169.254.169.254", "10.9.8.7", "100.64.0.9", "192.168.0.1", "172.16.0.1", "0.0.0.0",
             "255.255.255.255", "224.0.0.1", "198.18.0.1", "192.0.0.8", "192.88.99.1", "203.0.113.7", "168.63.129.16"]  # fmt: skip
DENIED_V6 = ["::1", "::", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "::ffff:7f00:1", "::ffff:0:7f00:1", "::7f00:1",
             "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
             "2001:db8::1", "3fff::1", "5f00::1", "100::1", "4000::1"]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One call. Without `answers` names go to the lab's DNS server; `expected` is a kind of outcome or several."""

    family: str
    url: str
    expected: tuple[str, ...] = ("denied",)
    answers: tuple[str, ...] | None = None
    allow: str = ""
    own_ports: tuple[int, ...] = ()
    pool: str | None = None


CONTROL = Case("control", "https://upstream.example/", ("200",), (UPSTREAM,))


def own_cases() -> Iterator[Case]:
    yield from _literals()
    yield from _injected_dns()
    yield from _real_dns()
    yield from _redirects()
    yield from _parsers()
    yield from _schemes()
    yield from _self()
    yield from _reuse()


def corpus_cases(text: str) -> Iterator[Case]:
    """Borrowed URLs: they may reach the upstream under a public name, or fail; no canary may hear of them."""
    names = (UPSTREAM,)
    for line in filter(None, text.splitlines()):
        yield Case("corpus", line, ("denied", "200", "302", "resolve"), names)


def _literals() -> Iterator[Case]:
    for address in DENIED_V4:
        yield from (Case("literals", url) for url in _spellings(address))
    for address in DENIED_V6:
        yield Case("literals", f"https://[{address}]/")
        yield Case("literals", f"http://[{address}]:8080/")


def _spellings(address: str) -> Iterator[str]:
    number = int(IPv4Address(address))
    a, b, c, d = (int(part) for part in address.split("."))
    yield f"https://{address}/"
    yield f"http://{address}/"
    yield f"https://{address}:8080/"
    yield f"https://{number}/"
    yield f"https://{number:#x}/"
    yield f"https://{a:#o}.{b:#o}.{c:#o}.{d:#o}/".replace("0o", "0")
    yield f"https://{a:#x}.{b}.{c}.{d}/"
    yield f"https://{a}.{(b << 16) + (c << 8) + d}/"
    yield f"https://{a:03}.{b:03}.{c:03}.{d:03}/"
    yield f"https://{address}./"
    yield f"https://[::ffff:{address}]/"
    yield f"https://[::{address}]/"
    yield "https://" + address.translate({ord(str(n)): 0xFF10 + n for n in range(10)}) + "/"
    yield "https://" + address.replace(".", "\u3002") + "/"


def _injected_dns() -> Iterator[Case]:
    for address in (*DENIED_V4, *DENIED_V6):
        yield Case("dns", "https://rebind.example/", answers=(address,))
        yield Case("dns", "https://mixed.example/", answers=(UPSTREAM, address))
        yield Case("dns", "https://mixed.example/", answers=(address, UPSTREAM))
    yield Case("dns", "https://odd.example/", answers=("2130706433",))
    yield Case("dns", "https://odd.example/", answers=("fe80::1%1",))
    for address in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "::ffff:10.9.8.7", "0.0.0.0"):
        yield Case("dns", "http://db.corp.example:8080/", answers=(address,), allow="*.corp.example")
    yield Case("dns", "http://x.example:8080/", answers=("10.9.8.7", "10.9.8.8"), allow="10.9.8.8")


def _real_dns() -> Iterator[Case]:
    for name in (
        "private",
        "metadata",
        "zero",
        "loop",
        "mixed",
        "mixed6",
        "cname",
        "mapped",
        "nat64",
        "many",
    ):
        yield Case("dns", f"https://{name}.lab/")
    yield Case("dns", "https://public.lab/", ("200",))
    yield Case("dns", "https://flip.lab/", ("200",), pool="flip-1")
    yield Case("dns", "https://flip.lab/", ("denied",), pool="flip-2")
    yield Case("dns", "https://flip.lab/", ("200",), pool="flip-1")
    yield Case("dns", "https://localhost/")
    yield Case("dns", "https://ip6-localhost/", ("denied", "resolve"))
    yield Case("dns", "https://nowhere.lab/", ("resolve",))


def _redirects() -> Iterator[Case]:
    targets = ("http://127.0.0.1/", "https://169.254.169.254/", "http://[::1]:8080/", "//10.9.8.7/", "https://private.lab/",
               "http://upstream.example/", "https://100.64.0.9:443/", "gopher://127.0.0.1:25/")  # fmt: skip
    for status in (301, 302, 303, 307, 308):
        for target in targets:
            url = f"https://upstream.example/redirect?status={status}&to={quote(target, safe='')}"
            yield Case("redirects", url, (str(status),), (UPSTREAM,))


def _parsers() -> Iterator[Case]:
    for url in (
        "https://upstream.example@127.0.0.1/", "https://127.0.0.1\\@upstream.example/", "https://127.0.0.1#@upstream.example/",
        "https://upstream.example#@127.0.0.1/", "https://127.0.0.1:443\\@upstream.example:443/", "https://127.0.0.1%2f@x/",
        "https://upstream.example:443@127.0.0.1:443/", "https://127.0.0.1 @upstream.example/", "https://127.0.0.1\t/",
        "https://127.0.0.1\r\nHost: x/", "https://[::1]@upstream.example/", "https://[::1].upstream.example/",
        "https://[upstream.example]/", "https://[::1%25lo]/", "https://[::ffff:127.0.0.1]:443/", "https:127.0.0.1/",
        "https:///127.0.0.1/", "https:\\\\127.0.0.1\\", "https://127.0.0.1\u2044x/", "https://\u24db\u24de\u24d2alhost/",
        "https://127.0.0.1\u0000.upstream.example/", "https://upstream.example:443:80/", "https://upstream.example:/",
        "https://upstream.example/../admin", "https://upstream.example/%2e%2e/admin", "https://upstream.example/a%2f..%2fb",
        "https://upstream.example/..;/admin", "https://upstream.example/\\..\\x", "https://upstream.example/x#y",
        "https://upstream.example/%00", "https://upstream.example/a%0d%0aX-Evil:%201", "https://loc\u00adalhost/",
        "https://127.0.0.1.:443/", "https://0/", "https://1/", "https://127.1/", "https://0x7f.1/", "https://0177.1/",
    ):  # fmt: skip
        yield Case("parsers", url, answers=("127.0.0.1",))


def _schemes() -> Iterator[Case]:
    for scheme in (
        "file",
        "ftp",
        "gopher",
        "dict",
        "ldap",
        "jar:https",
        "data",
        "ws",
        "wss",
        "unix",
        "http+unix",
        "netdoc",
    ):
        yield Case("schemes", f"{scheme}://127.0.0.1:80/", answers=("127.0.0.1",))
    yield Case("schemes", "http://upstream.example/", answers=(UPSTREAM,))
    yield Case("schemes", f"http://{UPSTREAM}/")


def _self() -> Iterator[Case]:
    for port in (22, 25, 5432, 8000, 8080, 8443, 65535):
        yield Case("self", f"https://upstream.example:{port}/", answers=(UPSTREAM,))
    allow = f"127.0.0.0/8,[::1],0.0.0.0,localhost,{UPSTREAM}"
    for host in ("127.0.0.1", "127.9.9.9", "127.255.255.254", "[::1]", "0.0.0.0", "localhost", UPSTREAM):
        yield Case("self", f"http://{host}:8080/", allow=allow, own_ports=(8080,))
    yield Case(
        "self", "http://me.example:8080/", answers=("127.0.0.1",), allow="me.example", own_ports=(8080,)
    )


def _reuse() -> Iterator[Case]:
    """A kept connection is kept for what it was opened for, and for nothing else."""
    yield Case("reuse", "https://upstream.example/", ("200",), (UPSTREAM,), pool="kept")
    yield Case("reuse", "https://other.example/", ("denied",), ("10.9.8.7",), pool="kept")
    yield Case("reuse", "https://upstream.example/", ("200",), ("10.9.8.7",), pool="kept")
    yield Case("reuse", "https://upstream.example/", ("denied",), ("10.9.8.7",), pool="fresh")
    yield Case("reuse", "https://upstream.example:80/", ("denied",), ("10.9.8.7",), pool="kept")
    yield Case("reuse", "https://upstream.example./", ("200",), ("10.9.8.7",), pool="kept")
