"""Payloads as the ledger keeps them: without secrets, redacted, and only as much as the contract says."""

import hashlib
from collections.abc import Mapping
from typing import Any

from toolcrib.contracts.provider import Failure
from toolcrib.contracts.redaction import REDACTED, Redactor
from toolcrib.contracts.secret import Secret, texts
from toolcrib.kit.json import dumps, loads_own
from toolcrib.kit.strike import Strikes

from .workshop import Ready

# Texts to strike times bytes to look through: about 0.1 s. What asks more is left out whole.
_MOST_STRIKING = 100_000
_LEAST_HIDDEN = 8


def kept_input(ready: Ready, given: Any, secrets: Mapping[str, Secret]) -> str | None:
    """The input; a secret is struck out even where the caller wrote it."""
    value = _struck(given, secrets)
    return _kept(ready, ready.input_redactor, dumps(value), value)


def shown(ready: Ready, given: Any, preview: Any, secrets: Mapping[str, Secret]) -> dict[str, Any] | None:
    """What a person is shown of a call before it runs: whole, whatever the contract says of records, but for secrets and
    what is marked as sensitive; None where that is so much that nobody could tell what is left. What is sensitive in the
    input stands in the preview too, and is struck there unless it is short: whoever asks must not choose it so that the
    words of the house go with it, such as the method.
    """
    value = _struck(given, secrets)
    seen = ready.input_redactor.redact(dumps(value), value)
    would = _struck(preview, secrets)
    hidden = [
        ("input", text) for _, text in ready.input_redactor.left_out(given) if len(text) >= _LEAST_HIDDEN
    ]
    if len(hidden) * len(dumps(would)) > _MOST_STRIKING:
        return None
    would = Strikes(hidden).strike_value(would) if hidden else would
    return {"input": loads_own(seen), "preview": loads_own(ready.output_redactor.redact(dumps(would), would))}


def kept_output(
    ready: Ready, output: Any, written: bytes, hidden: Mapping[str, Secret], repeats: Any = None
) -> str | None:
    """The output, of which `written` is the JSON text; the tool's own secrets are struck out already. `repeats` is an
    input that the house itself repeats in it.
    """
    value = _struck(output, hidden)
    if repeats is not None:
        value = _repeated_struck(ready, value, repeats)
    return _kept(ready, ready.output_redactor, written if value is output else dumps(value), value)


def _repeated_struck(ready: Ready, output: Any, given: Any) -> Any:
    """An output that repeats an input: what is not kept of the one is not kept of the other."""
    repeated = ready.input_redactor.left_out(given)
    if not repeated:
        return output
    dear = len(repeated) * len(dumps(output)) > _MOST_STRIKING
    return REDACTED if dear else Strikes(repeated).strike_value(output)


def kept_message(failure: Failure, hidden: Mapping[str, Secret]) -> str:
    """A message as every database takes it; a contract's own texts may hold a NUL."""
    return str(_struck(storable(failure.message), hidden))


def storable(text: str) -> str:
    """A text as every database takes it: without NUL, and without halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


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
