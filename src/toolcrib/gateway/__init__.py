"""The one counter: every list, change and call of the house goes through here, and only here are the stores opened."""

from toolcrib.identity.issuers import Claims, Verifier

from .open import Gateway, Options, open_gateway

__all__ = ["Claims", "Gateway", "Options", "Verifier", "open_gateway"]
