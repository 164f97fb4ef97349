"""What the OpenAPI file says beyond what FastAPI finds: the execute route, which is plain ASGI, and the bearer scheme."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from .execute import ExecuteAnswer, ExecuteBody

_PATH = "/api/v1/tools/{tool}/execute"
_REF = "#/components/schemas/{model}"


def describe(app: FastAPI) -> None:
    """Replace the application's OpenAPI maker by one that knows every route."""

    def made() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, routes=app.routes, description=_ABOUT
            )
            _add_execute(document)
            document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"key": []}]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = made  # type: ignore[method-assign]  # FastAPI's documented way to extend the file


_ABOUT = "Register tools, decide who may call them, call them, and find every call in the ledger."


def _add_execute(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for model in (ExecuteBody, ExecuteAnswer):
        made = model.model_json_schema(ref_template=_REF)
        schemas |= made.pop("$defs", {})
        schemas[model.__name__] = made
    answer = {"content": {"application/json": {"schema": {"$ref": _REF.format(model="ExecuteAnswer")}}}}
    refused = {
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [{"$ref": _REF.format(model=m)} for m in ("ExecuteAnswer", "ErrorAnswer")]
                }
            }
        }
    }
    document["paths"][_PATH] = {
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
                "content": {"application/json": {"schema": {"$ref": _REF.format(model="ExecuteBody")}}},
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
