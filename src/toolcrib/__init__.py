"""Toolcrib: register tools with a contract, decide who may call them, call them from anywhere, find every call in the ledger."""
