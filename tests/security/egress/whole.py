"""A whole Toolcrib server in the lab's Internet, attacked in parts. Prints a report as JSON.

Run by `namespace.py` as `python -m tests.security.egress.whole FOLDER PART… [--sample SEED]`.
"""

import argparse
import asyncio
import json
import os
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.security.egress.arguments import arguments
from tests.security.egress.attack import Result, besieged, plant, production
from tests.security.egress.authority import Authority
from tests.security.egress.issuers import keys
from tests.security.egress.names import ZONE, serve_names
from tests.security.egress.plan import Lab
from tests.security.egress.second import second
from tests.security.egress.surroundings import environments, opened, states
from tests.security.egress.world import ROGUE, ROGUE_NAME, World, make_world, prove_canaries, with_controls


def urls(lab: Lab) -> list[Result]:
    """Saved at every door and called; handed to a pack; and called where an older, laxer server has kept them."""
    cases = [case for case in lab.urls() if not case.allow]
    server = production(lab.folder / "urls", lab.authority)
    with besieged(server, lab.world) as attack:
        for case in with_controls(cases):
            attack.save(case)
    planted = plant(server, with_controls([case for case in cases if case.pool is None]))
    with besieged(server, lab.world) as later:
        for case, name in planted:
            later.call(case, name)
    return attack.results + later.results


def allowed(lab: Lab) -> list[Result]:
    """Where the operator allows something: a server for each allow list of the cases."""
    results = []
    cases = [case for case in lab.urls() if case.allow]
    for number, allow in enumerate(sorted({case.allow for case in cases})):
        server = production(lab.folder / f"allowed-{number}", lab.authority, TOOLCRIB_EGRESS_ALLOW=allow)
        with besieged(server, lab.world) as attack:
            for case in with_controls([case for case in cases if case.allow == allow]):
                attack.save(case)
        results += attack.results
    return results


PARTS = {
    part.__name__: part for part in (urls, allowed, arguments, second, keys, environments, states, opened)
}


async def run(folder: Path, parts: list[str], sample: int | None) -> dict[str, Any]:
    """Attack, and tell what came of it."""
    make_world(folder)
    (folder / "rogue").mkdir()
    authority, rogue, world = Authority(folder), Authority(folder / "rogue", "rogue authority"), World()
    await world.open(authority)
    await world.open_rogue(rogue)
    ZONE[ROGUE_NAME] = {"A": [ROGUE]}
    stop_names = serve_names()
    silent = await prove_canaries(world)
    proved = world.canaries.total()
    results = []
    for part in parts:
        rng = None if sample is None else random.Random(f"{sample} {part}")
        lab = Lab(folder / part, authority, rogue, world, rng)
        lab.folder.mkdir()
        found = await asyncio.to_thread(PARTS[part], lab)
        results += [{"part": part, **asdict(result)} for result in found]
    accepts = world.canaries.total() - proved - world.invited
    silent += await prove_canaries(
        world
    )  # they still hear, and whoever came before them has been counted by now
    stop_names()
    return {"silent": silent, "accepts": accepts, "canaries": dict(world.canaries), "results": results}


if __name__ == "__main__":
    os.environ.pop("TOOLCRIB_EGRESS_ALLOW", None)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", nargs="+", choices=PARTS)
    parser.add_argument("--sample", type=int, help="try a few cases of each family, chosen by this seed")
    given = parser.parse_args()
    print(json.dumps(asyncio.run(run(given.folder, given.parts, given.sample))))
