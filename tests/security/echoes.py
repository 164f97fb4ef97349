"""How a hostile upstream gives a secret back: each takes the value and makes a whole raw HTTP reply."""

import base64
import gzip
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from tests.security.canaries import lower_escapes
from tests.security.stage import Last, reply


def _said(text: str, **more: str) -> bytes:
    return reply(json.dumps({"said": f"before {text} after", **more}).encode())


def _header(name: str, value: str, status: int = 200) -> bytes:
    clean = "".join(character for character in value if character.isprintable())
    return reply(b"{}", status=status, headers=((name, clean.encode()),))


def _b64(value: str, before: str = "") -> str:
    return base64.b64encode((before + value + "~~~").encode()).decode()


def _escaped(value: str) -> bytes:
    units = value.encode("utf-16-be")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2)).encode()


def _chunked(value: str) -> bytes:
    body = json.dumps({"said": value}).encode()
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(body[n : n + 3]), body[n : n + 3]) for n in range(0, len(body), 3)
    )
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunks
        + b"0\r\n\r\n"
    )


def _zipped(value: str) -> bytes:
    return reply(
        gzip.compress(json.dumps({"said": value}).encode()), headers=(("Content-Encoding", b"gzip"),)
    )


def _line(value: str) -> bytes:
    return "".join(character for character in value if character not in "\r\n").encode()


ECHOES: dict[str, Callable[[str], bytes]] = {
    "as it is": _said,
    "not as ASCII": lambda v: reply(json.dumps({"said": v}, ensure_ascii=False).encode()),
    "as a key": lambda v: reply(json.dumps({v: {"deep": [[{v: v}]]}}).encode()),
    "as the whole": lambda v: reply(json.dumps(v).encode()),
    "as a number where it is one": lambda v: reply(b"[%s]" % (v.encode() if v.isdigit() else b"0")),
    "base64": lambda v: _said(base64.b64encode(v.encode()).decode()),
    "base64 at the second place": lambda v: _said(_b64(v, "x")),
    "base64 at the third place": lambda v: _said(_b64(v, "xy")),
    "base64 of a pair": lambda v: _said(_b64(v, "user:")),
    "base64url": lambda v: _said(base64.urlsafe_b64encode(v.encode()).decode().rstrip("=")),
    "base64url at the second place": lambda v: _said(
        base64.urlsafe_b64encode(b"x" + v.encode() + b"~").decode()
    ),
    "hex": lambda v: _said(v.encode().hex()),
    "hex in capitals": lambda v: _said(v.encode().hex().upper()),
    "percent": lambda v: _said(quote(v, safe="")),
    "percent, slashes kept": lambda v: _said(quote(v)),
    "percent as a form": lambda v: _said(quote_plus(v)),
    "percent, every byte": lambda v: _said("".join(f"%{byte:02X}" for byte in v.encode())),
    "percent in lower case": lambda v: _said(lower_escapes(quote(v, safe=""))),
    "escaped to the last character": lambda v: reply(b'{"said":"' + _escaped(v) + b'"}'),
    "with escaped slashes": lambda v: reply(json.dumps({"said": v}).replace("/", "\\/").encode()),
    "JSON in a string": lambda v: _said(json.dumps({"key": v})),
    "JSON in a string, plain": lambda v: reply(
        json.dumps({"said": json.dumps({"key": v}, ensure_ascii=False)}, ensure_ascii=False).encode()
    ),
    "UTF-16 in a string": lambda v: _said(v.encode("utf-16-le").decode("latin-1")),
    "UTF-16, the other order": lambda v: _said(v.encode("utf-16-be").decode("latin-1")),
    "a body in UTF-16": lambda v: reply(json.dumps({"said": v}, ensure_ascii=False).encode("utf-16")),
    "a body of its own": lambda v: reply(v.encode()),
    "a body in latin-1": lambda v: reply(b'{"said":"' + v.encode("latin-1", "replace") + b'"}'),
    "a page": lambda v: reply(f"<html>{v}</html>".encode(), headers=(("Content-Type", b"text/html"),)),
    "in small chunks": _chunked,
    "packed": _zipped,
    "twice and once more": lambda v: _said(v * 3 + base64.b64encode(v.encode()).decode() + v),
    "an error": lambda v: reply(json.dumps({"error": f"bad key {v}"}).encode(), status=401),
    "an error of theirs": lambda v: reply(json.dumps({"error": v}).encode(), status=500),
    "an error that is declared": lambda v: reply(json.dumps({"error": v}).encode(), status=404),
    "a broken text": lambda v: reply(b'{"said": ' + json.dumps(v).encode() + b", NaN}"),
    "one key twice": lambda v: reply(b"{%s:1,%s:2}" % (json.dumps(v).encode(), json.dumps(v).encode())),
    "a header": lambda v: _header("X-Echo", v),
    "a cookie": lambda v: _header("Set-Cookie", v),
    "a challenge": lambda v: _header("WWW-Authenticate", f'Bearer realm="{v}"', 401),
    "a redirect": lambda v: _header("Location", f"/elsewhere?key={v}", 302),
    "a time to wait": lambda v: _header("Retry-After", v, 429),
    "a type": lambda v: _header("Content-Type", f"application/json; key={v}"),
    "an encoding": lambda v: _header("Content-Encoding", v),
    "a status line": lambda v: Last(b"HTTP/1.1 403 bad key " + _line(v) + b"\r\nContent-Length: 2\r\n\r\n{}"),
    "a broken status line": lambda v: Last(b"HTTP/1.1 " + _line(v) + b" 200 OK\r\n\r\n"),
    "no HTTP at all": lambda v: Last(_line(v) + b"\r\n\r\n"),
    "a broken header": lambda v: Last(
        b"HTTP/1.1 200 OK\r\n" + _line(v) + b"\r\nX-A b: " + _line(v) + b"\r\nContent-Length: 2\r\n\r\n{}"
    ),
    "a broken length": lambda v: Last(b"HTTP/1.1 200 OK\r\nContent-Length: " + _line(v) + b"\r\n\r\n{}"),
    "a broken chunk": lambda v: Last(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + _line(v) + b"\r\n"
    ),
    "half an answer": lambda v: Last(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + json.dumps({"said": v}).encode()
    ),
    "too much": lambda v: reply(json.dumps({"said": v * (1 + 200_000 // len(v))}).encode()),
}
