"""Arguments and templates that would move a request to another host, put wherever a tool's caller or author can put them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.security.egress.attack import HONEST, Attack, Result, besieged, production
from tests.security.egress.cases import Case
from tests.security.egress.entries import CALLS, FETCHES, JOIN, REHEARSAL, SAVE, Save, Target, own
from tests.security.egress.names import point_others_to
from tests.security.egress.plan import Lab, with_honest_calls

SAMPLE = 4
VALUES = (
    "@10.9.8.7/", "@127.0.0.1:8080/", ":80@10.9.8.7/", ":8080", ":8080/", ".10.9.8.7", ".private.lab/", "//10.9.8.7/", "/\\10.9.8.7/",
    "\\\\10.9.8.7\\", "\\@10.9.8.7/", "..", "/..", "../..//10.9.8.7/", "..;/@10.9.8.7", "%2e%2e", "%2f%2f10.9.8.7/", "%40127.0.0.1/",
    "?@10.9.8.7/", "#@10.9.8.7/", ";@10.9.8.7/", "%00@10.9.8.7/", "\u0000@10.9.8.7/", "\r\nHost: 10.9.8.7", "\nHost: 127.0.0.1",
    "%0d%0aHost: 10.9.8.7", " HTTP/1.1\r\nHost: 10.9.8.7\r\n\r\nGET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "\t//10.9.8.7/", " @10.9.8.7/",
    "http://169.254.169.254/", "https://127.0.0.1/", "//[::1]:8080/", "file:///etc/passwd", "gopher://127.0.0.1:25/x", "127.0.0.1:8080",
    "\u2028@10.9.8.7/", "\uff20127.0.0.1/", "\uff0f\uff0f10.9.8.7/", "\u3002127.0.0.1", "${HOST}", "{value}", "localhost", "\u00ad@10.9.8.7/",
)  # fmt: skip
PLACES: dict[str, dict[str, Any]] = {
    "path": {"api": {"path": "/args/{value}/end"}},
    "path_end": {"api": {"path": "/args/{value}"}},
    "query": {"api": {"path": "/args"}, "mapping": {"input_to_params": {"value": "value"}}},
    "header": {"api": {"path": "/args"}, "mapping": {"input_to_headers": {"value": "X-Value"}}},
    "body": {"api": {"path": "/args", "method": "POST"}, "mapping": {"input_to_body": {"value": "value"}}},
}
HEADERS = ("Host", "X-Forwarded-Host", "Forwarded", "Referer", "Origin", "X-Original-URL", "Proxy-Authorization", "Location")  # fmt: skip


def templates() -> dict[str, dict[str, Any]]:
    """Parts of a config that would move the request, by name."""
    paths = {f"path {value!r}": {"api": {"path": value}} for value in VALUES}
    headers = {
        f"header {name}": {"api": {"path": "/args", "headers": {name: "10.9.8.7"}}} for name in HEADERS
    }
    return paths | headers


def arguments(lab: Lab) -> list[Result]:
    """Each value in every place and through every door; each template saved, and used where it is kept."""
    shots: list[Callable[[], object]] = []
    server = production(lab.folder / "arguments", lab.authority)
    with besieged(server, lab.world) as attack:
        for place, patch in PLACES.items():
            register(attack, f"case.{place}", patch, {"value": {}})
        shots += [partial(_inject, attack, value) for value in lab.some([*VALUES], SAMPLE)]
        for name, patch in lab.some([*templates().items()], SAMPLE):
            case = Case("injections", name, ("200", "invalid"))
            shots.append(partial(save_and_use, attack, case, patch, {"value": {}}))
        with_honest_calls(attack, shots)
    return attack.results


def _inject(attack: Attack, value: str) -> None:
    point_others_to(["10.9.8.7"])
    case = Case("injections", value, ("200", "invalid"))
    for place in PLACES:
        for entry in CALLS:
            attack.use(case, entry, f"case.{place}", {"value": value}, after=f"an argument in the {place}")
    joined = Case("injections", value, ("200", "denied"))
    for entry in FETCHES:
        attack.use(joined, entry, JOIN, {"value": value}, after="a careless join")


def register(attack: Attack, name: str, patch: dict[str, Any], properties: dict[str, Any]) -> None:
    """An honest tool with these parts in place of its own."""
    made = attack("POST", "/api/v1/tools", _config(name, patch, properties))
    assert made.status == 201, made.body


def save_and_use(attack: Attack, case: Case, patch: dict[str, Any], properties: dict[str, Any]) -> None:
    """Offer it; what is kept of it is used in every way."""
    attack.number += 1
    name = f"case.p{attack.number}"
    for entry in (REHEARSAL, SAVE):
        offered = Save(entry.name, entry.route, "", lambda _: _config(name, patch, properties), entry.stores)
        if attack.offer(case, offered, Target(name, case.url, well_formed=False)).outcome != "saved":
            continue
        for use in CALLS if entry.stores else ():
            attack.use(case, use, name, {"value": "x"} if properties else {})


def _config(name: str, patch: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    config = own(Target(name, HONEST, well_formed=False)) | {"input_schema": {"properties": properties}}
    return {**config, **patch, "api": config["api"] | patch.get("api", {})}
