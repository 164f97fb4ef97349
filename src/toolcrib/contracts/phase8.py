"""Older shapes of a tool, read into the one that is stored. This is the only place that knows them.

Three there are: definitions with `type` and an endpoint config, the rows that came before them (`endpoint`), and rows
with a `url` of the type `api`. Keys are taken in camelCase and in snake_case. What is not said here passes through.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from .contract import SECRET_REF
from .errors import Invalid
from .faults import Fault

_SNAKE = {
    "inputSchema": "input_schema",
    "outputSchema": "output_schema",
    "authType": "auth_type",
    "endpointConfig": "endpoint_config",
    "tenantScope": "tenant_scope",
}
_MARKS = frozenset({"type", *_SNAKE, "auth_type", "endpoint_config", "tenant_scope"})
_REQUIRED = ("name", "type", "description", "inputSchema", "outputSchema", "authType")
_OVER_HTTP = ("http", "rest", "webhook")
_RESERVED = ("email", "workflow")
_AUTH_TYPES = ("none", "api_key", "oauth_stub")
_SCOPES = {"tenant": "workspace", "global": "global"}
_ENDPOINT = {
    "method": "method",
    "headers": "headers",
    "timeoutSeconds": "timeout",
    "timeout_seconds": "timeout",
}
_OPEN = {"type": "object", "additionalProperties": True}


@dataclass(frozen=True, slots=True)
class Adapted:
    """A document in our own shape; `places` tells where its parts stand in what was sent, pointer by pointer.

    `imported`: its schema comes from elsewhere and keeps its meaning.
    """

    document: dict[str, Any]
    places: Mapping[str, str] = field(default_factory=dict)
    imported: bool = False


def adapt(submitted: Mapping[str, Any]) -> Adapted | None:
    """An older shape in ours; None when it is none. Raises `Invalid` with every fault of the older shape."""
    if "api" in submitted:
        return _with_auth_type(submitted)
    if "endpoint" in submitted:
        return _row(submitted)
    if submitted.get("type") == "api" and "url" in submitted:
        return _api_row(submitted)
    return _definition(submitted) if _MARKS & submitted.keys() and "kind" not in submitted else None


def secret_name(name: str) -> str:
    """The secret that holds the key of a tool of these shapes: `TOOL_<NAME>_API_KEY`."""
    return f"TOOL_{re.sub(r'[^A-Za-z0-9_]', '_', name).upper()}_API_KEY"


def _definition(submitted: Mapping[str, Any]) -> Adapted:
    document, places = _in_snake_case(submitted)
    kind, auth = document.pop("type", None), document.pop("auth_type", None)
    scope, endpoint = document.pop("tenant_scope", "tenant"), document.pop("endpoint_config", None)
    at_auth, at_endpoint = (
        places.get("/auth_type", "/authType"),
        places.get("/endpoint_config", "/endpointConfig"),
    )
    faults = [Fault(f"/{name}", "Field required") for name in _REQUIRED if _absent(submitted, name)]
    faults += [*_type_faults(kind), *_auth_faults(auth, at_auth)]
    if scope not in ("tenant", "global"):
        faults.append(Fault(places.get("/tenant_scope", "/tenantScope"), "use tenant or global"))
    if kind in _OVER_HTTP:
        faults += _endpoint_faults(endpoint, at_endpoint)
    _refuse(faults)
    document["scope"] = _SCOPES[scope]
    if kind == "dummy":
        return Adapted(document | {"kind": "dummy"}, places | {"/kind": "/type"})
    document["api"] = _api(endpoint) | {"auth": _auth(auth, document["name"])}
    document.setdefault("mapping", {"raw": True})
    below = {
        f"/api/{ours}": f"{at_endpoint}/{theirs}" for theirs, ours in _ENDPOINT.items() if theirs in endpoint
    }
    url = {"/api": at_endpoint, "/api/base_url": f"{at_endpoint}/url", "/api/params": f"{at_endpoint}/url"}
    return Adapted(document, {**places, **below, **url, "/api/auth": at_auth})


def _row(submitted: Mapping[str, Any]) -> Adapted:
    """`{endpoint, method?, headers?, parameters?, outputSchema?, auth: {type}?}`."""
    document, places = _in_snake_case(submitted)
    kind, auth = document.pop("type", "http"), document.pop("auth", None) or {}
    auth_type = auth.get("type", "none") if isinstance(auth, dict) else auth
    _refuse([*_type_faults(kind), *_auth_faults(auth_type, "/auth/type")])
    url, params = _split(document.pop("endpoint"))
    api = {"base_url": url, "params": params, "method": document.pop("method", "POST")}
    api |= {"headers": document.pop("headers", None) or {}, "auth": _auth(auth_type, document.get("name"))}
    document["api"] = api
    document.setdefault("mapping", {"raw": True})
    document["input_schema"] = document.pop("parameters", None) or _OPEN
    document.setdefault("description", f"Tool {document.get('name')}")
    moved = {"/input_schema": "/parameters", "/api/base_url": "/endpoint", "/api/auth": "/auth"}
    return Adapted(document, places | moved | {"/api": "", "/api/params": "/endpoint"}, imported=True)


def _api_row(submitted: Mapping[str, Any]) -> Adapted:
    """`{url, type: "api", method, api_key, headers, api_key_header}`. A key in a config is a leaked key: it is refused."""
    document = {name: value for name, value in submitted.items() if name not in ("type", "url")}
    url, params = _split(submitted["url"])
    api = {"base_url": url, "params": params, "method": document.pop("method", None) or "GET"}
    key, header = document.pop("api_key", None), document.pop("api_key_header", None)
    if key is not None and key != "":
        wanted = secret_name(str(document.get("name")))
        message = (
            f"a key does not stand in a config: set the secret {wanted} to it and write ${{{wanted}}} here"
        )
        _refuse([] if isinstance(key, str) and SECRET_REF.fullmatch(key) else [Fault("/api_key", message)])
        api["auth"] = {"method": "api_key_header", "secret_ref": key} | (
            {"key_name": header} if header else {}
        )
    document |= {"api": api | {"headers": document.pop("headers", None) or {}}}
    document.setdefault("input_schema", _OPEN)
    document.setdefault("description", f"Tool {document.get('name')}")
    moved = {
        "/api/base_url": "/url",
        "/api/auth/secret_ref": "/api_key",
        "/api/auth/key_name": "/api_key_header",
    }
    return Adapted(document, moved | {"/api": "", "/api/params": "/url"}, imported=True)


def _with_auth_type(submitted: Mapping[str, Any]) -> Adapted | None:
    """Our own shape with `auth_type` beside `api`."""
    name = "authType" if "authType" in submitted else "auth_type"
    api = submitted["api"]
    if name not in submitted or not isinstance(api, dict):
        return None
    faults = [*_auth_faults(submitted[name], f"/{name}")]
    if "auth" in api:
        faults.append(Fault(f"/{name}", "give api.auth or this, not both"))
    _refuse(faults)
    document = {key: value for key, value in submitted.items() if key != name}
    document["api"] = api | {"auth": _auth(submitted[name], submitted.get("name"))}
    return Adapted(document, {"/api/auth": f"/{name}"})


def _in_snake_case(submitted: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    twice = [camel for camel, snake in _SNAKE.items() if camel in submitted and snake in submitted]
    _refuse([Fault(f"/{name}", f"is given twice: also as {_SNAKE[name]}") for name in twice])
    document = {_SNAKE.get(name, name): value for name, value in submitted.items()}
    return document, {f"/{_SNAKE[name]}": f"/{name}" for name in submitted if name in _SNAKE}


def _absent(submitted: Mapping[str, Any], name: str) -> bool:
    return submitted.get(name) is None and submitted.get(_SNAKE.get(name, name)) is None


def _endpoint_faults(endpoint: Any, where: str) -> Iterator[Fault]:
    if not isinstance(endpoint, dict):
        yield Fault(where, "this type of tool needs an endpoint config with a url")
        return
    if "url" not in endpoint:
        yield Fault(f"{where}/url", "Field required")
    if "timeoutSeconds" in endpoint and "timeout_seconds" in endpoint:
        yield Fault(f"{where}/timeoutSeconds", "is given twice: also as timeout_seconds")
    for name in endpoint.keys() - {"url", *_ENDPOINT}:
        yield Fault(f"{where}/{name}", "unknown field")


def _api(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Our `api` made of a checked endpoint config."""
    url, params = _split(endpoint["url"])
    given = {ours: endpoint[theirs] for theirs, ours in _ENDPOINT.items() if theirs in endpoint}
    return {"method": "POST", **given, "base_url": url, "params": params}


def _split(url: Any) -> tuple[Any, dict[str, str]]:
    """A URL and the parameters of its query, where each stands there once."""
    if not isinstance(url, str) or "?" not in url or "#" in url:
        return url, {}
    before, _, query = url.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    params = dict(pairs)
    return (before, params) if len(params) == len(pairs) else (url, {})


def _auth(auth_type: Any, name: Any) -> dict[str, Any]:
    if auth_type == "api_key":
        return {"method": "bearer", "secret_ref": f"${{{secret_name(str(name))}}}"}
    return {"method": auth_type}


def _type_faults(kind: Any) -> Iterator[Fault]:
    if kind in _RESERVED:
        yield Fault("/type", f"{kind} is reserved and does not run yet; use http, rest, webhook or dummy")
    elif kind is not None and kind not in _OVER_HTTP and kind != "dummy":
        yield Fault("/type", "is no type of tool; use http, rest, webhook or dummy")


def _auth_faults(auth_type: Any, where: str) -> Iterator[Fault]:
    if auth_type is not None and auth_type not in _AUTH_TYPES:
        yield Fault(where, "use none, api_key or oauth_stub")


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise Invalid.because("The tool's config is not valid.", faults)
