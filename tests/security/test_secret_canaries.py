"""B5: secrets go out to the upstream they are for, and turn up nowhere else, in no form, whatever the upstream does with them."""

import json
import subprocess
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from tests.security.canaries import SECRETS, Search, plain_strings
from tests.security.echoes import ECHOES
from tests.security.errors import is_plain
from tests.support.postgres import SUPERUSER, _find_binaries
from tests.support.until import until

SENDABLE = [
    name
    for name, value in SECRETS.items()
    if all(c == "\t" or " " <= c <= "~" or "\xa0" <= c <= "\xff" for c in value)
]
AUTHS = {
    "query": lambda ref: {"auth": {"method": "api_key_query", "key_name": "key", "secret_ref": ref}},
    "header": lambda ref: {"auth": {"method": "api_key_header", "key_name": "X-Key", "secret_ref": ref}},
    "bearer": lambda ref: {"auth": {"method": "bearer", "secret_ref": ref}},
    "basic": lambda ref: {"auth": {"method": "basic", "username": "me", "secret_ref": ref}},
    "a header's text": lambda ref: {"headers": {"X-Text": f"key={ref};"}},
    "a parameter": lambda ref: {"params": {"q": ref}},
}


class Told:
    """Everything that the server ever said in this test, with a name for each."""

    def __init__(self, house):
        self._house = house
        self._calls = 0
        self.texts = []

    def call(self, where, method, path, body=None):
        reply = self._house.line.send(method, path, None if body is None else json.dumps(body).encode())
        self.texts += [
            where.encode(),
            json.dumps(reply.headers).encode(),
            reply.body,
            plain_strings(reply.body),
        ]
        return reply

    def execute(self, where, tool):
        reply = self.call(where, "POST", f"/api/v1/tools/{tool}/execute", {"input": {"q": 1}})
        self._calls += 1
        if self._calls % 10 == 0:
            self.call(f"{where}, looked up", "GET", f"/api/v1/tools/executions/{reply.json['execution_id']}")
        return reply


@pytest.fixture(params=["sqlite", "postgresql"])
def planted(request, houses):
    """All secrets are set, and used through one tool each way there is to send one."""
    house = houses(request.param)
    house.stage.heard.clear()
    house.stage.answers.clear()
    for name, value in SECRETS.items():
        house.secret(value, f"CANARY_{name}")
    return house


def test_secrets_turn_up_nowhere(planted, tmp_path):
    house, told, search = planted, Told(planted), Search(SECRETS.items())
    calls = [
        *echoed(house, told),
        *sent_every_way(house, told),
        *failed(house, told),
        *bound_elsewhere(house, told),
    ]
    mistakes(told)
    turned_over(told)
    for path in (
        "/api/v1/secrets?limit=200",
        "/api/v1/secrets/CANARY_PEM/uses?limit=200",
        "/api/v1/secrets/rotation",
        "/api/v1/audit?limit=200",
        "/api/v1/tools?limit=200",
        "/api/v1/tools/executions?limit=200",
        "/openapi.json",
        "/health",
        "/metrics",
    ):
        told.call(path, "GET", path)

    places = {"answers": b"\n".join(told.texts), **logs(house), **files(house), **dump(house, tmp_path)}
    assert len(calls) > 1_000
    assert [
        reply.body for reply in calls if not is_plain(reply) and reply.json["error"]["code"] != "THEIR_ERROR"
    ] == []
    leaks = [f"{where}: {hit}" for where, text in places.items() for hit in search.hits(text)]
    assert not leaks, "\n".join(leaks)


def test_the_upstream_was_sent_the_exact_value(planted):
    for name, value in SECRETS.items():
        path = f"/exactly/{name}"
        planted.execute(planted.tool(path, api=AUTHS["query"](f"${{CANARY_{name}}}")))
        assert planted.stage.at(path)[0].query[-1] == ("key", value), name
    for name in SENDABLE:
        path = f"/exactly-header/{name}"
        planted.execute(planted.tool(path, api=AUTHS["header"](f"${{CANARY_{name}}}")))
        assert planted.stage.at(path)[0].header("x-key") == SECRETS[name].strip(" \t").encode(), name


def test_the_search_finds_what_there_is_to_find():
    """Without this, no hits would mean nothing."""
    packed = {
        "as a number where it is one",
        "a body in latin-1",
        "in small chunks",
        "packed",
        "a body in UTF-16",
    }
    in_one_line = {way for way in ECHOES if way.startswith(("a broken ", "a status", "no HTTP", "a header", "a cookie", "a challenge",
                                                             "a redirect", "a time", "a type", "an encoding"))}  # fmt: skip
    for name, value in SECRETS.items():
        search = Search([(name, value)])
        for way in ECHOES.keys() - packed - (set() if value.isprintable() else in_one_line):
            raw = ECHOES[way](value)
            assert search.hits(raw + plain_strings(raw.partition(b"\r\n\r\n")[2])), (name, way)


def test_a_value_that_fits_no_header_is_refused_and_not_sent(planted):
    for name in SECRETS.keys() - set(SENDABLE):
        reply = planted.execute(planted.tool(f"/unfit/{name}", api=AUTHS["header"](f"${{CANARY_{name}}}")))
        assert reply.status == 400, (name, reply.body)
        assert planted.stage.at(f"/unfit/{name}") == []


