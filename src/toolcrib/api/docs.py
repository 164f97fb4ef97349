"""The page on which a person tries the API: Swagger UI out of the package that carries its files, and nothing from elsewhere."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI, HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from .browsers import as_page
from .timing import on_route

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Toolcrib API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<noscript>This page needs JavaScript. The API is described in <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# The key that somebody types stays in the page; no validator elsewhere is asked.
_START = """SwaggerUIBundle({
  url: "openapi.json", dom_id: "#api", docExpansion: "list", deepLinking: true, validatorUrl: null, persistAuthorization: false,
});
"""
_TYPES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_KEPT = {"Cache-Control": "max-age=3600"}
_NOT_KEPT = {"Cache-Control": "no-store"}


def add_docs(app: FastAPI) -> None:
    """Put the page at `/docs`, and what it loads below. `/` leads to it."""
    app.add_route("/", _front, include_in_schema=False)
    app.add_route("/docs", _page, include_in_schema=False)
    app.add_route("/docs/start.js", _start, include_in_schema=False)
    app.add_route("/docs/{file}", _file, include_in_schema=False)


async def _front(request: Request) -> Response:
    on_route(request.scope, "/")
    return RedirectResponse("docs")  # relative, as the page's own addresses are


async def _page(request: Request) -> Response:
    on_route(request.scope, "/docs")
    as_page(request.scope)
    return HTMLResponse(_PAGE, headers=_NOT_KEPT)


async def _start(request: Request) -> Response:
    on_route(request.scope, "/docs/start.js")
    as_page(request.scope)
    return Response(_START, media_type="text/javascript", headers=_NOT_KEPT)


async def _file(request: Request) -> Response:
    on_route(request.scope, "/docs/{file}")
    name = request.path_params["file"]
    if name not in _TYPES:
        raise HTTPException(404)
    as_page(request.scope)
    return FileResponse(_folder() / name, media_type=_TYPES[name], headers=_KEPT)


def _folder() -> Path:
    """Where the package lies; none of its code is run."""
    found = find_spec("fastapi_swagger")
    assert found is not None  # noqa: S101 a dependency
    assert found.origin is not None  # noqa: S101 as above
    return Path(found.origin).with_name("resources")
