"""Makes the client's fetching fit an engine whose partitions go their own ways.

aiokafka offers no settings for this, so some private attributes of its fetcher are used;
``tests/bus/engine/test_batches.py`` notices when they change.
"""

import time
from typing import Any

from aiokafka import AIOKafkaConsumer

from bus.settings import EngineSettings

_QUIET_AFTER_SECONDS = 1.0
_QUIET_WAIT_MS = 200


def tune(consumer: AIOKafkaConsumer, settings: EngineSettings) -> None:
    """Set up a ``consumer`` that was started and has no assignment yet.

    - A partition whose records wait while it commits keeps no other from being asked for. (aiokafka asks a
      broker for nothing more until all that it gave is consumed, for 100 ms at most.)
    - While nothing comes, fetches are answered by the first byte and otherwise rarely, since each costs a
      millisecond with many partitions; as soon as something comes, soon and for more at a time.
    """
    fetcher: Any = consumer._fetcher  # noqa: SLF001 - see above
    fetcher._prefetch_backoff = 0  # noqa: SLF001 - see above
    fetch = fetcher._proc_fetch_request  # noqa: SLF001 - see above
    last_records = time.monotonic()

    async def fetch_and_adapt(*request: Any) -> bool:
        nonlocal last_records
        found: bool = await fetch(*request)
        now = time.monotonic()
        if found:
            last_records = now
        quiet = now - last_records > _QUIET_AFTER_SECONDS
        fetcher._fetch_min_bytes = 1 if quiet else settings.fetch_min_bytes  # noqa: SLF001 - see above
        wait = _QUIET_WAIT_MS if quiet else settings.fetch_max_wait_ms
        fetcher._fetch_max_wait_ms = wait  # noqa: SLF001 - see above
        return found

    fetcher._proc_fetch_request = fetch_and_adapt  # noqa: SLF001 - see above
