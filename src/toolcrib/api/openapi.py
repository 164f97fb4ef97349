"""What the OpenAPI file says beyond what FastAPI finds: the routes that are plain ASGI, and the bearer scheme."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from toolcrib.contracts.contract import Contract

from .execute import ROUTE, ExecuteAnswer, ExecuteBody
from .register import ROUTES as REGISTER
from .timing import PREFIX
from .tools import REHEARSE, Registered, Rehearsed

_REF = "#/components/schemas/{model}"


def describe(app: FastAPI) -> None:
    """Replace the application's OpenAPI maker by one that knows every route."""

    def made() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, routes=app.routes, description=_ABOUT
            )
            _add_execute(document)
            _add_register(document)
            _add_config(document)
            _describe_parameters(document)
            document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"key": []}]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = made  # type: ignore[method-assign]  # FastAPI's documented way to extend the file


_CONFIG_ROUTES = (("/api/v1/tools", "post"), ("/api/v1/tools/saved", "post"), ("/api/v1/tools/{tool}", "put"), ("/api/v1/tools/saved/{tool}", "put"))  # fmt: skip
_PARAMETERS = {
    "limit": "Most elements of a page.",
    "cursor": "`next` of the page before.",
    "scope": "Whose tools: the workspace's own (`tenant` says the same), global ones, or all.",
    "status": "Only those in this state.",
    "q": "Only those with this text in name, title or description.",
    "tag": "Only those with this tag.",
    "state": "Only approvals in this state.",
    "tool": "Name, alias, id, or the name that models see.",
    "tool_id": "Calls of the tool with this id.",
    "execution_id": "The id that a call was answered with.",
    "exception_id": "Those that belong to this exception.",
    "view": "In this view of a pack.",
    "subject_type": "Those about a subject of this type.",
    "subject_id": "Those about the subject with this id.",
    "kind": "Those of this kind, such as `refusal`.",
    "actor": "Those asked for by this actor, such as `user:owner`.",
    "tenant_id": "Must be the credential's own workspace.",
    "type": "Events of this type.",
    "from": "Made at or after this RFC 3339 time.",
    "to": "Made before this RFC 3339 time.",
    "name": "The secret's name.",
    "key_id": "The key's id.",
    "workspace": "The workspace's id.",
    "member": "The member's id.",
    "invitation": "The invitation's id.",
    "grant": "The grant's id.",
    "principal": "Another actor of the workspace, such as `agent:bot`; yourself when left out.",
    "last-event-id": "Go on after the event with this number.",
    "Last-Event-ID": "Go on after the event with this number.",
}
_ABOUT = "Register tools, decide who may call them, call them, and find every call in the ledger."


def _add_models(document: dict[str, Any], *models: type[BaseModel]) -> None:
    schemas = document["components"]["schemas"]
    for model in models:
        made = model.model_json_schema(ref_template=_REF)
        schemas |= made.pop("$defs", {})
        schemas[model.__name__] = made


def _json(*models: str) -> dict[str, Any]:
    """A body of JSON in one of these shapes."""
    shapes = [{"$ref": _REF.format(model=model)} for model in models]
    return {"content": {"application/json": {"schema": shapes[0] if len(shapes) == 1 else {"anyOf": shapes}}}}


def _add_register(document: dict[str, Any]) -> None:
    _add_models(document, Registered, Rehearsed)
    dry_run = {"name": "dry_run", "in": "query", "schema": {"type": "boolean", "default": False}}
    for route, operation, summary in zip(
        REGISTER, ("register_tool", "save_tool"), ("Register Tool", "Save Tool"), strict=True
    ):
        document["paths"][PREFIX + route]["post"] = {
            "tags": ["tools"],
            "operationId": operation,
            "summary": summary,
            "description": "Register a tool from its JSON config. A taken name is 409; every fault of the config is listed at once.",
            "parameters": [dry_run | {"description": REHEARSE}],
            "requestBody": {"required": True, "content": {"application/json": {}}},
            "responses": {
                "200": {"description": "It would be registered; nothing was.", **_json("Rehearsed")},
                "201": {"description": "It is registered.", **_json("Registered")},
                "default": {"description": "Any refusal, by its code.", **_json("ErrorAnswer")},
            },
        }


def _add_execute(document: dict[str, Any]) -> None:
    _add_models(document, ExecuteBody, ExecuteAnswer)
    answer, refused = _json("ExecuteAnswer"), _json("ExecuteAnswer", "ErrorAnswer")
    document["paths"][ROUTE] = {
        "post": {
            "tags": ["tools"],
            "operationId": "execute_tool",
            "summary": "Execute a tool once",
            "description": "Every call that reaches a tool is an execution, refused ones too; the answer has the same shape for all.",
            "parameters": [
                {"name": "tool", "in": "path", "required": True, "schema": {"type": "string"}},
                _header("Idempotency-Key", "One effect, however often the call is sent."),
                _header("Prefer", "`respond-async`: answer 202 as soon as the call is recorded."),
            ],
            "requestBody": {
                "required": True,
                **_json("ExecuteBody"),
            },
            "responses": {
                "200": {"description": "It succeeded.", **answer},
                "202": {"description": "It runs; `Location` is where its result will be.", **answer},
                "default": {"description": "It did not; by its code.", **refused},
            },
        }
    }


def _header(name: str, about: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": about, "schema": {"type": "string"}}


def _add_config(document: dict[str, Any]) -> None:
    """The body of what registers tools: the contract's members, open to those of older shapes and of other forms."""
    schemas = document["components"]["schemas"]
    made = Contract.model_json_schema(ref_template=_REF.replace("{model}", "Config{model}"))
    definitions = {f"Config{name}": one for name, one in made.pop("$defs", {}).items()}
    properties = {**made["properties"], "name": {"type": "string"}, "version": {"type": ["string", "number"]}}
    schemas |= definitions
    schemas["ToolConfig"] = {
        "type": "object",
        "title": "ToolConfig",
        "description": "A tool's config. Older shapes have other members; `GET /tools/{tool}` answers the one that is stored.",
        "properties": properties,
        "additionalProperties": True,
    }
    for path, method in _CONFIG_ROUTES:
        body = document["paths"][path][method]["requestBody"]
        body["content"]["application/json"]["schema"] = {"$ref": _REF.format(model="ToolConfig")}


def _describe_parameters(document: dict[str, Any]) -> None:
    every = (
        one
        for path in document["paths"].values()
        for method in path.values()
        for one in method.get("parameters", ())
    )
    for parameter in every:
        if parameter["name"] in _PARAMETERS:
            parameter.setdefault("description", _PARAMETERS[parameter["name"]])
