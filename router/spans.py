"""Lengths of time in microseconds, as instants of the contract are counted."""

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
