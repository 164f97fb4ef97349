"""The published suite for JSON Schema, group by group, each schema with the documents that it refers to.

The suite keeps those apart and serves them. Here they stand in the schema, under their addresses, as a *compound
document*: the standard's own way to send a schema with all that it needs.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin

DRAFTS = {
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft4": "http://json-schema.org/draft-04/schema#",
}
ITS_SERVER = "localhost:1234"


@dataclass(frozen=True)
class Group:
    """Some values for one schema; `name` is what the suite calls it."""

    name: str
    schema: Any
    tests: list[dict[str, Any]]


class Suite:
    """The suite in a folder; `server` is the address that takes the place of its own."""

    def __init__(self, folder: Path, server: str = ITS_SERVER) -> None:
        """Read what its server would serve."""
        self._folder = folder
        self._server = server
        self._served = {
            f"http://{server}/{path.relative_to(folder / 'remotes').as_posix()}": self._read(path)
            for path in sorted((folder / "remotes").rglob("*.json"))
        }

    def groups(self, draft: str, *, whole: bool = True) -> Iterator[Group]:
        """Every group of a draft's required part; unless `whole`, without the documents that a schema refers to."""
        for path in sorted((self._folder / "tests" / draft).glob("*.json")):
            for one in self._read(path):
                schema = one["schema"]
                if isinstance(schema, dict):
                    schema = {"$schema": DRAFTS[draft], **schema}
                    schema = self.bundled(draft, schema) if whole else schema
                yield Group(f"{draft} {path.stem}: {one['description']}", schema, one["tests"])

    def bundled(self, draft: str, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema with every served document that it needs, and that those need."""
        own = "id" if draft == "draft4" else "$id"
        holder = "$defs" if draft == "draft2020-12" else "definitions"
        needed: dict[str, Any] = {}
        waiting = list(asked(schema, "", own))
        while waiting:
            address = waiting.pop()
            if address in self._served and address not in needed:
                document = self._served[address]
                named = document.get(own, address)
                needed[address] = (
                    {own: address, **document} if named == address else {own: address, "$ref": named}
                )
                if named != address:
                    needed[named] = document
                waiting += asked(document, address, own)
        return {**schema, holder: {**schema.get(holder, {}), **needed}} if needed else schema

    def _read(self, path: Path) -> Any:
        return json.loads(path.read_text("utf-8").replace(ITS_SERVER, self._server))


def asked(schema: Any, base: str, own: str) -> Iterator[str]:
    """Every address that a schema refers to, or that it names as its meta-schema."""
    if isinstance(schema, list):
        for part in schema:
            yield from asked(part, base, own)
    if not isinstance(schema, dict):
        return
    if isinstance(schema.get(own), str):
        base = urljoin(base, schema[own])
    for keyword in ("$ref", "$dynamicRef", "$schema"):
        if isinstance(schema.get(keyword), str):
            yield urldefrag(urljoin(base, schema[keyword])).url
    for part in schema.values():
        yield from asked(part, base, own)
