"""The simulated clock: writes time as records, and knows when the router has done what was due by then.

The engine's own ticks are off (``engine.write_ticks``): whoever simulates is the one writer of time. A minute
is told when something is to happen by it; those in between are left out, as nobody would wake in them.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from aiokafka.admin import AIOKafkaAdminClient

from bus.cluster import admin_client
from bus.errors import translated
from bus.groups import committed_offsets
from bus.partitioning import key_hash
from bus.producer import Producer
from bus.settings import Settings
from bus.topics import partition_counts
from router.stage import CitizenStage
from samband.demo.observer import TOPICS, Observer
from samband.simulation.places import micros
from samband.simulation.rest import Logs
from schemas.codec import Codec
from schemas.errors import RetriableError

STAGE = CitizenStage.name
_TICKS = f"{STAGE}.ticks"
_INPUTS = (*CitizenStage.inputs, _TICKS)
_LOOK_SECONDS = 0.05
_QUIET_SECONDS = 0.15
"""The router is seen to be done; this is for connectors, which may be on their way to a legacy system."""
_PATIENCE_SECONDS = 120.0


class Clock:
    """Tells the router the time. Use as an async context manager."""

    def __init__(self, settings: Settings, observer: Observer) -> None:
        """``observer`` has to be running."""
        self._settings = settings
        self._observer = observer
        self._producer = Producer(settings, "simulation", linger_ms=0)
        self._codec = Codec()
        self._logs = Logs(settings, {*_INPUTS, *TOPICS})
        self._keys: list[bytes] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Connect."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._producer)
            await stack.enter_async_context(self._logs)
            (partitions,) = (await partition_counts(self._settings, [self._settings.topic(_TICKS)])).values()
            self._keys = [_key_of(partition, partitions) for partition in range(partitions)]
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._stack.aclose()

    async def tell(self, now: datetime) -> None:
        """It is ``now``, a full minute; returns when the router has done what was due."""
        await self.show(now)
        value = self._codec.encode("Tick", {"minute": micros(now)})
        for key in self._keys:
            await (await self._producer.send(_TICKS, key=key, value=value))
        await self.settled()

    async def show(self, now: datetime) -> None:
        """Let the connectors see what time it is."""
        clock = self._settings.simulated_clock
        if clock is not None:
            await asyncio.to_thread(_write, clock, str(micros(now)))

    async def settled(self) -> None:
        """Wait until the router has done all that there is to do, the observer has seen it, and it is quiet.

        Raises:
            RetriableError: it does not get there.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        async with admin_client(self._settings, "simulation") as admin:
            while not (await self._done(admin) and self._observer.quiet(_QUIET_SECONDS)):
                if time.monotonic() > deadline:
                    raise RetriableError("the router does not get done with a tick", fix="see its log")
                await asyncio.sleep(_LOOK_SECONDS)

    async def _done(self, admin: AIOKafkaAdminClient) -> bool:
        """Whether the router has taken all its inputs, its own moves among them, and all it said was seen.

        Its inputs are looked at after its positions: of all that it had not committed by then, one is left.
        """
        with translated("reading the router's positions"):
            found = await committed_offsets(admin, self._settings.topic(STAGE))
        taken = {(place.topic, place.partition): position.offset for place, position in found.items()}
        return await self._logs.all_taken(_INPUTS, taken) and await self._logs.all_taken(
            TOPICS, self._observer.positions
        )


def _write(path: Path, text: str) -> None:
    """Write a file that is never seen half written."""
    draft = path.with_suffix(".part")
    draft.write_text(text, encoding="ascii")
    draft.replace(path)


def _key_of(partition: int, partitions: int) -> bytes:
    """A key whose records go into a partition."""
    return next(key for key in (b"%d" % n for n in count()) if key_hash(key) % partitions == partition)
