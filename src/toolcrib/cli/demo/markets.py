"""The demo's share of the markets pack: loaded with it, and pointed at the demo's upstream unless the operator points elsewhere."""

from collections.abc import MutableMapping
from dataclasses import replace

from toolcrib.app.settings import Settings
from toolcrib.cli.refused import Refused
from toolcrib.cli.session import API, Session
from toolcrib.kit.http import Egress, EgressDenied

from .harbour import HOST

SECRET = "ALPHAVANTAGE_KEY"  # noqa: S105 its name
_SETTING = "ALPHAVANTAGE_BASE_URL"
_PACK = "toolcrib_packs.markets:pack"
_NAMES = {"markets", _PACK}


def address_on(port: int) -> str:
    """Where the demo's upstream answers."""
    return f"http://{HOST}:{port}"


def allowed(settings: Settings, port: int) -> bool:
    """Whether the operator lets tools call the demo's upstream."""
    try:
        Egress.parse(settings.egress_allow).check_url(f"{address_on(port)}/")
    except (EgressDenied, ValueError):  # what is no address at all is refused by name later
        return False
    return True


def with_markets(settings: Settings, environment: MutableMapping[str, str], port: int) -> Settings:
    """The settings with which the demo serves. It widens nothing: where its upstream may not be called, nothing is added."""
    if not allowed(settings, port):
        return settings
    environment.setdefault(_SETTING, address_on(port))
    named = [name.strip() for name in settings.packs.split(",") if name.strip()]
    return settings if _NAMES & set(named) else replace(settings, packs=",".join([*named, _PACK]))


async def give_key(owner: Session, key: str, address: str) -> bool:
    """Whether quotes come from the demo's upstream; then its key is there too. A key of somebody's own stays."""
    try:
        shown = await owner.exchange("GET", f"{API}/tools/quotes.read")
    except Refused as refused:
        if refused.code == "NOT_FOUND":
            return False
        raise
    if shown.document["config"]["api"]["base_url"] != address:
        return False
    kept = await owner.exchange("GET", f"{API}/secrets", query={"limit": "200"})
    if SECRET not in {secret["name"] for secret in kept.document["items"]}:
        await owner.exchange("POST", f"{API}/secrets", {"name": SECRET, "value": key})
    return True
