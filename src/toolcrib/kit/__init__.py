"""Ground under every room: database, guarded HTTP, cipher, strict JSON, clock, ids, pages, logging. Knows no tool."""
