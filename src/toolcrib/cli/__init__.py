"""The shell: `toolcrib serve`, and commands that speak HTTP to a running server."""

from .main import main

__all__ = ["main"]
