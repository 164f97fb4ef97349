"""The vocabulary of the house: tools, calls, principals, decisions, errors, events. Pure; imports nothing of the house."""
