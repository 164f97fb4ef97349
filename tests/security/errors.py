"""The shapes that an answer may have, read from the outside: `design.md` §5."""

from typing import Any

from tests.support.client import Reply

# code → HTTP status, as the design's table has it.
STATUS = {
    "UNAUTHORIZED": 401, "FORBIDDEN": 403, "TOOL_DISABLED": 403, "EGRESS_DENIED": 403, "SUBJECT_MISMATCH": 403, "NOT_FOUND": 404,
    "VALIDATION_ERROR": 400, "CONFLICT": 409, "SECRET_NOT_FOUND": 409, "AUTHORIZATION_REQUIRED": 409, "TOOL_SUNSET": 410,
    "RATE_LIMITED": 429, "UPSTREAM_ERROR": 502, "MAPPING_FAILED": 502, "INVALID_OUTPUT": 502, "UNDECLARED_ERROR": 502,
    "UPSTREAM_TIMEOUT": 504, "UNAVAILABLE": 503, "INTERNAL_ERROR": 500,
}  # fmt: skip
PARSE = "The request body is not acceptable JSON"
_EXECUTED = {"success", "execution_id", "status", "output", "error", "execution_time_ms"}


def error_of(reply: Reply) -> dict[str, Any]:
    """The error object of an answer that is exactly an error, or exactly a failed execution."""
    body = reply.json
    assert isinstance(body, dict), reply.body[:500]
    assert reply.headers["content-type"] == "application/json"
    if body.keys() != {"error"}:
        assert body.keys() == _EXECUTED, body.keys()
        assert (body["success"], body["output"]) == (False, None)
    error: dict[str, Any] = body["error"]
    assert set(error) == {"code", "message", "details", "retryable"}
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["details"], dict)
    assert isinstance(error["retryable"], bool)
    assert STATUS[error["code"]] == reply.status, (error["code"], reply.status)
    return error


def is_error(reply: Reply, code: str) -> bool:
    """Whether the answer is exactly this error."""
    try:
        return bool(error_of(reply)["code"] == code)
    except (AssertionError, KeyError):
        return False


def is_plain(reply: Reply) -> bool:
    """Whether the answer is a success or one exact error, and no failure of ours."""
    if 200 <= reply.status < 300:
        return True
    try:
        return error_of(reply)["code"] != "INTERNAL_ERROR"
    except (AssertionError, KeyError):
        return False
