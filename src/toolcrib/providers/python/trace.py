"""The traceback of a tool's exception, fit for a developer's log: without the secrets of its run, whole or in pieces."""

import traceback
from collections.abc import Iterator, Mapping
from types import TracebackType

from toolcrib.contracts.secret import Secret
from toolcrib.kit.strike import Strikes

_LONGEST_HALF = 10_000
_PIECE = 8
"""Messages cut long values short and indent their lines, so a piece of a secret from this length on is struck too."""


def place(error: BaseException) -> str:
    """The last line of code that the exception passed."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""


def told(error: BaseException, secrets: Mapping[str, Secret]) -> str:
    """The traceback from the tool's own code on, with what led to it."""
    made = traceback.TracebackException(type(error), error, _without_the_house(error.__traceback__))
    text = "".join(made.format()).rstrip()
    if len(text) > 2 * _LONGEST_HALF:
        text = f"{text[:_LONGEST_HALF]}\n…\n{text[-_LONGEST_HALF:]}"
    written = [
        (name, form)
        for name, secret in secrets.items()
        if secret
        for form in sorted({*_as_python(secret.reveal())})
    ]
    text = Strikes(written).strike(text.encode("utf-8", "replace")).decode("utf-8", "replace")
    for name, form in written:
        text = _without_pieces(text, form, f"[secret:{name}]")
    return text


def _without_the_house(trace: TracebackType | None) -> TracebackType | None:
    """The first frame is the run's, which calls the function."""
    return trace.tb_next if trace is not None and trace.tb_next is not None else trace


def _as_python(value: str) -> Iterator[str]:
    """As it is, and as Python writes texts and bytes in a message."""
    yield value
    yield repr(value)[1:-1]
    yield ascii(value)[1:-1]
    yield repr(value.encode("utf-8", "replace"))[2:-1]


def _without_pieces(text: str, value: str, mark: str) -> str:
    pieces = {value[at : at + _PIECE] for at in range(len(value) - _PIECE + 1)}
    kept: list[str] = []
    start = end = 0  # of what is a piece of the value
    for at in range(len(text) - _PIECE + 1):
        if text[at : at + _PIECE] not in pieces:
            continue
        if at > end or not end:
            kept += [text[start:end] and mark, text[end:at]]
            start = at
        end = at + _PIECE
    return "".join([*kept, text[start:end] and mark, text[end:]])
