"""The schema's history. `cli` runs it by its location, nobody imports it."""
