"""The only way out of the house for HTTP: a guarded client, and the operator's policy that guards it."""

from toolcrib.kit.http.bound import may_go_to, parse_bound_host
from toolcrib.kit.http.client import HttpClient
from toolcrib.kit.http.egress import Egress
from toolcrib.kit.http.errors import EgressDenied, HttpError, HttpFailed, HttpTimeout, Reason
from toolcrib.kit.http.messages import HttpReply, HttpRequest
from toolcrib.kit.http.proxy import Proxy
from toolcrib.kit.http.reach import Beyond, Reach, host_of
from toolcrib.kit.http.redirects import send_following
from toolcrib.kit.http.streaming import HttpStream
from toolcrib.kit.http.wire import OwnPorts, Resolve

__all__ = [
    "Beyond",
    "Egress",
    "EgressDenied",
    "HttpClient",
    "HttpError",
    "HttpFailed",
    "HttpReply",
    "HttpRequest",
    "HttpStream",
    "HttpTimeout",
    "OwnPorts",
    "Proxy",
    "Reach",
    "Reason",
    "Resolve",
    "host_of",
    "may_go_to",
    "parse_bound_host",
    "send_following",
]
