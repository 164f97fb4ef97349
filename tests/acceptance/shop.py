"""The retail tools of tau2-bench as a pack: a stateful shop that somebody else wrote, behind `@tool` and nothing else.

`SHOP_DB` names the shop's data; `shop.open` begins anew with it, `shop.digest` says what the shop holds.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tau2.domains.retail.data_model import RetailDB  # type: ignore[import-not-found]  # no types
from tau2.domains.retail.tools import RetailTools  # type: ignore[import-not-found]  # no types

from toolcrib import Context, Pack, Setting, ToolError, tool

REFUSED = {"code": "REFUSED", "description": "The shop does not do that.", "http_status": 409}


@dataclass
class Shop:
    """The shop that is open now; it begins with the same each time, so its first digest is reckoned once."""

    tools: Any = None
    begun: str = ""


SHOP = Shop()


@tool("shop.open")
def open_shop(context: Context) -> str:
    """Begin anew; answers the digest of what the shop holds."""
    SHOP.tools = RetailTools(RetailDB.load(context.settings["SHOP_DB"]))
    SHOP.begun = SHOP.begun or digest()
    return SHOP.begun


@tool("shop.digest", effects="read")
def digest() -> str:
    """What the shop holds, as one digest."""
    return str(SHOP.tools.db.get_hash())


def retail() -> Iterator[Callable[..., Any]]:
    """Each tool of the shop under its own name."""
    shown = RetailTools(RetailDB(products={}, users={}, orders={}))
    for name, method in shown.tools.items():
        effects = "read" if shown.tool_type(name).value == "read" else "write"
        yield tool(f"retail.{name}", effects=effects, errors=[REFUSED])(_refusing(name, method))


def _refusing(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(**given: Any) -> Any:
        try:
            return SHOP.tools.tools[name](**given)
        except ValueError as refused:
            raise ToolError("REFUSED", str(refused)) from refused

    return run


pack = Pack(
    "shop", "1.0.0", "A shop", tools=[open_shop, digest, *retail()], settings=[Setting("SHOP_DB", description="A JSON file.")]
)  # fmt: skip
