"""The lab's DNS server: names that lead where they should not, and some that change their mind."""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from itertools import count

from dnslib import AAAA, CNAME, QTYPE, RR, A, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

UPSTREAM = "93.184.216.34"
OTHERS = "*"
ZONE: dict[str, dict[str, list[str]]] = {
    OTHERS: {},
    "public.lab": {"A": [UPSTREAM]},
    "private.lab": {"A": ["10.9.8.7"]},
    "metadata.lab": {"A": ["169.254.169.254"]},
    "zero.lab": {"A": ["0.0.0.0"]},
    "loop.lab": {"A": ["127.0.0.1"]},
    "mixed.lab": {"A": [UPSTREAM, "10.9.8.7"]},
    "mixed6.lab": {"A": [UPSTREAM], "AAAA": ["fd00:ec2::254"]},
    "mapped.lab": {"AAAA": ["::ffff:a09:807"]},
    "nat64.lab": {"AAAA": ["64:ff9b::a9fe:a9fe"]},
    "many.lab": {"A": [UPSTREAM] * 12 + ["10.9.8.7"]},
}
_VERSIONS = (("A", 4), ("AAAA", 6))


def point_others_to(answers: Iterable[str]) -> None:
    """Every name that has no entry of its own has these addresses from now on."""
    read = [ip_address(answer) for answer in answers]
    ZONE[OTHERS] = {kind: [str(one) for one in read if one.version == version] for kind, version in _VERSIONS}


class Names(BaseResolver):
    """Answers from the zone with a TTL of 0; `flip.lab` is public at every other look."""

    def __init__(self) -> None:
        self._looks = count()

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        name, kind = str(request.q.qname).rstrip("."), QTYPE[request.q.qtype]
        reply = request.reply()
        if name == "flip.lab":
            answers = [[UPSTREAM], ["10.9.8.7"]][next(self._looks) % 2] if kind == "A" else []
        elif name == "cname.lab":
            reply.add_answer(RR(name, QTYPE.CNAME, ttl=0, rdata=CNAME("private.lab")))
            name, answers = "private.lab", ZONE["private.lab"].get(kind, [])
        else:
            answers = ZONE.get(name, ZONE[OTHERS]).get(kind, [])
        record = A if kind == "A" else AAAA
        for answer in answers:
            reply.add_answer(RR(name, request.q.qtype, ttl=0, rdata=record(answer)))
        return reply


def serve_names() -> Callable[[], None]:
    """Serve on 127.0.0.1:53; call the result to stop."""
    server = DNSServer(
        Names(), address="127.0.0.1", port=53, logger=DNSLogger("-request,-reply,-truncated,-error")
    )
    server.start_thread()
    stop: Callable[[], None] = server.stop
    return stop
