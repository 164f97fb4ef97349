"""The one table from an error's code to the shell's exit code, and what to do next."""

from collections.abc import Mapping
from enum import IntEnum

from toolcrib.contracts.errors import Code


class Exit(IntEnum):
    """Exit codes. A tool's own declared errors, and whatever stands in no table, are `OTHER`; a call that a person has to
    agree to first is `WAITING`, which is no error.
    """

    OK = 0
    OTHER = 1
    USAGE = 2
    DENIED = 3
    MISSING = 4
    CLASH = 5
    UPSTREAM = 6
    UNAVAILABLE = 7
    WAITING = 8


EXITS: Mapping[str, Exit] = {
    Code.VALIDATION_ERROR: Exit.USAGE,
    Code.UNAUTHORIZED: Exit.DENIED,
    Code.FORBIDDEN: Exit.DENIED,
    Code.TOOL_DISABLED: Exit.DENIED,
    Code.EGRESS_DENIED: Exit.DENIED,
    Code.SUBJECT_MISMATCH: Exit.DENIED,
    Code.NOT_FOUND: Exit.MISSING,
    Code.CONFLICT: Exit.CLASH,
    Code.SECRET_NOT_FOUND: Exit.CLASH,
    Code.AUTHORIZATION_REQUIRED: Exit.CLASH,
    Code.UPSTREAM_ERROR: Exit.UPSTREAM,
    Code.UPSTREAM_TIMEOUT: Exit.UPSTREAM,
    Code.MAPPING_FAILED: Exit.UPSTREAM,
    Code.INVALID_OUTPUT: Exit.UPSTREAM,
    Code.UNDECLARED_ERROR: Exit.UPSTREAM,
    Code.TOOL_SUNSET: Exit.MISSING,
    Code.RATE_LIMITED: Exit.UNAVAILABLE,
    Code.UNAVAILABLE: Exit.UNAVAILABLE,
    Code.INTERNAL_ERROR: Exit.OTHER,
}

NEXT: Mapping[str, str] = {
    Code.VALIDATION_ERROR: "mend what is said above and try again",
    Code.UNAUTHORIZED: "set TOOLCRIB_API_KEY, or set TOOLCRIB_DATA_DIR to the server's data directory; toolcrib doctor looks closer",
    Code.FORBIDDEN: "use a key that may do this; toolcrib keys list shows each key's role and tools",
    Code.TOOL_DISABLED: "an admin enables it with: toolcrib tools enable NAME",
    Code.EGRESS_DENIED: "the operator allows private upstreams with TOOLCRIB_EGRESS_ALLOW",
    Code.SUBJECT_MISMATCH: "leave the bound arguments out, or give the subject that is meant: --subject TYPE:ID",
    Code.NOT_FOUND: "toolcrib NOUN list shows what there is",
    Code.CONFLICT: "choose another name, or use what is there",
    Code.SECRET_NOT_FOUND: "toolcrib secrets set NAME",
    Code.AUTHORIZATION_REQUIRED: "give the tool another api.auth.method; this one is a stand-in",
    Code.TOOL_SUNSET: "toolcrib tools show NAME says what its contract names instead",
    Code.RATE_LIMITED: "try again later; toolcrib limits list shows what is allowed",
    Code.UPSTREAM_ERROR: "the upstream refused or failed; look at its side, then call again",
    Code.UPSTREAM_TIMEOUT: "the call may have happened upstream: look there before repeating it",
    Code.MAPPING_FAILED: "compare the tool's mapping with what the upstream answers; toolcrib tools show NAME",
    Code.INVALID_OUTPUT: "compare the tool's output_schema with what the upstream answers; toolcrib tools show NAME",
    Code.UNDECLARED_ERROR: "declare the error in the tool's contract",
    Code.UNAVAILABLE: "wait a moment and try again; toolcrib doctor looks closer",
    Code.INTERNAL_ERROR: "look for the quoted id in the server's log",
}

OF_REASON: Mapping[str, str] = {
    "suspended": "an admin lifts it with: toolcrib suspensions lift ACTOR; that of a workspace the operator: toolcrib workspaces resume",
    "workspace_hosts": "an admin adds it to the hosts of the workspace: toolcrib workspaces hosts",
    "host_suspended": "an admin lifts it with: toolcrib suspensions lift HOST --host",
    "breaking": "send it as version VERSION if it is meant, or put back what callers rely on",
    "version_not_higher": "write a version above VERSION into the config, or leave it out",
    "bump_too_small": "write version VERSION into the config, or leave it out",
    "alias_taken": "choose another alias; toolcrib tools show NAME shows whose it is",
    "workspace_needed": "name one of them with --workspace or TOOLCRIB_WORKSPACE",
    "member": "toolcrib members list shows them, toolcrib members set changes what they are",
    "own_workspace": "suspend another workspace, or revoke keys of this one",
    "yourself": "ask another admin",
    "last_owner": "make another owner's key first: toolcrib keys create NAME --actor-type user --role owner",
    "in_progress": "the first call with this key still runs: ask again in a second, with the same key",
    "arguments_differ": "choose another key for another call, or send what was sent before",
    "cancelled": "somebody ended the call; toolcrib audit tells who, by ToolExecutionCancelRequested or, where it waited, ToolExecutionCancelled",
    "void": "look at what has changed, and let whoever wants the call make it again",
    "denied": "toolcrib executions show NAME names its approval, which tells who and why",
    "expired": "nobody agreed in time; make the call again if it is still wanted",
    "ended": "it has ended; toolcrib NOUN show NAME",
}
"""Next steps of a clash, by its reason; VERSION and NAME are those of its details."""


def exit_for(code: str) -> Exit:
    """The exit code of an error."""
    return EXITS.get(code, Exit.OTHER)
