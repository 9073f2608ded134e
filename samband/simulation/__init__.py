"""A made-up town at full speed: its people, what happens to them, and what the bus should say of it.

Three things that know nothing of each other: the town (``population``, ``history``, ``habits…``) with what
really happened, the legacy systems (``dialect_…``, ``delivery``) that tell it as such systems do, and the
oracle (``oracle…``) that works out from the town alone what every citizen's page has to show. ``comparison``
holds the bus against the oracle (docs/adr/0024-town-and-oracle.md).
"""
