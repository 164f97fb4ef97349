"""The project's own measurement of a call's cost, beside a bare pass-through in the same run."""
