"""The commands run in this process: it is left as it was, and none of its own settings reach them."""

import gc
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(autouse=True)
def no_settings_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TOOLCRIB_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def the_process_as_before() -> Iterator[None]:
    """A server tunes the collector and takes the signals over for good: it expects a process of its own."""
    thresholds, handlers = gc.get_threshold(), [signal.getsignal(number) for number in SIGNALS]
    yield
    gc.enable()
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    for number, handler in zip(SIGNALS, handlers, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def answering():
    """`answering(status, body, **headers)` is the URL of a server that says this and nothing else."""
    started = []

    def start(status, body, **headers):
        service = ThreadingHTTPServer(("127.0.0.1", 0), _saying(status, body, headers))
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        started.append((service, thread))
        return f"http://127.0.0.1:{service.server_address[1]}"

    yield start
    for service, thread in started:
        service.shutdown()
        thread.join()
        service.server_close()


def _saying(status, body, headers):
    class Saying(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Saying
