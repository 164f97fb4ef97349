"""Which tools exist, in which version, for which workspace, and whether they are enabled there."""
