"""The address of an issuer's keys, `TOOLCRIB_JWT_<NAME>_JWKS_URL`, as a way out: at the start, and when a token comes."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from tests.security.egress.attack import (
    CANARY,
    ROOT,
    Attack,
    Result,
    besieged,
    expected_of,
    name_of,
    production,
    renamed,
)
from tests.security.egress.authority import Authority
from tests.security.egress.cases import Case
from tests.security.egress.names import point_others_to
from tests.security.egress.plan import Lab
from tests.security.egress.world import World, with_controls
from tests.support.mint import AUDIENCE, Minter, jwks

MINTER = Minter("ES256")
CONTROL = Case("control", "https://public.lab/?body=" + quote(jwks(MINTER.jwk()).decode(), safe=""), ("200",))
PORT = "18000"  # no canary listens there
REFUSED, TAKEN = "JWKS_URL is not an address that may be called", "JWT_LAST_JWKS_URL"


def keys(lab: Lab) -> list[Result]:
    """At the start each address as it is; then, with a token, what a server takes."""
    results, taken = offer(with_controls(lab.urls(), CONTROL), lab.folder)
    return results + present(with_controls(taken, CONTROL), lab.folder / "keys", lab.authority, lab.world)


def offer(cases: Iterable[Case], folder: Path) -> tuple[list[Result], list[Case]]:
    """Start the server with each. Beside it stands an issuer that no server takes, so that each start tells and ends."""
    given = [case for case in cases if "\0" not in case.url and case.url.strip() and not case.allow]
    lines = [json.dumps(_environment([case.url, "file:///"], folder, ["first", "last"])) for case in given]
    command = [sys.executable, "-m", "tests.security.egress.starts"]
    done = subprocess.run(
        command, input="\n".join(lines), capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    results, taken = [], []
    for case, words in zip(given, told, strict=True):
        outcome = "saved" if TAKEN in words else "denied" if REFUSED in words else words[-300:]
        results.append(
            Result("JWKS at the start", "save", case.family, name_of(case), expected_of(case), 0, outcome)
        )
        taken += [case] if outcome == "saved" and case is not CONTROL else []
    return results, taken


def present(cases: Iterable[Case], folder: Path, authority: Authority, world: World) -> list[Result]:
    """Start one server with all addresses that a server takes, and show it a good token of each issuer."""
    every = list(cases)
    names = [f"i{number}" for number in range(len(every))]
    urls = [renamed(case.url, f"j{number}") for number, case in enumerate(every)]
    server = production(folder, authority, **_environment(urls, folder, names, whole=False))
    with besieged(server, world) as attack:
        for name, case in zip(names, every, strict=True):
            attack.results.append(_shown(attack, name, case))
        return attack.results


def _shown(attack: Attack, name: str, case: Case) -> Result:
    """What a good token of this issuer opens."""
    issuer = _issuer(name)
    person = {"issuer": issuer, "subject": "person-1", "name": name}
    workspace = attack("GET", "/api/v1/me").json["workspace_id"]
    made = attack("POST", f"/api/v1/workspaces/{workspace}/members", person)
    assert made.status == 201, made.body
    point_others_to(case.answers or ())
    before = len(attack.world.heads)
    token = Minter("ES256", issuer=issuer).token()
    reply = attack("GET", "/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    expected, heard = ("200",) if case.family == "control" else ("401",), tuple(attack.world.heads[before:])
    return Result(
        "JWKS of a token", "jwks", case.family, name_of(case), expected, reply.status, str(reply.status), heard=heard, canary=CANARY in reply.body
    )  # fmt: skip


def _issuer(name: str) -> str:
    return f"https://{name}.issuer.example"


def _environment(urls: list[str], folder: Path, names: list[str], *, whole: bool = True) -> Mapping[str, str]:
    settings = (
        {"TOOLCRIB_DATA_DIR": str(folder / "start"), "TOOLCRIB_ENV": "production", "TOOLCRIB_PORT": PORT}
        if whole
        else {}
    )
    settings["TOOLCRIB_JWT_ISSUERS"] = ",".join(names)
    for name, url in zip(names, urls, strict=True):
        prefix = f"TOOLCRIB_JWT_{name.upper()}_"
        settings |= {f"{prefix}ISSUER": _issuer(name), f"{prefix}AUDIENCE": AUDIENCE}
        settings |= {f"{prefix}ALGORITHM": "ES256", f"{prefix}JWKS_URL": url}
    return settings
