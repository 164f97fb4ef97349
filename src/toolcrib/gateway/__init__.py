"""The one counter: every list, change and call of the house goes through here, and only here are the stores opened."""

from toolcrib.identity.issuers import Claims, Verifier
from toolcrib.identity.service import Invitation as InvitationView
from toolcrib.identity.service import Member as MemberView
from toolcrib.identity.service import NewGrant, NewMember
from toolcrib.identity.service import Workspace as WorkspaceView
from toolcrib.ledger.security import Place
from toolcrib.policy.limits import Allowance, Limit
from toolcrib.policy.stakes import ApprovalRule

from .open import Gateway, Options, open_gateway

__all__ = [
    "Allowance",
    "ApprovalRule",
    "Claims",
    "Gateway",
    "InvitationView",
    "Limit",
    "MemberView",
    "NewGrant",
    "NewMember",
    "Options",
    "Place",
    "Verifier",
    "WorkspaceView",
    "open_gateway",
]
