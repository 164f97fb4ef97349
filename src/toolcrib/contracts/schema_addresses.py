"""Addresses of schemas: a reference read against the address of what it stands in, after RFC 3986. Nothing is opened."""

import re

OF_NO_NAME = "json-schema:///"
"""The address of a document that gives itself none."""

MAX_ADDRESS = 2_048  # characters: each reference is read against the address around it

_PARTS = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(\?[^#]*)?(?:#(.*))?", re.DOTALL)
_NEVER = re.compile(r'[\x00-\x20\x7f<>"{}|\\^`]')


class NoAddress(ValueError):
    """A text is neither an address nor a reference to one."""


def resolve(base: str, reference: str) -> tuple[str, str]:
    """The address that a reference means where `base` is the address around it, and the fragment that follows it."""
    scheme, host, path, query, fragment = _split(reference)
    if scheme is None:
        scheme, own_host, own_path, own_query, _ = _split(base)
        if host is None:
            host = own_host
            query = query if path or query else own_query
            path = _merged(own_path, path, host) if path else own_path
    address = f"{scheme}:{'' if host is None else f'//{host}'}{_without_dots(path)}{query}"
    if len(address) > MAX_ADDRESS:
        raise NoAddress(reference)
    return address, fragment


def _split(reference: str) -> tuple[str | None, str | None, str, str, str]:
    address, _, _ = reference.partition("#")
    found = _PARTS.fullmatch(reference)
    if found is None or _NEVER.search(address):
        raise NoAddress(reference)
    scheme, host, path, query, fragment = found.groups()
    if scheme is None and host is None and ":" in path.partition("/")[0]:
        raise NoAddress(reference)
    return scheme and scheme.lower(), host and host.lower(), path, query or "", fragment or ""


def _merged(own: str, path: str, host: str | None) -> str:
    if path.startswith("/"):
        return path
    if host is not None and not own:
        return f"/{path}"
    above, step, _ = own.rpartition("/")
    return above + step + path


def _without_dots(path: str) -> str:
    if not path.startswith("/"):
        return path
    kept: list[str] = []
    steps = path.split("/")[1:]
    for step in steps:
        if step == "..":
            del kept[-1:]
        elif step != ".":
            kept.append(step)
    if steps[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
