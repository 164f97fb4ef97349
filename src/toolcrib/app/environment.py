"""Secrets that the operator hands to workspaces from the environment: those listed in `TOOLCRIB_ENV_SECRETS`, no others."""

import re
from collections.abc import Mapping

from toolcrib.contracts.secret import Secret

from .settings import UnsafeSetting

_SETTING = "TOOLCRIB_ENV_SECRETS"
_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,127}"
_ENTRY = re.compile(rf"([^:=,\s][^:=,]*):({_NAME})(?:=({_NAME}))?")


class EnvironmentSecrets:
    """Values by workspace, which is named by its id or its name; read once, at start."""

    def __init__(self, listed: Mapping[str, Mapping[str, Secret]]) -> None:
        self._listed = listed

    def of(self, workspace_id: str, workspace: str) -> Mapping[str, Secret]:
        """What the operator gave this workspace."""
        return {**self._listed.get(workspace, {}), **self._listed.get(workspace_id, {})}


def environment_secrets(listed: str, environment: Mapping[str, str]) -> EnvironmentSecrets | None:
    """Read the setting. Raises `UnsafeSetting` for an entry that cannot be read, and for a variable that is not there."""
    found: dict[str, dict[str, Secret]] = {}
    for entry in filter(None, (one.strip() for one in listed.split(","))):
        parts = _ENTRY.fullmatch(entry)
        if parts is None:
            raise UnsafeSetting(
                f"{_SETTING}: {entry} is not workspace:NAME or workspace:NAME=VARIABLE, separated by commas"
            )
        workspace, name, variable = parts[1].strip(), parts[2], parts[3] or parts[2]
        if variable.startswith("TOOLCRIB_"):
            raise UnsafeSetting(f"{_SETTING}: {variable} is a setting of the server; no tool gets it")
        if not environment.get(variable):
            raise UnsafeSetting(f"{_SETTING}: {entry} names {variable}, which is not set")
        if name in found.setdefault(workspace, {}):
            raise UnsafeSetting(f"{_SETTING}: {workspace}:{name} is listed twice")
        found[workspace][name] = Secret(name, environment[variable])
    return EnvironmentSecrets(found) if found else None
