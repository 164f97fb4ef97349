"""May this principal do this now: pure rules over facts, the same for lists, checks and calls."""
