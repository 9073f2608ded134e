"""Numbered messages, sent all the time, a little ahead of what has come out."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Self

from bus.producer import Producer
from bus.settings import Settings
from tests.bus.engine.ledger import INPUT
from tests.faults.witness import Seen
from tests.waiting import until

_WAIT = 0.05
"""Seconds between two chunks of messages."""
CHUNK = 100
"""Messages at once while there is an end to them."""
TRICKLE = 25
"""And where there is none: 500 a second keep all workers busy, and leave the processors to the faults."""
KEYS = 90
PATIENCE = 240.0
"""Seconds for anything that may have to wait until Kafka is back and the group has settled."""


def message(number: int) -> tuple[str, str]:
    """Key and value. Now and then an account is forgotten, or a message cannot be read."""
    value = {199: "forget", 499: "poison"}.get(number % 500, str(number))
    return f"key-{number % KEYS}", value


class Feeder:
    """Sends ``total`` messages, or without end; ``fed`` holds the acknowledged ones as the topic does."""

    def __init__(
        self, settings: Settings, done: Callable[[], int], *, window: int, total: int | None = None
    ) -> None:
        """At most ``window`` messages ahead of ``done()``, so that there is always work, and not too much."""
        patient = settings.kafka.model_copy(update={"delivery_timeout_seconds": PATIENCE})
        self._settings = settings.model_copy(update={"kafka": patient})
        self._done = done
        self._window = window
        self._total = total
        self._chunk = TRICKLE if total is None else CHUNK
        self._feeding: asyncio.Task[None]
        self.fed: dict[int, list[Seen]] = {}
        self.count = 0
        self.outputs: Counter[int] = Counter()
        """How many outputs these messages have, by partition."""

    async def __aenter__(self) -> Self:
        self._feeding = asyncio.create_task(self._feed())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._feeding.cancel()
        await asyncio.wait([self._feeding])

    def check(self) -> None:
        """Raise what ended the feeding, if anything did."""
        if self._feeding.done() and not self._feeding.cancelled():
            self._feeding.result()

    @property
    def most_outputs(self) -> float:
        """How many outputs there can be in the end."""
        return self.outputs.total() if self.count == self._total else float("inf")

    async def end(self) -> None:
        """Send no more than what is on its way, or all of ``total``."""
        if self._total is None:
            self._total = self.count
        await self._feeding

    def ends(self) -> dict[int, int]:
        """The next offset of each partition."""
        return {partition: there[-1].offset + 1 for partition, there in self.fed.items()}

    async def _feed(self) -> None:
        async with Producer(self._settings, "feeder") as producer:
            while self._total is None or self.count < self._total:
                await until(lambda: self.outputs.total() - self._done() < self._window, PATIENCE, "outputs")
                await self._send(producer)
                await asyncio.sleep(_WAIT)

    async def _send(self, producer: Producer) -> None:
        messages = [message(number) for number in range(self.count, self.count + self._chunk)]
        sent = [await producer.send(INPUT, key=key.encode(), value=value.encode()) for key, value in messages]
        for (key, value), confirmed in zip(messages, await asyncio.gather(*sent), strict=True):
            there = self.fed.setdefault(confirmed.partition, [])
            there.append(Seen(confirmed.offset, key, value))
            self.outputs[confirmed.partition] += value.isdigit()
        self.count += self._chunk
