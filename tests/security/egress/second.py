"""Second fetchers tried: what names a URL and is not the one request of a tool is data, or is refused."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

from tests.security.egress.arguments import register, save_and_use
from tests.security.egress.attack import HONEST, Attack, Result, besieged, production
from tests.security.egress.cases import Case
from tests.security.egress.entries import BOTH, CALLS, FETCH, FETCHES, PAGES
from tests.security.egress.plan import Lab, with_honest_calls
from tests.security.egress.second_order import CANARIES, CONFIGS, DOORS, REPLIES, WIRES, Config, Door
from tests.support.mint import Minter

SAMPLE = 7
_ANSWERED = ("200", "status", "redirect", "denied", "invalid_json", "protocol", "upstream")


def second(lab: Lab) -> list[Result]:
    """Each, with every canary's address in it."""
    server = production(lab.folder / "second", lab.authority)
    with besieged(server, lab.world) as attack:
        with_honest_calls(attack, lab.some([*_shots(attack)], SAMPLE))
    return attack.results


def _shots(attack: Attack) -> Iterator[Callable[[], object]]:
    for url in CANARIES:
        yield from (partial(_configure, attack, name, config, url) for name, config in CONFIGS.items())
        yield from (partial(_hear, attack, name, reply, url) for name, reply in REPLIES.items())
        yield from (partial(_knock, attack, name, door, url) for name, door in DOORS.items())
    yield from (partial(_dial, attack, name, head) for name, head in WIRES.items())


def _configure(attack: Attack, name: str, config: Config, url: str) -> None:
    case = Case("second", name, ("invalid",) if config.refused else ("200", "invalid", "mapping_failed"))
    save_and_use(attack, case, _filled(config.patch, URL=url), {})


def _hear(attack: Attack, name: str, reply: dict[str, str], url: str) -> None:
    """The honest upstream answers so, to a tool and to a pack that follows what it is told."""
    attack.number += 1
    case, asked = Case("second", name, _ANSWERED), _filled(reply, URL=url)
    tool = f"case.r{attack.number}"
    register(attack, tool, {"api": {"params": asked}}, {})
    for entry in CALLS:
        attack.use(case, entry, tool, {})
    for entry in FETCHES:
        for pack in (FETCH, PAGES):
            attack.use(case, entry, pack, {"url": f"{HONEST}?{urlencode(asked)}"}, after=pack)


def _knock(attack: Attack, name: str, door: Door, url: str) -> None:
    attack.number += 1
    minter = Minter("ES256")
    token = minter.token(minter.header(jku=url, x5u=url))
    workspace = attack("GET", "/api/v1/me").json["workspace_id"]
    words = {"URL": url, "WORKSPACE": workspace, "NAME": f"NAME{attack.number}", "TOKEN": f"Bearer {token}"}
    body = {"jsonrpc": "2.0", "id": 1, **door.body} if door.path == "/mcp" else door.body
    headers = BOTH | _filled(door.headers, **words)
    reply = attack(door.method, _filled(door.path, **words), _filled(body, **words), headers)
    attack.note(f"{door.method} {door.path}", "door", name, reply)


def _dial(attack: Attack, name: str, head: str) -> None:
    attack.note("the port itself", "door", name, attack.raw(head))


def _filled(value: Any, **words: str) -> Any:
    text = json.dumps(value)
    for word, meaning in words.items():
        text = text.replace(word, meaning)
    return json.loads(text)
