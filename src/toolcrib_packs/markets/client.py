"""Speaks to Alpha Vantage. It answers 200 whatever happens: what went wrong is a member of the reply."""

from typing import Any

from toolcrib import Context, ToolError

KEY = "ALPHAVANTAGE_KEY"
BASE_URL = "ALPHAVANTAGE_BASE_URL"
LIMIT: dict[str, Any] = {
    "code": "QUOTE_LIMIT",
    "description": "The key has no requests left for now; wait a minute or a day.",
    "http_status": 429,
}
REFUSED: dict[str, Any] = {
    "code": "QUOTE_REFUSED",
    "description": "Alpha Vantage did not accept the request; most often its key is wrong.",
    "http_status": 502,
}
_OK = 200
_TOO_MANY = 429


async def ask(context: Context, function: str, **params: str) -> dict[str, Any]:
    """The reply of one of its functions. Raises `ToolError` for a limit and for a request that it does not accept."""
    answer = await context.http.request(
        "GET",
        f"{context.settings[BASE_URL].rstrip('/')}/query",
        params={"function": function, **params, "apikey": context.secret(KEY)},
    )
    if answer.status == _TOO_MANY:
        raise ToolError(LIMIT["code"], LIMIT["description"], retryable=True)
    if answer.status != _OK:
        raise ToolError(REFUSED["code"], f"Alpha Vantage answered {answer.status}.", status=answer.status)
    return _checked(answer.json())


def _checked(reply: Any) -> dict[str, Any]:
    if not isinstance(reply, dict) or "Error Message" in reply:
        raise ToolError(REFUSED["code"], REFUSED["description"])
    if "Note" in reply or "Information" in reply:
        raise ToolError(LIMIT["code"], LIMIT["description"])
    return reply
