"""What becomes of the facts: identity, timeline, cases and coordination of one citizen, as pure functions."""
