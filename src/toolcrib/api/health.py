"""Whether the service lives, and whether it can take calls."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from toolcrib.kit.clock import SystemClock, iso

from .requests import Counter, OpenRoute

router = APIRouter(route_class=OpenRoute, tags=["health"])
_OPEN: dict[str, Any] = {"security": []}


class Health(BaseModel):
    """`db` says whether the database answers."""

    status: str
    timestamp: str
    db: str


@router.get("/health", openapi_extra=_OPEN)
async def health(gateway: Counter) -> Health:
    """Alive; 200 even while the database is away."""
    answers = await gateway.database_answers()
    return Health(
        status="ok" if answers else "degraded",
        timestamp=iso(SystemClock().now()),
        db="ok" if answers else "unavailable",
    )


@router.get("/health/ready", responses={503: {"model": Health}}, openapi_extra=_OPEN)
async def ready(gateway: Counter, response: Response) -> Health:
    """Able to take calls: the database answers and this process counts as alive."""
    found = await health(gateway)
    if found.db != "ok" or not gateway.stores.ledger.owner.holds:
        response.status_code = 503
    return found
