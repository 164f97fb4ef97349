"""Forged and broken tokens against the verifier, and at the doors of a running server: none is taken, and all look alike."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.security.canary import Canary
from tests.security.house import environment
from tests.security.line import Line
from tests.security.token_cases import ALGORITHMS, Case, cases, issuer_of, minter
from tests.support.client import Reply
from tests.support.mint import AUDIENCE, SECRET, jwks
from tests.support.server import Server, start_server
from toolcrib.contracts.issuer import Issuer, JwtAlgorithm
from toolcrib.identity.issuers import Verifier
from toolcrib.kit.clock import SystemClock

CONTROL_EVERY = 10
LEAST_CASES, LEAST_CLASSES = 250, 60


@pytest.fixture(scope="module")
def table(canary: Canary) -> list[Case]:
    return list(cases(f"http://127.0.0.1:{canary.port}"))


def test_the_table_is_large_enough(table: list[Case]):
    classes = {one.attack for one in table}

    assert len(table) >= LEAST_CASES
    assert len(classes) >= LEAST_CLASSES
    assert set(Counter(one.algorithm for one in table)) == set(ALGORITHMS)


async def test_no_forged_token_becomes_claims(table: list[Case], canary: Canary):
    verifier = Verifier([issuer(algorithm) for algorithm in ALGORITHMS], SystemClock())
    heard, taken, refused = canary.accepts, [], []
    for number, one in enumerate(table):
        if await verifier.claims(one.text) is not None:
            taken.append((one.attack, one.algorithm))
        good = minter(one.algorithm)
        if number % CONTROL_EVERY == 0 and await verifier.claims(good.token()) is None:
            refused.append(number)

    assert taken == []
    assert refused == []
    assert canary.accepts == heard


def issuer(algorithm: str) -> Issuer:
    keys = {"secret": SECRET} if algorithm == "HS256" else {"jwks": jwks(minter(algorithm).jwk())}
    return Issuer(
        algorithm.lower(), issuer_of(algorithm), frozenset({AUDIENCE}), JwtAlgorithm(algorithm), **keys
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """It knows all issuers and one person of each, and may call the canary: that it does not is its own choice."""
    folder = tmp_path_factory.mktemp("tokens")
    with start_server(folder / "data", environment(**settings(folder))) as started:
        home = started.client.call("GET", "/api/v1/me").json["workspace_id"]
        for algorithm in ALGORITHMS:
            person = {
                "issuer": issuer_of(algorithm),
                "subject": "person-1",
                "name": algorithm,
                "role": "viewer",
            }
            made = started.client.call("POST", f"/api/v1/workspaces/{home}/members", person)
            assert made.status == 201, made.body
        yield started


def settings(folder: Path) -> dict[str, str]:
    found = {
        "TOOLCRIB_JWT_ISSUERS": ",".join(one.lower() for one in ALGORITHMS),
        "TOOLCRIB_JWT_SHARED_SECRETS": "on",
    }
    for algorithm in ALGORITHMS:
        prefix = f"TOOLCRIB_JWT_{algorithm.upper()}_"
        found |= {
            f"{prefix}ISSUER": issuer_of(algorithm),
            f"{prefix}AUDIENCE": AUDIENCE,
            f"{prefix}ALGORITHM": algorithm,
        }
        if algorithm == "HS256":
            found[f"{prefix}SECRET"] = SECRET.decode()
        else:
            file = folder / f"{algorithm}.json"
            file.write_bytes(jwks(minter(algorithm).jwk()))
            found[f"{prefix}JWKS_FILE"] = str(file)
    return found


# The last is what a member is answered there.
DOORS = (
    ("GET", "/api/v1/tools", None, 200),
    ("POST", "/api/v1/tools/tides.next/execute", b'{"input":{}}', 404),
    ("POST", "/mcp", b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', 200),
)
Door = tuple[str, str, bytes | None, int]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door[1])
def test_at_a_door_every_forged_token_is_answered_as_the_next(
    server: Server, table: list[Case], canary: Canary, door: Door
):
    line, heard = Line(server.port, ""), canary.accepts
    sent = [one for one in table if may_stand_in_a_header(one.text)]
    answers: dict[tuple[object, ...], list[str]] = {}
    controls = []
    for number, one in enumerate(sent):
        answers.setdefault(seen(ask(line, door, one.text)), []).append(f"{one.attack}, {one.algorithm}")
        if number % CONTROL_EVERY == 0:
            controls.append(ask(line, door, minter(one.algorithm).token()).status)

    assert len(sent) >= LEAST_CASES
    assert {answer[0] for answer in answers} == {401}
    assert len(answers) == 1, {answer: found[:3] for answer, found in answers.items()}
    assert set(controls) == {door[3]}
    assert canary.accepts == heard
    line.close()


def may_stand_in_a_header(text: str) -> bool:
    return text.isprintable() and all(ord(letter) < 256 for letter in text)


def ask(line: Line, door: Door, credential: str) -> Reply:
    method, path, body, _ = door
    kind = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    return line.send(method, path, body, {"Authorization": f"Bearer {credential}", **(kind if body else {})})


def seen(reply: Reply) -> tuple[object, ...]:
    """All that a stranger sees of an answer but the time of day."""
    return (
        reply.status,
        reply.body,
        tuple((name, value) for name, value in reply.headers.items() if name != "date"),
    )
