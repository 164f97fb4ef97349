"""Servers that speak the wire format of a real service, each a process of its own on loopback."""
