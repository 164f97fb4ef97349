"""The one counter: every list, change and call of the house goes through here, and only here are the stores opened."""

from .open import Gateway, GatewayOptions, open_gateway

__all__ = ["Gateway", "GatewayOptions", "open_gateway"]
