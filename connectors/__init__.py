"""Connectors: one folder per kind of agency, all with the same anatomy, on top of the kit."""
