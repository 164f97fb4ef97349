"""The tools that are code: a quote by its symbol, and symbols by a company's name."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolcrib import Context, ToolError, tool

from .client import KEY, LIMIT, REFUSED, ask

NOT_FOUND: dict[str, Any] = {
    "code": "SYMBOL_NOT_FOUND",
    "description": "No exchange that Alpha Vantage knows lists this symbol; companies.search finds symbols.",
    "http_status": 404,
}
Read = TypeVar("Read", bound=BaseModel)
Symbol = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.=^-]{0,19}$",
        description="A ticker such as IBM; with its exchange outside the United States, such as TSCO.LON.",
    ),
]


class Quote(BaseModel):
    """Money is in the currency of the exchange."""

    model_config = ConfigDict(allow_inf_nan=False)
    symbol: str = Field(validation_alias="01. symbol")
    price: float = Field(validation_alias="05. price", description="The latest price.")
    change: float = Field(validation_alias="09. change", description="Since the previous close.")
    change_percent: str = Field(
        validation_alias="10. change percent", description="The same in percent, such as -0.3104%."
    )
    open: float = Field(validation_alias="02. open")
    high: float = Field(validation_alias="03. high")
    low: float = Field(validation_alias="04. low")
    previous_close: float = Field(validation_alias="08. previous close")
    volume: int = Field(validation_alias="06. volume", description="Shares traded that day.")
    day: str = Field(validation_alias="07. latest trading day", description="The trading day, YYYY-MM-DD.")


class Company(BaseModel):
    """One listing of a company."""

    model_config = ConfigDict(allow_inf_nan=False)
    symbol: str = Field(validation_alias="1. symbol", description="What quotes.get takes.")
    name: str = Field(validation_alias="2. name")
    region: str = Field(validation_alias="4. region")
    currency: str = Field(validation_alias="8. currency")
    score: float = Field(validation_alias="9. matchScore", description="1 is a perfect match.")


class Companies(BaseModel):
    """Best first; empty where nothing fits."""

    companies: list[Company]


@tool(
    "quotes.get",
    title="Stock quote",
    version="1.0.0",
    effects="read",
    errors=[NOT_FOUND, LIMIT, REFUSED],
    secrets=[KEY],
    tags=["markets"],
    examples=[
        {
            "input": {"symbol": "IBM"},
            "output": {
                "symbol": "IBM", "price": 233.26, "change": 1.58, "change_percent": "0.6820%", "open": 232.0,
                "high": 234.1, "low": 231.05, "previous_close": 231.68, "volume": 3237668, "day": "2026-11-20",
            },
        }
    ],
)  # fmt: skip
async def get_quote(context: Context, symbol: Symbol) -> Quote:
    """The latest price of one listed share or fund, with the day's range and the change since the previous close.
    Use it when a symbol is known. Not for company names (companies.search finds their symbols), for past
    prices, or for currencies and crypto.
    """
    reply = await ask(context, "GLOBAL_QUOTE", symbol=symbol)
    found = reply.get("Global Quote")
    if found == {}:
        raise ToolError(NOT_FOUND["code"], f"There is no quote for {symbol}.")
    return _read(Quote, found)


@tool(
    "companies.search",
    title="Search companies",
    version="1.0.0",
    effects="read",
    errors=[LIMIT, REFUSED],
    secrets=[KEY],
    tags=["markets"],
    examples=[
        {
            "input": {"keywords": "tesco", "limit": 1},
            "output": {
                "companies": [
                    {"symbol": "TSCO.LON", "name": "Tesco PLC", "region": "United Kingdom", "currency": "GBX", "score": 0.7273}
                ]
            },
        }
    ],
)  # fmt: skip
async def search_companies(
    context: Context,
    keywords: Annotated[str, Field(min_length=1, max_length=100, description="A name, or a part of one.")],
    limit: Annotated[int, Field(ge=1, le=10, description="How many at most.")] = 5,
) -> Companies:
    """Symbols of the companies and funds whose name or symbol is like the keywords, best match first.
    Use it when a company is named and its symbol is not known. Not for prices: give the symbol to quotes.get.
    """
    reply = await ask(context, "SYMBOL_SEARCH", keywords=keywords)
    matches = reply.get("bestMatches")
    if not isinstance(matches, list):
        raise ToolError(REFUSED["code"], REFUSED["description"])
    return Companies(companies=[_read(Company, match) for match in matches[:limit]])


def _read(model: type[Read], found: Any) -> Read:
    """What Alpha Vantage writes as text becomes numbers here."""
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise ToolError(
            REFUSED["code"], "Alpha Vantage answered something else than it documents."
        ) from error
