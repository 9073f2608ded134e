"""Two that watch from outside through every fault: a reader of the outputs, and one of the offsets."""

import asyncio
from contextlib import suppress
from typing import NamedTuple, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from bus.cluster import connection
from bus.settings import Settings

_WAIT = 0.2
"""Seconds between two looks."""


class Seen(NamedTuple):
    """A record as a reader saw it."""

    offset: int
    key: str
    value: str


class _Witness:
    """Looks again and again from the start of its context to the end; what it may not see ends the test."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watching: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        await asyncio.wait([self._watching])

    def check(self) -> None:
        """Raise what ended the watching, if anything did."""
        if self._watching.done():
            self._watching.result()

    async def _watch(self) -> None:
        raise NotImplementedError


class CommittedReader(_Witness):
    """Reads a topic with read_committed, as an app does: ``seen`` by partition, in the order of reading."""

    def __init__(self, settings: Settings, topic: str, partitions: int) -> None:
        super().__init__(settings)
        self._places = [TopicPartition(settings.topic(topic), number) for number in range(partitions)]
        self.seen: dict[int, list[Seen]] = {number: [] for number in range(partitions)}
        self.count = 0

    async def _watch(self) -> None:
        consumer = AIOKafkaConsumer(
            **connection(self._settings, "witness"),
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
        )
        await consumer.start()
        try:
            consumer.assign(self._places)
            while True:
                with suppress(KafkaError):  # Kafka is away just now; the client connects again
                    for place, records in (await consumer.getmany(timeout_ms=200)).items():
                        self.seen[place.partition] += [
                            Seen(record.offset, record.key.decode(), record.value.decode())
                            for record in records
                        ]
                        self.count += len(records)
        finally:
            await consumer.stop()


class CommittedOffsets(_Witness):
    """Asks for a group's committed offsets; ``latest`` by partition."""

    def __init__(self, settings: Settings, group: str) -> None:
        super().__init__(settings)
        self._group = settings.topic(group)
        self.latest: dict[int, int] = {}
        self.looks = 0

    async def _watch(self) -> None:
        while True:
            admin = AIOKafkaAdminClient(**connection(self._settings, "witness"))
            try:
                with suppress(KafkaError, OSError):  # Kafka is away just now: connect again
                    await admin.start()
                    while True:
                        self._note(await admin.list_consumer_group_offsets(self._group))
                        await asyncio.sleep(_WAIT)
            finally:
                with suppress(KafkaError, OSError):
                    await admin.close()
            await asyncio.sleep(_WAIT)

    def _note(self, found: dict[TopicPartition, tuple[int, str]]) -> None:
        self.looks += 1
        for place, (offset, _) in found.items():
            before = self.latest.get(place.partition, 0)
            assert offset >= before, (
                f"the committed offset of partition {place.partition} went back from {before} to {offset}"
            )
            self.latest[place.partition] = offset
