"""Tools that are one request to an HTTP API."""

from toolcrib.providers.http.provider import Client, HttpProvider, Limits, UrlCheck

__all__ = ["Client", "HttpProvider", "Limits", "UrlCheck"]
