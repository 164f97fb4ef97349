"""What a contract of kind `http` must hold before it is registered: every fault, each with its place."""

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, unquote, urlsplit

from toolcrib.contracts.contract import SECRET_REF, Contract
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.paths import pointer
from toolcrib.providers.http import names
from toolcrib.providers.http.auth import WITHOUT_SECRET, auth_header, auth_param
from toolcrib.providers.http.mapping_checks import mapping_faults
from toolcrib.providers.http.schemas import properties
from toolcrib.providers.http.target import PARAMETER, has_dot_segment, path_parameters
from toolcrib.providers.http.text import CONTROL, HEADER_VALUE, references

_UNFIT_IN_URL = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_BROKEN_REFERENCE = re.compile(r"\$\{(?![A-Za-z_][A-Za-z0-9_]{0,127}\})")


def faults_of(contract: Contract) -> Iterator[Fault]:
    """Every fault of the request and of the mapping."""
    yield from _base_url_faults(contract.upstream.base_url)
    yield from _path_faults(contract)
    yield from _auth_faults(contract)
    yield from _header_faults(contract)
    yield from _param_faults(contract)
    yield from mapping_faults(contract)


def _base_url_faults(url: str) -> Iterator[Fault]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        yield Fault("/api/base_url", "This is no URL.")
        return
    yield from (Fault("/api/base_url", message) for message in _base_url_messages(url, parts, port))


def _base_url_messages(url: str, parts: SplitResult, port: int | None) -> Iterator[str]:
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or "://" not in url:
        yield "Write an absolute URL that starts with https:// and names a host."
    if _UNFIT_IN_URL.search(unquote(parts.path)) or _UNFIT_IN_URL.search(url) or " " in parts.netloc:
        yield "A URL holds no control characters or backslashes, and its host no spaces."
    if not parts.netloc.isascii():
        yield "Write the host in its ASCII form (xn--…)."
    if "@" in parts.netloc:
        yield "A URL carries no user or password; put them in a secret and use api.auth."
    if "?" in url:
        yield "Leave the query out; put its parameters into api.params."
    if "#" in url:
        yield "Leave the fragment (`#…`) out; it is never sent."
    if "{" in url or "}" in url:
        yield "The base URL is fixed: `${NAME}` and `{name}` do not stand in it. Put `{name}` into api.path."
    if has_dot_segment(parts.path):
        yield "The path holds no `.` or `..` segments."


def _path_faults(contract: Contract) -> Iterator[Fault]:
    path = contract.upstream.path
    if "${" in path:
        yield Fault("/api/path", "A secret never stands in a path. Use api.auth, api.headers or api.params.")
        return
    static = PARAMETER.sub("x", path)
    if "{" in static or "}" in static:
        yield Fault("/api/path", "Braces come in pairs around one name: `{name}`.")
    if "?" in static or "#" in static:
        yield Fault("/api/path", "A path holds no `?` or `#`; put query parameters into api.params.")
    if CONTROL.search(unquote(static)) or "\\" in static:
        yield Fault("/api/path", "A path holds no control characters or backslashes.")
    if has_dot_segment(static):
        yield Fault("/api/path", "The path holds no `.` or `..` segments.")
    known = properties(contract.input_schema)
    for name in dict.fromkeys(path_parameters(contract)):
        if name not in known:
            yield Fault("/api/path", f"`{{{name}}}` is no property of input_schema.")


def _auth_faults(contract: Contract) -> Iterator[Fault]:
    auth = contract.upstream.auth
    if auth.secret_ref is not None and not SECRET_REF.fullmatch(auth.secret_ref):
        yield Fault(
            "/api/auth/secret_ref", "Put the value in a secret and write `${NAME}` here, nothing else."
        )
    if auth.secret_ref is None and auth.method not in WITHOUT_SECRET:
        yield Fault("/api/auth/secret_ref", f"The method {auth.method} needs a secret: write `${{NAME}}`.")
    header, param = auth_header(auth), auth_param(auth)
    if header is not None and (message := names.header_fault(header)):
        yield Fault("/api/auth/key_name", message)
    if param is not None and "${" in param:
        yield Fault("/api/auth/key_name", "`${NAME}` stands in values, not in names.")
    if header is not None:
        clashes = [name for name in contract.upstream.headers if name.lower() == header.lower()]
        yield from (
            Fault(pointer("api", "headers", name), "api.auth sets this header already.") for name in clashes
        )
    if param is not None and param in contract.upstream.params:
        yield Fault(pointer("api", "params", param), "api.auth sets this parameter already.")
    if auth.username is not None and (
        ":" in auth.username or "${" in auth.username or CONTROL.search(auth.username)
    ):
        yield Fault(
            "/api/auth/username",
            "A user name holds no colon, no `${NAME}` and no control characters. A secret can be `user:password` instead.",
        )


def _header_faults(contract: Contract) -> Iterator[Fault]:
    seen: set[str] = set()
    for name, text in contract.upstream.headers.items():
        at = pointer("api", "headers", name)
        if message := names.header_fault(name):
            yield Fault(at, message)
        if name.lower() in seen:
            yield Fault(at, "The header is given twice.")
        if contract.idempotent and name.lower() == "idempotency-key":
            yield Fault(at, "Toolcrib sets this header for idempotent tools.")
        if not HEADER_VALUE.match(text):
            yield Fault(
                at, "A header's value holds no line breaks, control characters or characters beyond latin-1."
            )
        yield from _text_faults(at, name, text)
        seen.add(name.lower())


def _param_faults(contract: Contract) -> Iterator[Fault]:
    for name, text in contract.upstream.params.items():
        at = pointer("api", "params", name)
        if "${" in name:
            yield Fault(at, "`${NAME}` stands in values, not in names.")
        yield from _text_faults(at, name, text)


def _text_faults(at: str, name: str, text: str) -> Iterator[Fault]:
    if _BROKEN_REFERENCE.search(text):
        yield Fault(at, "A reference is `${NAME}`: letters, digits and `_`, not starting with a digit.")
    elif not references(text) and names.is_credential(name, text):
        yield Fault(at, "This looks like a credential. Put the value in a secret and write `${NAME}`.")
