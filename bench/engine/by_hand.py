"""The work on aiokafka, written by hand for it alone: what the engine's comfort is measured against.

It has one transactional producer for all partitions, keeps its state in memory only, and takes all partitions
as its own: no group that shares them out, no restore, no fence, no dead letters, no metrics. It is what is
fastest, not what is safe.
"""

import asyncio
import signal
import sys
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.engine.job import Job
from bench.engine.stage import BODY, NOTHING, State, answer, reader
from bench.engine.work import PARTITIONS
from bus.process import search_garbage_rarely

_SLICE = 1000
"""Records between two looks at the event loop."""
_MOST = 20_000
"""Records in a transaction."""


class Batches:
    """One open batch per partition of a topic."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._open: dict[int, Any] = {}
        self._full: list[tuple[int, Any]] = []
        self._sent: list[Any] = []

    def add(self, partition: int, key: bytes, value: bytes, timestamp: int) -> None:
        """Add a record."""
        batch = self._open.get(partition)
        if batch is None or batch.append(timestamp=timestamp, key=key, value=value) is None:
            if batch is not None:
                self._full.append((partition, batch))
            batch = self._open[partition] = self._producer.create_batch()
            batch.append(timestamp=timestamp, key=key, value=value)

    async def send_full(self) -> None:
        """Send what no record fits into any more."""
        full, self._full = self._full, []
        for partition, batch in full:
            batch.close()
            self._sent.append(await self._producer.send_batch(batch, self._topic, partition=partition))

    async def send(self) -> None:
        """Send everything."""
        self._full += self._open.items()
        self._open.clear()
        await self.send_full()

    async def confirmed(self) -> None:
        """Wait until Kafka has everything: aiokafka commits without what was refused, and tries it again."""
        sent, self._sent = self._sent, []
        for confirmation in sent:
            await confirmation


class Worker:
    """Reads, answers, writes and commits, in one task."""

    def __init__(self, job: Job, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
        self._job = job
        self._consumer = consumer
        self._producer = producer
        self._answers = Batches(producer, job.sink)
        self._changelog = Batches(producer, f"{job.name}.changelog")
        self._read = reader()
        self._states: dict[bytes, State] = {}
        self._changed: dict[bytes, int] = {}
        self._positions: dict[Any, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``."""
        while not stop.is_set():
            found = await self._consumer.getmany(timeout_ms=200, max_records=_SLICE)
            if found:
                await self._transact(found)

    async def _transact(self, found: dict[Any, list[Any]]) -> None:
        await self._producer.begin_transaction()
        due = time.monotonic() + self._job.commit_ms / 1000
        count = 0
        while found:
            for place, records in found.items():
                self._work(place.partition, records)
                self._positions[place] = records[-1].offset + 1
                count += len(records)
            await self._answers.send_full()
            await asyncio.sleep(0)
            left = due - time.monotonic()
            if left <= 0 or count >= _MOST:
                break
            found = await self._consumer.getmany(timeout_ms=int(left * 1000), max_records=_SLICE)
        await self._commit()

    def _work(self, partition: int, records: list[Any]) -> None:
        states, changed, add, read = self._states, self._changed, self._answers.add, self._read
        for record in records:
            key = record.key
            states[key], said = answer(states.get(key, NOTHING), read(record.value, BODY))
            add(partition, key, said, record.timestamp)
            changed[key] = partition

    async def _commit(self) -> None:
        now = int(time.time() * 1000)
        for key, partition in self._changed.items():
            self._changelog.add(partition, key, self._states[key], now)
        self._changed.clear()
        await self._answers.send()
        await self._changelog.send()
        await self._answers.confirmed()
        await self._changelog.confirmed()
        await self._producer.send_offsets_to_transaction(self._positions, self._job.name)
        await self._producer.commit_transaction()
        self._positions = {}


async def _run(job: Job) -> None:
    search_garbage_rarely()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    producer = AIOKafkaProducer(
        bootstrap_servers=job.bootstrap_servers,
        transactional_id=job.name,
        max_batch_size=512 * 1024,
        linger_ms=5,
        retry_backoff_ms=15,
    )
    consumer = AIOKafkaConsumer(
        bootstrap_servers=job.bootstrap_servers,
        group_id=job.name,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_min_bytes=256 * 1024,
        fetch_max_wait_ms=20,
    )
    async with producer, consumer:
        consumer.assign([TopicPartition(job.source, number) for number in range(PARTITIONS)])
        await Worker(job, consumer, producer).run(stop)


if __name__ == "__main__":
    sys.exit(asyncio.run(_run(Job.from_environment())))
