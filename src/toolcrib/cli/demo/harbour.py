"""The demo's upstream on 127.0.0.1: a harbour's tide service, and a market that quotes made-up prices in the wire format
of Alpha Vantage. Runs by itself, on the standard library alone; its one argument is the port.

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

HOST, PORT = "127.0.0.1", 8010
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
# Name, and the price around which it swings.
COMPANIES = {
    "AAPL": ("Apple Inc", 190.0),
    "IBM": ("International Business Machines Corp", 233.0),
    "MSFT": ("Microsoft Corp", 415.0),
    "TSCO.LON": ("Tesco PLC", 383.0),
}


def next_high_tide(harbour: str, now: float) -> tuple[float, float]:
    """Height in metres and time of the next high water: one tide of the moon, larger around full and new moon."""
    _, mean, amplitude, first = HARBOURS[harbour]
    high = first + math.ceil((now - first) / PERIOD) * PERIOD
    return mean + amplitude * (1 + 0.25 * math.cos(2 * math.pi * high / SPRING)), high


def market(query: dict[str, str]) -> Any:
    """What the market says: all of it text, under numbered names."""
    match query:
        case {"function": "GLOBAL_QUOTE", "symbol": symbol}:
            return {"Global Quote": quote(symbol.upper(), time.time())}
        case {"function": "SYMBOL_SEARCH", "keywords": words}:
            fits = [one for one in COMPANIES if words.lower() in f"{one} {COMPANIES[one][0]}".lower()]
            return {"bestMatches": [match_of(symbol) for symbol in fits]}
    return {"Error Message": "no such function"}


def quote(symbol: str, now: float) -> dict[str, str]:
    """A price that swings once an hour; nothing for a symbol that nobody lists."""
    if symbol not in COMPANIES:
        return {}
    usual = COMPANIES[symbol][1]
    price = usual * (1 + 0.01 * math.sin(2 * math.pi * now / 3600))
    figures = {"02. open": usual, "03. high": usual * 1.01, "04. low": usual * 0.99, "05. price": price}
    figures |= {"08. previous close": usual, "09. change": price - usual}
    texts = {name: f"{figure:.4f}" for name, figure in figures.items()}
    texts |= {"01. symbol": symbol, "06. volume": str(int(usual * 10_000))}
    texts |= {"07. latest trading day": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")}
    return texts | {"10. change percent": f"{100 * (price - usual) / usual:.4f}%"}


def match_of(symbol: str) -> dict[str, str]:
    """A listing as a search tells it."""
    region, currency = ("United Kingdom", "GBX") if symbol.endswith(".LON") else ("United States", "USD")
    named = {"1. symbol": symbol, "2. name": COMPANIES[symbol][0], "3. type": "Equity", "4. region": region}
    return named | {"8. currency": currency, "9. matchScore": "0.8000"}


class Handler(BaseHTTPRequestHandler):
    """`GET /v2/next?h=oslo&unit=m` with `X-Tide-Key`, `GET /v2/harbours` for everybody, and `GET /query` of the market,
    which takes the same key as `apikey`.
    """

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
        if path == "/query":
            return 200, market(query) if self._knows(query.get("apikey", "")) else {
                "Error Message": "wrong apikey"
            }
        if path != "/v2/next":
            return 404, {"error": "no such page"}
        if not self._knows(self.headers.get("X-Tide-Key", "")):
            return 401, {"error": "wrong X-Tide-Key"}
        if query.get("h") not in HARBOURS:
            return 404, {"error": "no such harbour"}
        metres, high = next_high_tide(query["h"], time.time())
        height = metres * FEET if query.get("unit") == "ft" else metres
        at = datetime.fromtimestamp(high, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return 200, {"Next Tide": {"01. height": f"{height:.1f}", "time": {"utc": at}}}

    def _knows(self, key: str) -> bool:
        return hmac.compare_digest(key.encode(), self.key.encode())


class Harbour(ThreadingTCPServer):
    """The server."""

    allow_reuse_address = True
    daemon_threads = True


def main() -> None:
    """Serve until stdin ends; the first line on stdout says whether it could start."""
    Handler.key = sys.stdin.readline().strip()
    try:
        server = Harbour((HOST, int(sys.argv[1])), Handler)
    except OSError as error:
        print(error.strerror, flush=True)
        return
    print("ready", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
