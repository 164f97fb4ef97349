"""The same pack without a server process: on a workbench of the test kit, as a guest would test it."""

import pytest

from tests.packs.markets.conftest import KEY, standing_in
from toolcrib.testing import open_workbench
from toolcrib_packs.markets import pack


@pytest.fixture
async def bench():
    with standing_in(KEY) as address:
        allowed = address.removeprefix("http://")
        settings = {"ALPHAVANTAGE_BASE_URL": f"{address}/"}
        async with open_workbench(packs=[pack], settings=settings, egress_allow=allowed) as opened:
            await opened.secret("ALPHAVANTAGE_KEY", KEY)
            yield opened


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("NOPE", ("SYMBOL_NOT_FOUND", False)),
        ("FAULT-NOTE", ("QUOTE_LIMIT", False)),
        ("FAULT-MANY", ("QUOTE_LIMIT", True)),
        ("FAULT-STATUS", ("QUOTE_REFUSED", False)),
        ("FAULT-ODD", ("QUOTE_REFUSED", False)),
        ("FAULT-LIST", ("QUOTE_REFUSED", False)),
        ("FAULT-RESET", ("UPSTREAM_ERROR", True)),
    ],
)
async def test_only_what_passes_may_be_tried_again(bench, symbol, expected):
    error = (await bench.call("quotes.get", {"symbol": symbol})).error
    assert (error["code"], error["retryable"]) == expected


async def test_a_search_that_is_none_is_refused(bench):
    assert (await bench.call("companies.search", {"keywords": "FAULT-ODD"})).error["code"] == "QUOTE_REFUSED"
    found = (await bench.call("companies.search", {"keywords": "apple"})).output["companies"]
    assert [one["symbol"] for one in found] == ["AAPL"]


async def test_a_stranger_needs_a_key_of_their_own(bench):
    result = await bench.call("quotes.get", {"symbol": "IBM"}, by=bench.stranger)
    assert result.error["code"] == "SECRET_NOT_FOUND"
