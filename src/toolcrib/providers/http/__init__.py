"""Tools that are one request to an HTTP API."""

from toolcrib.providers.http.provider import Client, HttpProvider, Limits, UrlCheck, code_of
from toolcrib.providers.http.ties import SecretHost, Ties

__all__ = ["Client", "HttpProvider", "Limits", "SecretHost", "Ties", "UrlCheck", "code_of"]
