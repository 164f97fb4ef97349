"""A listener on loopback that must hear nothing: it stands where a careless validator would fetch from."""

import socket
import threading

from tests.support.ports import LOOPBACK


class Canary:
    """Counts whoever connects."""

    def __init__(self):
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port = self._listener.getsockname()[1]
        self.accepts = 0
        self._thread = threading.Thread(target=self._listen, name="canary")
        self._thread.start()

    def _listen(self):
        while True:
            caller, _ = self._listener.accept()
            said = caller.recv(65_536)
            self.accepts += said != b"end"
            caller.close()
            if said == b"end":
                return

    def call(self, said=b"GET / HTTP/1.0\r\n\r\n"):
        with socket.create_connection((LOOPBACK, self.port)) as caller:
            caller.sendall(said)
            caller.recv(1)

    def close(self):
        self.call(b"end")
        self._thread.join()
        self._listener.close()
