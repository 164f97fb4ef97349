"""Secret values, sealed; opened by name for one call."""
