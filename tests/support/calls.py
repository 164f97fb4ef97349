"""Calls as a client sees them, alone or as a crowd of threads. Each call carries a value `n` of its own."""

import contextlib
import http.client
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.support.client import Client

OK = 200


@dataclass(frozen=True)
class Seen:
    """One call and its answer; `http` is None where none came, `state` and `execution_id` where it named none."""

    n: str
    tool: str
    http: int | None = None
    execution_id: str | None = None
    state: str | None = None
    code: str | None = None

    @property
    def ok(self) -> bool:
        return self.http == OK


def call(client: Client, tool: str, given: Mapping[str, Any] | None = None, *, keyed: bool = False) -> Seen:
    """Execute once, `keyed` with an idempotency key. A connection that breaks is an answer that never came, not an error."""
    n = uuid.uuid4().hex
    body = {"input": {"n": n} | dict(given or {})}
    try:
        headers = {"Idempotency-Key": n} if keyed else {}
        reply = client.call("POST", f"/api/v1/tools/{tool}/execute", body, headers=headers)
    except (OSError, http.client.HTTPException):
        return Seen(n, tool)
    answer = reply.json if isinstance(reply.json, dict) else {}
    error = answer.get("error") or {}
    return Seen(n, tool, reply.status, answer.get("execution_id"), answer.get("status"), error.get("code"))


@dataclass
class Crowd:
    """Threads that call one after the other until told to stop, or until an answer does not come."""

    answers: list[Seen] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def join_in(self, choose: Callable[[], Seen]) -> None:
        thread = threading.Thread(target=self._caller, args=(choose,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def answered(self) -> int:
        return sum(seen.http is not None for seen in list(self.answers))

    def end(self, seconds: float = 60) -> list[Seen]:
        """No new calls; the answers, once the last has come."""
        self._ended.set()
        for thread in self._threads:
            thread.join(seconds)
        if any(thread.is_alive() for thread in self._threads):
            raise AssertionError(f"a call was not answered within {seconds:g} s")
        return self.answers

    def _caller(self, choose: Callable[[], Seen]) -> None:
        while not self._ended.is_set():
            seen = choose()
            self.answers.append(seen)
            if seen.http is None:
                return


@contextlib.contextmanager
def crowd() -> Iterator[Crowd]:
    people = Crowd()
    try:
        yield people
    finally:
        people._ended.set()


def in_threads(work: Sequence[Callable[[], Seen]], threads: int) -> list[Seen]:
    """Each once, `threads` at a time, answers in the order of the work."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda one: one(), work))


def listed(counts: Mapping[str, int]) -> str:
    """For people: `3 failed, 5 succeeded`."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
