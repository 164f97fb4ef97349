"""A harbour's tide service on 127.0.0.1:8010, the demo's upstream. Runs by itself, on the standard library alone.

Its API key comes on stdin. It lives as long as the other end of that pipe: when the server dies, however it dies,
the system closes the pipe and this process ends.
"""

import hmac
import json
import math
import os
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PLACE = ("127.0.0.1", 8010)
PERIOD = 12.4206 * 3600
SPRING = 14.765 * 86_400
FEET = 3.28084
# Mean level and amplitude in metres, and the first high water of 1970 in seconds.
HARBOURS = {
    "oslo": ("Oslo", 0.6, 0.2, 19_800),
    "bergen": ("Bergen", 0.9, 0.5, 36_000),
    "brest": ("Brest", 4.1, 2.3, 13_500),
    "saint-malo": ("Saint-Malo", 6.8, 4.4, 21_600),
    "lisbon": ("Lisbon", 2.2, 1.2, 9_900),
}


def next_high_tide(harbour: str, now: float) -> tuple[float, float]:
    """Height in metres and time of the next high water: one tide of the moon, larger around full and new moon."""
    _, mean, amplitude, first = HARBOURS[harbour]
    high = first + math.ceil((now - first) / PERIOD) * PERIOD
    return mean + amplitude * (1 + 0.25 * math.cos(2 * math.pi * high / SPRING)), high


class Handler(BaseHTTPRequestHandler):
    """`GET /v2/next?h=oslo&unit=m` with `X-Tide-Key`, and `GET /v2/harbours` for everybody."""

    protocol_version = "HTTP/1.1"
    # One packet for an answer: two would wait for each other's acknowledgement, 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True
    key = ""

    def do_GET(self) -> None:
        """Answer one request."""
        parts = urlsplit(self.path)
        status, answer = self._answer(
            parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}
        )
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the ledger tells of every call."""

    def _answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        if path == "/v2/harbours":
            return 200, {"harbours": [{"code": code, "name": HARBOURS[code][0]} for code in sorted(HARBOURS)]}
        if path != "/v2/next":
            return 404, {"error": "no such page"}
        if not hmac.compare_digest(self.headers.get("X-Tide-Key", "").encode(), self.key.encode()):
            return 401, {"error": "wrong X-Tide-Key"}
        if query.get("h") not in HARBOURS:
            return 404, {"error": "no such harbour"}
        metres, high = next_high_tide(query["h"], time.time())
        height = metres * FEET if query.get("unit") == "ft" else metres
        at = datetime.fromtimestamp(high, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return 200, {"Next Tide": {"01. height": f"{height:.1f}", "time": {"utc": at}}}


class Harbour(ThreadingTCPServer):
    """The server."""

    allow_reuse_address = True
    daemon_threads = True


def main() -> None:
    """Serve until stdin ends; the first line on stdout says whether it could start."""
    Handler.key = sys.stdin.readline().strip()
    try:
        server = Harbour(PLACE, Handler)
    except OSError as error:
        print(error.strerror, flush=True)
        return
    print("ready", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
