"""The client of the product in the lab's Internet, and every case called by it. Prints a report as JSON.

Run by `test_lab.py` as `unshare --net --mount python -m tests.security.egress.lab FOLDER`. Every address there is
leads to this process: to the honest upstream, or else to a canary. What the kernel counts is the second witness.
"""

import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from tests.security.egress.authority import Authority
from tests.security.egress.cases import Case, corpus_cases, own_cases
from tests.security.egress.names import serve_names
from tests.security.egress.world import World, active_opens, make_world, prove_canaries, with_controls
from toolcrib.kit.http import Egress, EgressDenied, HttpClient, HttpFailed, HttpRequest, HttpTimeout


class Callers:
    """One client per policy; its resolver says what the case at hand wants."""

    def __init__(self, ca_file: str) -> None:
        self._ca_file = ca_file
        self._clients: dict[tuple[object, ...], HttpClient] = {}
        self._answers: tuple[str, ...] = ()

    async def call(self, case: Case, number: int) -> dict[str, object]:
        """Save and send one case, and say what came of it."""
        egress = Egress.parse(case.allow, self._ca_file)
        key = (case.allow, case.own_ports, case.answers is None)
        if key not in self._clients:
            resolve = None if case.answers is None else self._resolve
            self._clients[key] = HttpClient(egress, own_ports=case.own_ports, resolve=resolve)
        self._answers = case.answers or ()
        outcome, text = await _send(self._clients[key], case.pool or str(number), case.url)
        return {**asdict(case), "outcome": outcome, "text": text, "saved": _saves(egress, case.url)}

    async def _resolve(self, host: str, port: int) -> tuple[str, ...]:
        return self._answers

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()


async def _send(client: HttpClient, pool: str, url: str) -> tuple[str, str]:
    try:
        reply = await client.send(pool, HttpRequest("GET", url, timeout=4.0))
    except EgressDenied as denied:
        return "denied", str(denied)
    except HttpTimeout as late:
        return "timeout", str(late)
    except HttpFailed as failed:
        return failed.reason, str(failed)
    return str(reply.status), reply.body.decode()


def _saves(egress: Egress, url: str) -> bool:
    try:
        egress.check_url(url)
    except EgressDenied:
        return False
    return True


async def run(folder: Path) -> dict[str, object]:
    make_world(folder)
    authority, world = Authority(folder), World()
    await world.open(authority)
    stop_names = serve_names()
    silent = await prove_canaries(world)
    proved, opened = world.canaries.total(), active_opens()
    corpora = os.environ.get("TOOLCRIB_CORPORA")
    borrowed = Path(corpora, "security/ssrf_bypass_urls.txt").read_text("utf-8") if corpora else ""
    os.environ.update(
        dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://10.9.8.7:8080")
    )
    callers = Callers(authority.ca_file)
    cases = [*own_cases(), *corpus_cases(borrowed)]
    results = [await callers.call(case, number) for number, case in enumerate(with_controls(cases))]
    await callers.close()
    await asyncio.sleep(0.2)  # a canary that was called has its time to say so
    stop_names()
    return {
        "silent": silent,
        "accepts": world.canaries.total() - proved,
        "canaries": dict(world.canaries),
        "opens": active_opens() - opened,
        "upstream": world.upstream,
        "results": results,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(Path(sys.argv[1])))))
