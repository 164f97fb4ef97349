"""`make spec`: writes the API's OpenAPI file, which clients are generated from and which stands in the repository."""

import importlib.metadata
import json
from pathlib import Path

from toolcrib.api import describe_api

PATH = Path(__file__).parents[1] / "api-spec.json"


def spec() -> str:
    """The file's text, the same on every machine."""
    document = describe_api(importlib.metadata.version("toolcrib"))
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(spec(), "utf-8")
