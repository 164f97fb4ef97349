"""Second fetchers: whatever names a URL and is not the one request of a tool. Each must be data, or be refused.

`URL` stands for a canary's address.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

CANARIES = ("http://10.9.8.7:8080/x", "https://169.254.169.254/latest", "http://[::1]:8080/x.json")

_DRAFT_4 = "http://json-schema.org/draft-04/schema#"


@dataclass(frozen=True)
class Config:
    """Members of a tool's config; `refused` is what must not be kept."""

    patch: dict[str, Any]
    refused: bool = False


class Door(NamedTuple):
    """One request to the server."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


def _schema(**members: Any) -> dict[str, Any]:
    return {"input_schema": {"type": "object", "properties": {"v": members}}}


CONFIGS: dict[str, Config] = {
    "$ref of the input": Config({"input_schema": {"$ref": "URL"}}, refused=True),
    "$ref of the output": Config({"output_schema": {"$ref": "URL"}}, refused=True),
    "$ref of a property": Config(_schema(**{"$ref": "URL#/definitions/x"}), refused=True),
    "$ref below $defs": Config({"input_schema": {"$defs": {"a": {"$ref": "URL"}}, "$ref": "#/$defs/a"}}, refused=True),
    "$ref in allOf": Config(_schema(allOf=[{"$ref": "URL"}]), refused=True),
    "$ref in not": Config(_schema(**{"not": {"$ref": "URL"}}), refused=True),
    "$ref in items": Config(_schema(items={"$ref": "URL"}), refused=True),
    "$ref in contentSchema": Config(_schema(contentMediaType="application/json", contentSchema={"$ref": "URL"})),
    "$dynamicRef": Config(_schema(**{"$dynamicRef": "URL#x"}), refused=True),
    "$recursiveRef": Config({"input_schema": {"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveRef": "URL"}}),
    "$schema of the input": Config({"input_schema": {"$schema": "URL"}}, refused=True),
    "$schema of the output": Config({"output_schema": {"$schema": "URL"}}, refused=True),
    "$id and a relative $ref": Config({"input_schema": {"$id": "URL", "properties": {"v": {"$ref": "other.json"}}}}, refused=True),
    "$id alone": Config({"input_schema": {"$id": "URL", "type": "object"}}),
    "id of draft 4": Config({"input_schema": {"$schema": _DRAFT_4, "id": "URL", "properties": {"v": {"$ref": "x"}}}}),
    "$vocabulary": Config({"input_schema": {"$vocabulary": {"URL": True}}}),
    "$ref in an error's schema": Config({"errors": [{"code": "X", "when": {"schema": {"$ref": "URL"}}}]}, refused=True),
    "$ref in the impact": Config({"impact": {"$ref": "URL"}}, refused=True),
    "default, const, enum, examples": Config(_schema(default="URL", examples=["URL", {"$ref": "URL"}])),
    "format uri": Config(_schema(format="uri", type="string")),
    "metadata": Config({"metadata": {"icon": "URL", "homepage": "URL", "openapi": "URL"}}),
    "description": Config({"description": "![x](URL) <img src=URL> see URL"}),
    "side effects, tags, title": Config({"side_effects": "URL", "tags": ["URL"], "title": "URL"}),
    "deprecated.use": Config({"deprecated": {"since": "1.0.0", "use": "URL"}}),
    "examples": Config({"examples": [{"input": {"v": "URL"}, "output": "URL"}]}),
    "static header": Config({"api": {"headers": {"X-Source": "URL"}}}),
    "static parameter": Config({"api": {"params": {"url": "URL", "next": "URL"}}}),
    "response_path": Config({"mapping": {"response_path": "URL"}}),
    "token URL": Config({"api": {"auth": {"method": "oauth2_client_credentials", "token_url": "URL"}}}, refused=True),
    "token URL beside bearer": Config({"api": {"auth": {"method": "bearer", "secret_ref": "${X}", "token_url": "URL"}}}, refused=True),
    "proxy of a tool": Config({"api": {"proxy": "URL"}}, refused=True),
    "follow redirects": Config({"api": {"follow_redirects": True}}, refused=True),
    "second base": Config({"api": {"servers": [{"url": "URL"}]}}, refused=True),
    "icons": Config({"icons": [{"src": "URL"}]}, refused=True),
    "webhook": Config({"webhook": "URL"}, refused=True),
    "OpenAPI address": Config({"openapi_url": "URL"}, refused=True),
    "source": Config({"source": {"url": "URL"}}, refused=True),
}  # fmt: skip

REPLIES: dict[str, dict[str, str]] = {
    "Link next": {"head": 'Link: <URL>; rel="next"'},
    "Link preload": {"head": "Link: <URL>; rel=preload; as=fetch"},
    "Refresh": {"head": "Refresh: 0; url=URL"},
    "Location of a 200": {"head": "Location: URL"},
    "Location of a 201": {"status": "201", "head": "Location: URL"},
    "Location of a 202": {"status": "202", "head": "Location: URL"},
    "Content-Location": {"head": "Content-Location: URL"},
    "300 choices": {"status": "300", "head": "Location: URL"},
    "305 use proxy": {"status": "305", "head": "Location: URL"},
    "306": {"status": "306", "head": "Location: URL"},
    "401 with metadata": {"status": "401", "head": 'WWW-Authenticate: Bearer resource_metadata="URL"'},
    "407": {"status": "407", "head": 'Proxy-Authenticate: Basic realm="URL"'},
    "503": {"status": "503", "head": "Location: URL"},
    "Alt-Svc": {"head": 'Alt-Svc: h2="10.9.8.7:443", http/1.1="10.9.8.7:443"'},
    "Set-Cookie": {"head": "Set-Cookie: a=b; Domain=10.9.8.7"},
    "report address": {"head": "Content-Security-Policy: default-src 'none'; report-uri URL"},
    "profile": {"head": 'Content-Type: application/json; profile="URL"'},
    "next in the body": {"body": '{"next": "URL", "links": {"next": {"href": "URL"}}}'},
    "$ref in the body": {"body": '{"$ref": "URL", "$schema": "URL"}'},
    "HTML refresh": {"head": "Content-Type: text/html", "body": '<meta http-equiv=refresh content="0;url=URL">'},
    "XML entity": {"head": "Content-Type: text/xml", "body": '<!DOCTYPE a [<!ENTITY b SYSTEM "URL">]><a>&b;</a>'},
}  # fmt: skip

DOORS: dict[str, Door] = {
    "hosts of a secret": Door("POST", "/api/v1/secrets", {}, {"name": "NAME", "value": "long-enough", "hosts": ["URL"]}),
    "issuer of a member": Door("POST", "/api/v1/workspaces/WORKSPACE/members", {}, {"issuer": "URL", "subject": "NAME", "name": "n"}),
    "input of a tool": Door("POST", "/api/v1/tools/control/execute", {}, {"input": {"$ref": "URL", "url": "URL"}}),
    "subject of a call": Door("POST", "/api/v1/tools/control/execute", {}, {"input": {}, "subject": {"type": "URL", "id": "URL"}}),
    "import": Door("POST", "/api/v1/tools/import", {}, {"kind": "openapi", "source": {"url": "URL"}, "namespace": "n", "preview": True}),
    "name of a tool": Door("GET", "/api/v1/tools/http:%2f%2f10.9.8.7:8080%2fx", {}, None),
    "cursor": Door("GET", "/api/v1/tools?cursor=http://10.9.8.7:8080/x", {}, None),
    "query": Door("GET", "/api/v1/tools?q=URL&url=URL&source=URL", {}, None),
    "callback of a call": Door("POST", "/api/v1/tools/control/execute", {"Callback-Url": "URL", "X-Callback": "URL"}, {"input": {}}),
    "forwarded host": Door("GET", "/api/v1/tools", {"X-Forwarded-Host": "10.9.8.7", "Forwarded": "host=10.9.8.7", "X-Original-Url": "URL"}, None),
    "upstream's credential": Door("POST", "/api/v1/tools/control/execute", {"X-Upstream-Authorization": "URL"}, {"input": {}}),
    "origin": Door("POST", "/mcp", {"Origin": "URL"}, {"method": "tools/list", "params": {}}),
    "MCP resource": Door("POST", "/mcp", {}, {"method": "resources/read", "params": {"uri": "URL"}}),
    "MCP subscription": Door("POST", "/mcp", {}, {"method": "resources/subscribe", "params": {"uri": "URL"}}),
    "MCP client's icons": Door("POST", "/mcp", {}, {"method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {"roots": {}},
     "clientInfo": {"name": "n", "version": "1", "websiteUrl": "URL", "icons": [{"src": "URL"}]}}}),
    "MCP meta": Door("POST", "/mcp", {}, {"method": "tools/call", "params": {"name": "control", "arguments": {}, "_meta": {"callback": "URL"}}}),
    "MCP completion": Door("POST", "/mcp", {}, {"method": "completion/complete", "params": {"ref": {"type": "ref/resource", "uri": "URL"},
     "argument": {"name": "URL", "value": "URL"}}}),
    "jku of a token": Door("GET", "/api/v1/me", {"Authorization": "TOKEN"}, None),
}  # fmt: skip

# Our own port asked as if it were a proxy, and for a socket to elsewhere.
WIRES: dict[str, str] = {
    "absolute target": "GET http://10.9.8.7:8080/api/v1/tools HTTP/1.1\r\n",
    "absolute target of another port": "GET http://127.0.0.1:22/ HTTP/1.1\r\n",
    "connect": "CONNECT 10.9.8.7:443 HTTP/1.1\r\n",
    "path of an authority": "GET //10.9.8.7:8080/x HTTP/1.1\r\n",
    "at": "GET /@10.9.8.7:8080/x HTTP/1.1\r\n",
    "upgrade": "GET /api/v1/tools HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
}