def echoed(house, told):
    """Each secret, given back in each way."""
    errors = [{"code": "THEIR_ERROR", "when": {"status": 404}}]
    for number, (name, value) in enumerate(SECRETS.items()):
        path = f"/echo/{number}"
        api = AUTHS["query"](f"${{CANARY_{name}}}") | {"timeout": 2, "max_reply": 100_000}
        tool = house.tool(path, api=api, errors=errors)
        for way, make in ECHOES.items():
            raw = make(value)
            house.stage.answers[path] = lambda _, raw=raw: raw
            yield told.execute(f"{name} back as {way}", tool)


def sent_every_way(house, told):
    """Each secret, sent in each way; the upstream gives all of its request back, as it came and in base64."""
    for number, name in enumerate(SECRETS):
        for way, api in enumerate(AUTHS.values()):
            path = f"/sent/{number}/{way}"
            house.stage.answers[path] = _give_back
            yield told.execute(
                f"{name} sent by {list(AUTHS)[way]}", house.tool(path, api=api(f"${{CANARY_{name}}}"))
            )


def _give_back(heard):
    from tests.security.stage import reply

    head = heard.head.decode("utf-8", "replace")
    pairs = [value.decode("utf-8", "replace") for _, value in heard.headers]
    unquoted = unquote_to_bytes(heard.target).decode("utf-8", "replace")
    said = {"head": head, "values": pairs, "target": unquoted, "hex": heard.head.hex()}
    return reply(json.dumps(said).encode())


def failed(house, told):
    """Calls that never get an answer: no TLS, a closed port, the tool's own deadline."""
    for name in SECRETS:
        for base in ("http://127.0.0.1:9", "https://127.0.0.1:9"):
            api = AUTHS["query"](f"${{CANARY_{name}}}") | {"base_url": base, "timeout": 1}
            yield told.execute(f"{name} to {base}", house.tool("/", api=api))
    for name in list(SECRETS)[:3]:
        house.stage.answers["/silent"] = lambda _: b"HTTP/1.1 200 OK\r\n"
        yield told.execute(
            f"{name} to silence",
            house.tool("/silent", api=AUTHS["query"](f"${{CANARY_{name}}}") | {"timeout": 0.2}),
        )


def bound_elsewhere(house, told):
    """Calls that are refused because they would take a secret to another host, and what a dry run then shows."""
    for number, (name, value) in enumerate(SECRETS.items()):
        secret = {"name": f"CANARY_{name}", "value": value, "hosts": ["elsewhere.example"]}
        told.call(f"{name} bound", "POST", "/api/v1/secrets", secret)
        for way, api in AUTHS.items():
            tool = house.tool(f"/bound/{number}", api=api(f"${{CANARY_{name}}}"))
            yield told.execute(f"{name} elsewhere by {way}", tool)
            body = {"input": {}, "dry_run": True}
            told.call(f"{name} shown", "POST", f"/api/v1/tools/{tool}/execute", body)
            told.call(f"{name} checked", "POST", f"/api/v1/tools/{tool}/validate", {"input": {}})
        told.call(f"{name} used", "GET", f"/api/v1/secrets/CANARY_{name}/uses")
        assert house.stage.at(f"/bound/{number}") == []


def turned_over(told):
    """A new key, and all values sealed under it."""
    assert told.call("a rotation", "POST", "/api/v1/secrets/rotate").status == 200
    path = "/api/v1/secrets/rotation"
    until(lambda: told.call("its end", "GET", path).json["left"] == 0, "all is sealed anew")


def mistakes(told):
    """What people do wrong with a secret in hand: it is not quoted back at them, and not logged."""
    for name, value in SECRETS.items():
        for body in ({"name": "bad name!", "value": value}, {"name": "A", "value": [value]}, {"name": "A", "value": {"a": value}},
                     {"name": "A", "value": value, "hosts": [value[:300]]}, {"name": "A", "value": "x", "hosts": value},
                     {"name": "A", "value": value, "more": value}, {"name": f"{value} !", "value": "x"}, {"value": value}):  # fmt: skip
            told.call(f"{name} set wrongly", "POST", "/api/v1/secrets", body)
        if "${" in value:
            continue  # in a config this is a reference, not a literal
        config = {
            "name": "x.y",
            "description": "d",
            "input_schema": {},
            "api": {"base_url": "https://example.com", "headers": {"X-API-Key": value}},
        }
        told.call(f"{name} in a config", "POST", "/api/v1/tools", config)
        config["api"] = {"base_url": "https://example.com", "auth": {"method": "bearer", "secret_ref": value}}
        told.call(f"{name} as a reference", "POST", "/api/v1/tools", config)


def logs(house):
    return {"stdout": house.server.stdout.encode(), "stderr": house.server.stderr.encode()}


def files(house):
    found = sorted(path for path in house.server.data_dir.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in found}


def dump(house, folder: Path):
    """The whole PostgreSQL database as its own tool writes it; nothing on SQLite, whose files are searched."""
    if house.database_url is None:
        return {}
    url = house.database_url.replace("toolcrib@", f"{SUPERUSER}@")
    target = folder / "dump.sql"
    subprocess.run(
        [str(_find_binaries() / "pg_dump"), "--file", str(target), url], check=True, capture_output=True
    )
    text = target.read_bytes()
    assert b"\tdefault\t" in text, "the dump holds no workspace: it is not the database"
    return {"dump": text}
