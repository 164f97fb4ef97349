"""Contracts made ready to run: parsed, schemas compiled, provider prepared. Kept by digest within a number and a weight,
the least used go first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolcrib.contracts.contract import Contract, parse_contract
from toolcrib.contracts.errors import Invalid
from toolcrib.contracts.execution import Call
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.kept import Kept
from toolcrib.contracts.provider import Provider, Runnable
from toolcrib.contracts.redaction import Redactor
from toolcrib.contracts.schema import CompiledSchema, compile_schema
from toolcrib.contracts.view import Views
from toolcrib.kit.http import host_of
from toolcrib.registry.service import StoredTool

_MOST_READY = 2_048
_MOST_WEIGHT = 128_000_000
_WEIGHT_OF_BYTE = 10  # in bytes, for each byte of a contract's text, as measured roughly
_USUAL_REQUEST = 1_000_000
_USUAL_SECONDS = {"python": 30.0}  # of kinds that have no limit in a block of their own


_PLAIN = Redactor(None)


@dataclass(frozen=True, slots=True)
class Ready:
    """A tool that can be called; the redactors make its payloads fit to be stored. `seconds` are for a whole call, with
    all its attempts.
    """

    contract: Contract
    input: CompiledSchema
    output: CompiledSchema | None
    runnable: Runnable
    max_request: int
    seconds: float
    input_redactor: Redactor = _PLAIN
    output_redactor: Redactor = _PLAIN
    high: bool = False
    high_when: CompiledSchema | None = None
    host: str | None = None

    @property
    def weight(self) -> int:
        """About how many bytes its schemas hold."""
        schemas = (self.input, self.output, self.high_when)
        return sum(schema.weight for schema in schemas if schema is not None)

    def is_dry(self, call: Call) -> bool:
        """Whether a call only shows what it would do: as it says, else where its impact is high."""
        if call.dry_run is not None:
            return call.dry_run
        return self.high or (self.high_when is not None and self.high_when.may_match(call.input))


class Workshop:
    """Makes tools ready, once for each digest; `views` are those of the packs that this process has loaded."""

    def __init__(self, providers: Sequence[Provider], max_seconds: float = 120) -> None:
        self.views = Views()
        self._max_seconds = max_seconds
        self._providers: Mapping[str, Provider] = {provider.kind: provider for provider in providers}
        self._ready = Kept[Ready](_MOST_READY, _MOST_WEIGHT)

    def ready(self, tool: StoredTool) -> Ready:
        """The tool, ready to run."""
        ready = self._ready.get(tool.digest)
        if ready is None:
            ready = self._make(tool.document())
            self._ready.put(tool.digest, ready, ready.weight + _WEIGHT_OF_BYTE * len(tool.config))
        return ready

    def check(self, contract: Contract) -> None:
        """Refuse at registration what could never run: raises `Invalid` or `EgressRefused`."""
        if (contract.timeout or 0) > self._max_seconds:
            fault = Fault("/timeout", f"The operator allows at most {self._max_seconds:g} seconds.")
            raise Invalid.because("The tool's config is not valid.", [fault])
        self.provider(contract.kind).check(contract)

    def provider(self, kind: str) -> Provider:
        """Who runs this kind. Raises `Invalid` where nobody does."""
        found = self._providers.get(kind)
        if found is None:
            raise Invalid(
                f"No provider runs tools of kind {kind}; known kinds: {', '.join(sorted(self._providers))}."
            )
        return found

    def _make(self, document: dict[str, Any]) -> Ready:
        contract = parse_contract(document)
        output = None if contract.output_schema is None else compile_schema(contract.output_schema)
        runnable = self.provider(contract.kind).prepare(contract)
        impact = contract.impact
        max_request = contract.api.max_request if contract.api else None
        seconds = contract.timeout or _USUAL_SECONDS.get(contract.kind, self._max_seconds)
        return Ready(
            contract,
            compile_schema(contract.input_schema),
            output,
            runnable,
            max_request or _USUAL_REQUEST,
            min(seconds, self._max_seconds),
            Redactor(contract.input_schema),
            Redactor(contract.output_schema),
            high=impact == "high" or contract.effects == "destructive",
            high_when=compile_schema(impact["when"]) if isinstance(impact, dict) else None,
            host=None if contract.api is None else host_of(contract.api.base_url),
        )
