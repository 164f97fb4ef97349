"""Markets: stock quotes and symbols from Alpha Vantage. `quotes.get` is code, `quotes.read` the same as a JSON config."""

import json
from pathlib import Path

from toolcrib import Pack, Setting

from .client import BASE_URL, KEY
from .tools import get_quote, search_companies

__all__ = ["pack"]

pack = Pack(
    "markets",
    "1.0.0",
    "Markets",
    f"Stock quotes and company symbols from Alpha Vantage. Needs the secret {KEY}.",
    tools=[get_quote, search_companies],
    configs=[json.loads(Path(__file__).with_name("quotes.read.json").read_text("utf-8"))],
    settings=[
        Setting(BASE_URL, "https://www.alphavantage.co", "Where Alpha Vantage answers, without the path."),
    ],
)
