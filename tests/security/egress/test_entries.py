"""No way in for a URL that the attack does not know: every route, setting and member of a config that looks like one has an entry."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.security.egress.entries import JWKS, SAVES, USES

ROOT = Path(__file__).parents[3]
SPEAKS_OF_ADDRESSES = re.compile(
    r"(?i)url|uri|endpoint|source|href|link|hosts?\b|callback|webhook|hook|jwks|issuer|origin|redirect|proxy|icon|server|domain|site"
)
# What is named so and leads nowhere: it is compared, never called. `second_order.py` tries each.
LEADS_NOWHERE = {
    "/hosts of POST /api/v1/secrets": "where a secret may go",
    "/hosts of PUT /api/v1/workspaces/{workspace}/hosts": "where a workspace's requests may go",
    "/issuer of POST /api/v1/workspaces/{workspace}/members": "the `iss` of a person's tokens",
} | {
    f"/requires/subject/{form}link of {route}": "a tool by its name"
    for form in ("", "*/")
    for route in (
        "POST /api/v1/tools",
        "POST /api/v1/tools/saved",
        "PUT /api/v1/tools/{tool}",
        "PUT /api/v1/tools/saved/{tool}",
    )
}
SETTINGS = {
    "TOOLCRIB_DATABASE_URL": "the operator's database",
    "TOOLCRIB_EGRESS_PROXY": "the operator's one way out",
    "TOOLCRIB_CORS_ORIGINS": "compared with what browsers send",
    "TOOLCRIB_HOST": "where the server listens",
    "TOOLCRIB_URL": "where the shell finds the server",
    "TOOLCRIB_JWT_ISSUERS": "names",
    "TOOLCRIB_JWT_<NAME>_ISSUER": "compared with `iss`",
    "TOOLCRIB_JWT_<NAME>_JWKS_FILE": "a file of the operator's",
    "TOOLCRIB_JWT_<NAME>_JWKS_URL": JWKS,
}
# The routes that run a tool, or show what a run would be.
RUNS = re.compile(r"/(execute|validate|call|run|test|preview|approve|import)\Z")


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "api-spec.json").read_text("utf-8"))
    return found


def test_every_place_for_an_address_has_an_entry(spec):
    tried = {(_plain(entry.route), entry.place) for entry in (*SAVES, *USES)}
    places = {
        (route, place)
        for route, place in _places(spec)
        if SPEAKS_OF_ADDRESSES.search(place.rpartition("/")[2])
    }
    strange = [f"{place} of {route}" for route, place in places - tried]

    assert sorted(set(strange) - LEADS_NOWHERE.keys()) == []
    assert LEADS_NOWHERE.keys() <= set(strange), "a place that is no more"


def test_every_route_that_runs_a_tool_has_an_entry(spec):
    running = {
        f"{method.upper()} {path}" for path, of in spec["paths"].items() for method in of if RUNS.search(path)
    }

    assert running - {entry.route for entry in USES} == set()


def test_every_entry_is_a_route(spec):
    routes = {f"{method.upper()} {path}" for path, of in spec["paths"].items() for method in of} | {
        "POST /mcp"
    }

    assert {_plain(entry.route) for entry in (*SAVES, *USES)} - routes == set()


def test_every_setting_that_names_an_address_has_an_entry():
    page = (ROOT / "docs/reference/settings.md").read_text("utf-8")
    named = set(re.findall(r"^\| `(TOOLCRIB_[A-Z_<>]+)`", page, re.MULTILINE))
    named |= {f"TOOLCRIB_JWT_<NAME>_{part}" for part in re.findall(r"TOOLCRIB_JWT_<NAME>_([A-Z_]+)", page)}

    assert {name for name in named if SPEAKS_OF_ADDRESSES.search(name)} - SETTINGS.keys() == set()


@pytest.mark.parametrize(
    "place", ["/source/url", "/callback", "/webhookUrl", "/jwks_uri", "/items/*/href", "/proxy", "?redirect_to", "/api/servers"]
)  # fmt: skip
def test_a_new_place_would_be_noticed(place):
    assert SPEAKS_OF_ADDRESSES.search(place.rpartition("/")[2])


def _plain(route: str) -> str:
    """A route as the OpenAPI file names it."""
    return re.sub(r"/case\.\w+\Z", "/{tool}", route)


def _places(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(route, place) of every parameter, and of every member of every body."""
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            route = f"{method.upper()} {path}"
            yield from ((route, f"?{one['name']}") for one in operation.get("parameters", []))
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield from ((route, place) for place in _members(spec, content["schema"], "", ()))


def _members(spec: dict[str, Any], schema: Any, at: str, seen: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            yield from _members(spec, spec["components"]["schemas"][name], at, (*seen, name))
    for name, member in schema.get("properties", {}).items():
        yield f"{at}/{name}"
        yield from _members(spec, member, f"{at}/{name}", seen)
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for member in schema.get(keyword, []):
            yield from _members(spec, member, at, seen)
    for keyword in ("items", "additionalProperties"):
        yield from _members(spec, schema.get(keyword), f"{at}/*", seen)
