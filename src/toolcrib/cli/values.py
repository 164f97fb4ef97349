"""What a user types on a command line, read: a tool's input, a subject."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolcrib.contracts.errors import Code

from .refused import Refused, usage


def tool_input(whole: str | None, fields: list[str]) -> dict[str, Any]:
    """The input from `--input` (JSON, `@file`, or `@-` for stdin) or from `-i key=value`, repeated."""
    if whole is not None and fields:
        raise usage("--input and -i are both given; keep one")
    if whole is None:
        return dict(_field(text) for text in fields)
    return json_object("--input", whole, """write it so: --input '{"harbour": "oslo"}'""")


def json_object(option: str, text: str, step: str | None = None) -> dict[str, Any]:
    """An option's JSON object: as it stands there, in `@file`, or with `@-` on stdin."""
    value = _json(
        option, content(text[1:]) if text.startswith("@") else text.encode("utf-8", "surrogateescape")
    )
    if not isinstance(value, dict):
        raise usage(f"{option} must be a JSON object", step)
    return value


def as_fields(given: dict[str, Any]) -> list[str]:
    """An input as it is typed: `-i key=value` for each field, text in quotes where it would read as JSON."""
    if any("=" in key or not key for key in given):
        return ["--input", _written(given)]
    return [word for key, value in given.items() for word in ("-i", f"{key}={_typed(value)}")]


def subject(text: str | None) -> dict[str, str] | None:
    """`company:42` as a subject."""
    if text is None:
        return None
    kind, colon, name = text.partition(":")
    if not (kind and colon and name):
        raise usage("--subject must be type:id", "write it so: --subject company:42")
    return {"type": kind, "id": name}


def content(path: str) -> bytes:
    """A file's bytes; `-` is stdin."""
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise usage(f"{path} cannot be read: {error.strerror}") from None


def secret_value(name: str) -> str:
    """From a hidden prompt, or from stdin without its last line end; never from the command line, which others can see."""
    if sys.stdin.isatty():
        import typer  # noqa: PLC0415 only to prompt

        value: str = typer.prompt(f"Value of {name}", hide_input=True, err=True)
        return value
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise usage("the value on stdin is not UTF-8 text") from None
    value = text.removesuffix("\n").removesuffix("\r")
    if not value:
        raise usage("stdin holds no value", f"for example: toolcrib secrets set {name} < file")
    return value


def hint(refused: Refused, fields: list[str]) -> Refused:
    """Say how to send text where a value was read as JSON, and JSON where a dotted name was meant to lead inside."""
    refusing = {path.strip("/") for path, _ in refused.faults}
    typed = fields if refused.code == Code.VALIDATION_ERROR else []
    for key, value in (_field(text) for text in typed):
        outer, dot, inner = key.partition(".")
        if dot and {key, outer} & refusing:
            step = f"write a field inside of another as JSON: -i '{outer}={{\"{inner}\": {_written(value)}}}'"
            return replace(refused, next_step=step)
        if key in refusing and not isinstance(value, str):
            step = f"a value that reads as JSON is JSON; to send it as text: -i '{key}=\"…\"'"
            return replace(refused, next_step=step)
    return refused


def _field(text: str) -> tuple[str, Any]:
    """A value that reads as JSON is JSON, anything else is text."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise usage(f"-i {text} is not key=value", "write it so: -i harbour=oslo")
    from toolcrib.kit.json import JsonRefused, loads  # noqa: PLC0415 only where there is input

    try:
        return key, loads(value.encode("utf-8", "surrogateescape"))
    except JsonRefused:
        return key, value


def _typed(value: Any) -> str:
    return value if isinstance(value, str) and _field(f"x={value}")[1] == value else _written(value)


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _json(what: str, text: bytes) -> Any:
    from toolcrib.kit.json import JsonRefused, loads  # noqa: PLC0415 as above

    try:
        return loads(text)
    except JsonRefused as refused:
        raise usage(f"{what} is not acceptable JSON: {refused.reason}") from None
