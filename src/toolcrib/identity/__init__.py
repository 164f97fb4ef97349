"""Workspaces and API keys; a credential becomes a `Principal`."""
