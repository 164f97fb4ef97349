"""The one table from code to status, against one written by hand; and how an error looks on the wire."""

import json

import pytest

from toolcrib.api.errors import RETRY_AFTER, STATUS, Refused, headers_for, render
from toolcrib.contracts.errors import Code, Conflict, Invalid, Unauthorized, Unavailable

TABLE = """
    VALIDATION_ERROR 400
    UNAUTHORIZED 401
    FORBIDDEN 403
    TOOL_DISABLED 403
    EGRESS_DENIED 403
    SUBJECT_MISMATCH 403
    NOT_FOUND 404
    CONFLICT 409
    SECRET_NOT_FOUND 409
    AUTHORIZATION_REQUIRED 409
    TOOL_SUNSET 410
    RATE_LIMITED 429
    INTERNAL_ERROR 500
    UPSTREAM_ERROR 502
    MAPPING_FAILED 502
    INVALID_OUTPUT 502
    UNDECLARED_ERROR 502
    UNAVAILABLE 503
    UPSTREAM_TIMEOUT 504
"""


def rows():
    return [
        (code, int(status)) for code, status in (line.split() for line in TABLE.split("\n") if line.strip())
    ]


def test_every_code_stands_in_the_table_exactly_once():
    assert sorted(code for code, _ in rows()) == sorted(code.value for code in Code)
    assert {str(code): status for code, status in STATUS.items()} == dict(rows())


@pytest.mark.parametrize("error", [Unauthorized(), Conflict("taken", reason="name_taken"), Unavailable()])
def test_an_error_has_one_form(error):
    answer = render(error)
    assert answer.status_code == STATUS[error.code]
    assert json.loads(answer.body) == {
        "error": {"code": error.code.value, "message": error.message, "details": dict(error.details), "retryable": error.retryable}
    }  # fmt: skip


def test_who_may_try_again_is_told_when():
    assert render(Unavailable()).headers["retry-after"] == RETRY_AFTER


def test_who_sent_no_credential_is_told_which_kind():
    assert render(Unauthorized()).headers["www-authenticate"] == "Bearer"


def test_other_errors_have_no_header_of_their_own():
    assert headers_for(404) == {}


def test_a_refusal_carries_its_error_and_status():
    refused = Refused(Invalid("no"))
    assert (refused.status_code, refused.error.message) == (400, "no")
