"""Before each start on old data: let the controller give up the broker's earlier life.

Kafka 4.3 takes a partition without a leader for a deleted one (``KRaftMetadataCache.
getPartitionLeaderEndpoint``). A transaction that ends while its partitions have none is closed without
its commit markers ("Couldn't find leader endpoint"): its records, and all that follow in those
partitions, stay invisible to read_committed readers. A node that stands alone has nobody to take over, so
its partitions must never lose their leader under a working transaction coordinator. That happens in
three ways, and `properties.py` and this module close all of them:

- a shutdown that hands leadership over before it stops: turned off, so the node just stops;
- a session that times out, after a freeze or on a busy machine: the time-out is never reached;
- the start itself, when the node finds its earlier life still leading in its own metadata, works as the
  leader, and then replaces that life by a new one. So the node first runs as a controller alone, with a
  short session time-out, until it has fenced that earlier life.
"""

import time
from pathlib import Path

from bus.embedded.processes import Process

_FENCING = "Fencing broker "
_COMMITTED = "Completing purgatory items "
_NOTHING_TO_FENCE = "No stale brokers found"
_CHECKS = 24
"""The controller checks eight times in a session time-out; a broker is found by the ninth check or so."""
_SECONDS = 60.0
_POLL = 0.05


def wait_until_fenced(process: Process, log: Path) -> bool:
    """Whether the controller ``process``, which writes ``log``, has given up the broker, or had before.

    False if it ended, or did neither in a minute.
    """
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _is_fenced(log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""):
            return True
        time.sleep(_POLL)
    return False


def _is_fenced(said: str) -> bool:
    _, fencing, after = said.partition(_FENCING)
    return _COMMITTED in after if fencing else said.count(_NOTHING_TO_FENCE) >= _CHECKS
