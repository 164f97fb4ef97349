"""Alpha Vantage on loopback: `python alphavantage.py KEY` prints its port and lives until stdin ends.

Shapes, as facts, from https://www.alphavantage.co/documentation/: "Quote Endpoint" (`function=GLOBAL_QUOTE`: one member
`Global Quote` whose keys are numbered and whose values are all text; `{}` where the symbol is unknown) and "Search Endpoint"
(`function=SYMBOL_SEARCH`: `bestMatches`, a list with numbered keys, `9. matchScore` as text, empty where nothing fits).
Not documented there, and seen by its users: whatever goes wrong is answered with 200, as an `Error Message` (no key, a wrong
key, a call that it does not know), as a `Note` (requests of a minute) or as an `Information` (requests of a day), the last
of which repeats the key.

A symbol or keywords of `FAULT-…` answer the fault of that name.
"""

import io
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

LINGER_SECONDS = 3
# price, open, high, low, volume, day, previous close, change, percent
QUOTES = {
    "IBM": ("233.2600", "232.0000", "234.1000", "231.0500", "3237668", "2026-11-20", "231.6800", "1.5800", "0.6820%"),
    "AAPL": ("189.9800", "191.0000", "191.2000", "189.5000", "42100900", "2026-11-20", "191.4500", "-1.4700", "-0.7678%"),
    "TSCO.LON": ("383.1000", "380.0000", "384.0000", "379.9000", "0", "2026-11-20", "383.1000", "0.0000", "0.0000%"),
    "BRK-A": ("741250.0000", "739000.5000", "742000.0000", "738123.4567", "912", "2026-11-20", "740000.0000", "1250.0000", "0.1689%"),
    "PENNY": ("0.0001", "0.0001", "0.0002", "0.0001", "9007199254740993", "2026-11-20", "0.0002", "-0.0001", "-50.0000%"),
}  # fmt: skip
NAMES = {
    "IBM": ("International Business Machines Corp", "United States", "USD", "0.8889"),
    "AAPL": ("Apple Inc", "United States", "USD", "0.7500"),
    "TSCO.LON": ("Tesco PLC", "United Kingdom", "GBX", "0.7273"),
    "BRK-A": ("Berkshire Hathaway Inc", "United States", "USD", "0.5714"),
}
NUMBERED = (
    "05. price", "02. open", "03. high", "04. low", "06. volume", "07. latest trading day",
    "08. previous close", "09. change", "10. change percent",
)  # fmt: skip
WRONG_KEY = {"Error Message": "the parameter apikey is invalid or missing."}
WRONG_CALL = {"Error Message": "Invalid API call."}


def quote(symbol: str) -> dict[str, Any]:
    """As GLOBAL_QUOTE answers; keys in their documented order."""
    found = QUOTES.get(symbol.upper())
    if found is None:
        return {"Global Quote": {}}
    values = {"01. symbol": symbol.upper(), **dict(zip(NUMBERED, found, strict=True))}
    return {"Global Quote": dict(sorted(values.items()))}


def matches(keywords: str) -> dict[str, Any]:
    """As SYMBOL_SEARCH answers, best first."""
    fitting = [
        {
            "1. symbol": symbol, "2. name": name, "3. type": "Equity", "4. region": region, "5. marketOpen": "09:30",
            "6. marketClose": "16:00", "7. timezone": "UTC-05", "8. currency": currency, "9. matchScore": score,
        }
        for symbol, (name, region, currency, score) in NAMES.items()
        if keywords.lower() in f"{symbol} {name}".lower()
    ]  # fmt: skip
    return {"bestMatches": sorted(fitting, key=lambda one: one["9. matchScore"], reverse=True)}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    key = ""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        wanted = query.get("symbol", query.get("keywords", ""))
        fault = FAULTS.get(wanted.removeprefix("FAULT-")) if wanted.startswith("FAULT-") else None
        if parts.path != "/query":
            self.send(404, b"Not Found", "text/plain")
        elif query.get("apikey") != self.key:
            self.say(WRONG_KEY)
        elif fault is not None:
            fault(self)
        else:
            self.say(answer(query))

    def say(self, content: Any, status: int = 200) -> None:
        self.send(status, json.dumps(content, indent=4).encode(), "application/json")

    def send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


def answer(query: dict[str, str]) -> dict[str, Any]:
    match query:
        case {"function": "GLOBAL_QUOTE", "symbol": symbol}:
            return quote(symbol)
        case {"function": "SYMBOL_SEARCH", "keywords": keywords}:
            return matches(keywords)
    return WRONG_CALL


def reset(handler: Handler) -> None:
    """RST instead of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.wfile = io.BytesIO()  # what is left to write goes nowhere
    handler.close_connection = True


def slow(handler: Handler) -> None:
    time.sleep(LINGER_SECONDS)
    handler.say(quote("IBM"))


FAULTS: dict[str, Callable[[Handler], None]] = {
    "NOTE": lambda one: one.say({"Note": "Thank you. The standard call frequency is 5 calls per minute."}),
    "INFORMATION": lambda one: one.say(
        {"Information": f"We have detected your API key as {one.key}; its limit is 25 requests per day."}
    ),
    "CALL": lambda one: one.say(WRONG_CALL),
    "HTML": lambda one: one.send(200, b"<!doctype html><h1>Scheduled maintenance</h1>", "text/html"),
    "STATUS": lambda one: one.send(503, b"<h1>Service Unavailable</h1>", "text/html"),
    "MANY": lambda one: one.say({}, status=429),
    "ODD": lambda one: one.say({"Global Quote": {"01. symbol": f"ODD {one.key}", "05. price": "none"}}),
    "LIST": lambda one: one.say([]),
    "SLOW": slow,
    "RESET": reset,
}


def main() -> None:
    Handler.key = sys.argv[1]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
