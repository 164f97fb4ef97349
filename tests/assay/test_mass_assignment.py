"""B6, T6: what the server owns is the server's to set: naming it in any write, at any depth, is refused and changes nothing."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.isolation import Isolation
from assay.matrix import Entry, matrix
from assay.workspace import API, Workspace
from tests.assay.cast import is_refusal
from tests.assay.scene import Scene

OWNED = tomllib.loads(Path(__file__).with_name("owned.toml").read_text("utf-8"))["fields"]
WRITES = [entry for entry in matrix() if entry.body is not None and not entry.person]
HEADERS = {
    "X-User": "root", "X-Forwarded-User": "root", "X-Actor-Id": "user:owner", "X-Role": "owner", "X-HTTP-Method-Override": "DELETE",
}  # fmt: skip


@pytest.fixture(scope="session")
def place(scene: Scene) -> Workspace:
    there = Workspace(scene.ours.owner, scene.ours.name, f"{scene.ours.mark}o", operator=scene.operator)
    there.furnish()
    return there


@pytest.mark.parametrize("entry", WRITES, ids=str)
def test_a_field_that_the_server_owns_is_refused_in_every_write(scene, place, openapi, entry: Entry):
    watch, tried = Isolation(place, scene.theirs), 0
    asker = scene.operator if entry.operator == "only" else place.owner
    own = place.own | {
        kind: value for kind in entry.places.values() for kind, value in place.fresh(kind).items()
    }
    body = entry.written(own, place.new())
    with watch.untouched(place):
        for pointer, inner in _objects(body, entry.free):
            for name in OWNED.keys() - inner.keys() - _taken(openapi, entry, pointer):
                reply = entry.ask(asker, entry.at(own), body=_with(body, pointer, {name: OWNED[name]}))
                assert is_refusal(reply, 400), (pointer, name, reply.status, reply.body[:300])
                faults = reply.document["error"]["details"]["errors"]
                assert any(fault["path"] in (pointer, f"{pointer}/{name}") for fault in faults), (
                    name,
                    faults,
                )
                tried += 1
    assert [str(leak) for leak in watch.leaks] == []
    assert tried >= len(OWNED) - 10

    assert entry.ask(asker, entry.at(own), body=body).ok, "the same write without it"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("actor_type", "agent"), ("actorType", "system"), ("actor_id", "user:other"), ("actorId", "user:other"), ("actor_type", ["user"]),
        ("actor_id", {"$ne": 1}), ("actor_id", ""),
    ],
)  # fmt: skip
def test_an_actor_that_the_credential_is_not_is_refused(place, field, value):
    body = {"input": {}, field: value}

    reply = place.owner.ask("POST", f"{API}/tools/{place.own['tool']}/execute", body)

    assert is_refusal(reply, 403) or is_refusal(reply, 400), reply.body


def test_the_actor_is_the_credentials_whatever_headers_say(place):
    agent = place.parties["agent"]

    made = agent.ask("POST", f"{API}/tools/{place.own['tool']}/execute", {"input": {}}, HEADERS).document

    row = place.owner.ask("GET", f"{API}/tools/executions/{made['execution_id']}").document
    assert row["workspace_id"] == place.own["workspace"]
    assert (
        f"{row['requested_by_actor_type']}:{row['requested_by_actor_id'].partition(':')[2]}"
        == place.actors["agent"]
    )


def _objects(value: Any, free: tuple[str, ...], at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in a body with its place, but not what is the caller's own."""
    if at in free:
        return
    if isinstance(value, dict):
        yield at, value
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield from _objects(inner, free, f"{at}/{name}")


def _with(body: Any, pointer: str, more: dict[str, Any]) -> Any:
    if not pointer:
        return body | more
    first, _, rest = pointer[1:].partition("/")
    return body | {first: _with(body[first], f"/{rest}" if rest else "", more)}


def _taken(openapi: dict[str, Any], entry: Entry, pointer: str) -> set[str]:
    """Fields that a place of the body has by the API's own description."""
    schema = openapi["paths"][entry.route][entry.method.lower()]["requestBody"]["content"][
        "application/json"
    ]["schema"]
    for name in [part for part in pointer.split("/") if part]:
        schema = _properties(openapi, schema).get(name, {})
    return set(_properties(openapi, schema))


def _properties(openapi: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for one in (schema, *schema.get("anyOf", ())):
        named = openapi["components"]["schemas"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        if "properties" in named:
            properties: dict[str, Any] = named["properties"]
            return properties
    return {}
