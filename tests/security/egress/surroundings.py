"""What surrounds the server: variables left in its environment, and ports whose state a refusal must not tell."""

import statistics
import time

from tests.security.egress.arguments import register
from tests.security.egress.attack import PROXIES, PROXY, Attack, Result, besieged, production
from tests.security.egress.cases import CONTROL, Case
from tests.security.egress.entries import FETCH, FETCHES
from tests.security.egress.names import ZONE
from tests.security.egress.plan import Lab
from tests.security.egress.world import ROGUE_NAME, make_closed, make_silent, state_of

ROUNDS = 100
STATES = {"open": "10.9.8.7", "closed": "10.9.8.10", "filtered": "10.9.8.9"}
"""What a port scanner would say of the port 443 of each."""


def environments(lab: Lab) -> list[Result]:
    """With each variable the honest call goes straight, and an unknown authority stays unknown."""
    results = []
    for name, environment in _environments(lab).items():
        server = production(lab.folder / name, lab.authority, **environment)
        rogue = lab.rogue.ca_file in environment.values()
        with besieged(server, lab.world, accounts=not rogue) as attack:
            attack.save(CONTROL)
            straight = all(one.outcome in {"saved", "200"} for one in attack.results)
            told = "honest" if straight else "elsewhere"
            attack.results.append(
                Result("every door", "surroundings", "environments", name, ("honest",), 0, told)
            )
            case = Case("environments", f"https://{ROGUE_NAME}/", ("tls",))
            for entry in FETCHES if rogue else ():
                attack.use(case, entry, FETCH, {"url": case.url}, after=name)
        results += attack.results
    return results


def _environments(lab: Lab) -> dict[str, dict[str, str]]:
    none = dict.fromkeys(PROXIES, "")
    authority = {"SSL_CERT_FILE": lab.rogue.ca_file, "SSL_CERT_DIR": str(lab.folder)}
    if lab.rng:  # every other part has all proxies in its environment
        return {"SSL_CERT_FILE": authority}
    return {
        "HTTP_PROXY": none | {"HTTP_PROXY": PROXY, "http_proxy": PROXY},
        "HTTPS_PROXY": none | {"HTTPS_PROXY": PROXY, "https_proxy": PROXY},
        "ALL_PROXY": none | {"ALL_PROXY": PROXY, "all_proxy": PROXY},
        "NO_PROXY": {"NO_PROXY": "public.lab,upstream.example", "no_proxy": "10.0.0.0/8"},
        "SSL_CERT_FILE": authority,
    }


def states(lab: Lab) -> list[Result]:
    """Names of denied targets whose port is open, closed and filtered. Only the whole attack looks at the clock."""
    silent = make_silent(STATES["filtered"])
    make_closed(STATES["closed"])
    proved = {state: state_of(address) for state, address in STATES.items()}
    assert all(state == found for state, found in proved.items()), proved
    lab.world.invited += 1  # by the look at the open one
    ZONE.update({f"{state}.lab": {"A": [address]} for state, address in STATES.items()})
    server = production(lab.folder / "states", lab.authority)
    with besieged(server, lab.world) as attack:
        for state in STATES:
            case = Case(f"state {state}", f"https://{state}.lab/")
            attack.save(case)
            register(attack, f"case.{state}", {"api": {"base_url": case.url}}, {})
            attack.call(case, f"case.{state}")
        attack.save(CONTROL)
        if lab.rng is None:
            attack.results.append(_compared(attack))
    silent.close()
    return attack.results


def opened(lab: Lab) -> list[Result]:
    """What the operator allows is reached, be it a canary: else the refusals would prove nothing."""
    server = production(lab.folder / "opened", lab.authority, TOOLCRIB_EGRESS_ALLOW="10.9.8.7:8080")
    before = lab.world.canaries.total()
    with besieged(server, lab.world, accounts=False) as attack:
        attack.save(Case("opened", "http://10.9.8.7:8080/"))
    lab.world.invited += lab.world.canaries.total() - before
    told = "reached" if lab.world.invited else "silent"
    return [Result("every door", "surroundings", "opened", "what the operator allows", ("reached",), 0, told)]


def _compared(attack: Attack) -> Result:
    """How far apart the medians of the answers' times are, in milliseconds."""
    spent: dict[str, list[float]] = {state: [] for state in STATES}
    for _ in range(ROUNDS):
        for state, times in spent.items():
            began = time.perf_counter()
            attack("POST", f"/api/v1/tools/case.{state}/execute", {"input": {}})
            times.append((time.perf_counter() - began) * 1_000)
    medians = [statistics.median(times) for times in spent.values()]
    apart = max(medians) - min(medians)
    return Result("execute", "times", "states", "medians", ("under 20 ms",), 0, f"{apart:.2f}")
