"""How the ledger is read and written. Statements of many calls are fixed in number; `reading` serves the doors, `writing` the rest."""
