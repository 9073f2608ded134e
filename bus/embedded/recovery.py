"""After a crash: let the controller give up the broker's earlier life before the broker starts again.

A node that was killed finds itself in its own metadata as a running broker that leads every partition,
until its session times out. A transaction that was committed but not yet marked as such in all its
partitions is completed in just that time, and when the session ends meanwhile, Kafka 4.3 takes the
partitions for deleted ("Couldn't find leader endpoint"), skips their markers and closes the
transaction: its records then stay invisible to read_committed readers for good. So the node first runs
as a controller alone, with a short session time-out, until it has fenced the broker.
"""

import re
import time
from pathlib import Path

from bus.embedded.processes import Process

_ACTIVE = re.compile(r"Activated periodic tasks")
_FENCED = re.compile(r"Fencing broker \d+ ")
_START_SECONDS = 30.0
_FENCE_SECONDS = 5.0
"""Ten times the session time-out; a broker that was fenced before its crash is not fenced again."""
_POLL = 0.05


def wait_until_fenced(process: Process, log: Path) -> bool:
    """Whether the controller ``process``, which writes ``log``, has given up the broker, or had before.

    False if it ended, or did not become active in half a minute.
    """
    deadline = time.monotonic() + _START_SECONDS
    active = False
    while time.monotonic() < deadline and process.poll() is None:
        said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        if _FENCED.search(said):
            return True
        if not active and _ACTIVE.search(said):
            active = True
            deadline = time.monotonic() + _FENCE_SECONDS
        time.sleep(_POLL)
    return active and process.poll() is None
