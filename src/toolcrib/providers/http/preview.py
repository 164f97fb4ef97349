"""The request that a call would send, for people and models to look at before it is sent."""

from typing import Any

from toolcrib.kit.http import HttpRequest
from toolcrib.kit.json import JsonValue, loads
from toolcrib.kit.strike import Strikes

_DEPTH = 200  # an input of 64 levels is some deeper in a body


def preview(request: HttpRequest, strikes: Strikes) -> dict[str, Any]:
    """What a dry run answers; every secret is struck out, in whatever form it would have been sent."""
    head: JsonValue = {"method": request.method, "url": request.url, "headers": dict(request.headers)}
    body = None if request.body is None else strikes.strike_value(loads(request.body, max_depth=_DEPTH))
    return {"dry_run": True, "request": {**strikes.strike_value(head), "body": body}}  # type: ignore[dict-item]  # an object stays one
