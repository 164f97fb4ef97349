"""Payloads as the ledger keeps them: without secrets, redacted, and only as much as the contract says."""

import hashlib
from collections.abc import Mapping
from typing import Any

from toolcrib.contracts.provider import Failure
from toolcrib.contracts.redaction import REDACTED, Redactor
from toolcrib.contracts.secret import Secret, texts
from toolcrib.kit.json import dumps
from toolcrib.kit.strike import Strikes

from .workshop import Ready

# Texts to strike times bytes to look through: about 0.1 s. What asks more is left out whole.
_MOST_STRIKING = 100_000


def kept_input(ready: Ready, given: Any, secrets: Mapping[str, Secret]) -> str | None:
    """The input; a secret is struck out even where the caller wrote it."""
    value = _struck(given, secrets)
    return _kept(ready, ready.input_redactor, dumps(value), value)


def kept_output(
    ready: Ready, output: Any, written: bytes, hidden: Mapping[str, Secret], shown: Any = None
) -> str | None:
    """The output, of which `written` is the JSON text; the tool's own secrets are struck out already. `shown` is an
    input that the house itself repeats in it: what is not kept of the one is not kept of the other.
    """
    value = _struck(output, hidden)
    if shown is not None and (repeated := ready.input_redactor.left_out(shown)):
        dear = len(repeated) * len(written) > _MOST_STRIKING
        value = REDACTED if dear else Strikes(repeated).strike_value(value)
    return _kept(ready, ready.output_redactor, written if value is output else dumps(value), value)


def kept_message(failure: Failure, hidden: Mapping[str, Secret]) -> str:
    """A message as every database takes it; a contract's own texts may hold a NUL."""
    return str(_struck(failure.message.replace("\x00", ""), hidden))


def kept_rest(failure: Failure, hidden: Mapping[str, Secret]) -> str:
    """What an error tells beside its code and message."""
    rest = {
        "details": dict(failure.details),
        "retryable": failure.retryable,
        "http_status": failure.http_status,
    }
    return dumps(_struck(rest, hidden)).decode()


def _struck(value: Any, secrets: Mapping[str, Secret]) -> Any:
    return Strikes(texts(secrets)).strike_value(value) if secrets else value


def _kept(ready: Ready, redactor: Redactor, written: bytes, value: Any) -> str | None:
    """As the contract's `record` says: whole, as a digest of what was said, or not at all."""
    if ready.contract.record == "none":
        return None
    if ready.contract.record == "digest":
        digest = hashlib.sha256(written).hexdigest()
        return f'{{"sha256":"{digest}","bytes":{len(written)}}}'
    return redactor.redact(written, value).decode()
