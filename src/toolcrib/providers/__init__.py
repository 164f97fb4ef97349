"""How a tool runs: one package for each kind. `app` hands them to the gateway."""
