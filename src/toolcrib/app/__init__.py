"""Settings and wiring: the only room that knows everyone."""
