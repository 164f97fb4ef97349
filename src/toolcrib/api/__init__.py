"""The HTTP door: parse, ask the gateway, render."""

from .application import ApiOptions, create_app, describe_api

__all__ = ["ApiOptions", "create_app", "describe_api"]
