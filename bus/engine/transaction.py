"""One partition's transactional producer, and the records that go into its running transaction.

After any doubtful answer the owner throws the whole object away: a new one under the same transactional id
fences this one and aborts what it left open. A commit is never tried again on the same producer.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import KafkaError, NodeNotReadyError
from aiokafka.producer import sender
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    TxnOffsetCommitRequest,
)

from bus.cluster import connection
from bus.discard import discard, hear
from bus.engine.stage import Output
from bus.errors import translated
from bus.partitioning import key_hash
from bus.producer import MAX_REQUEST_BYTES
from bus.settings import Settings

BATCH_BYTES = 512 * 1024
sender.BACKOFF_OVERRIDE = 0.005
"""Seconds until a transaction tries again to begin whose forerunner the broker has not quite ended.

aiokafka has no setting for it and waits 20 ms, which is longer than a commit takes.
"""
_NO_HEADERS: list[Any] = []
_ASKED_ONCE = (
    ProduceRequest,
    AddPartitionsToTxnRequest,
    AddOffsetsToTxnRequest,
    TxnOffsetCommitRequest,
    EndTxnRequest,
)

Header = tuple[str, bytes]
Ends = dict[tuple[str, int], int]
"""Next offset by physical topic and partition."""


class DoubtfulAnswerError(Exception):
    """A request may have been carried out or not. No KafkaError, for those aiokafka's sender tries again."""


class Target:
    """An output topic: its physical name and one open batch per partition."""

    __slots__ = ("builders", "count", "name")

    def __init__(self, name: str, count: int) -> None:
        """``count`` is the number of partitions."""
        self.name = name
        self.count = count
        self.builders: list[Any] = [None] * count


class TransactionalWriter:
    """Collects records into batches and commits them with the input offsets."""

    def __init__(self, settings: Settings, transactional_id: str, group: str) -> None:
        """``group`` is the consumer group whose offsets are part of each transaction."""
        self._settings = settings
        self._group = group
        self._timeout = settings.engine.transaction_timeout_seconds
        self._targets: dict[str, Target] = {}
        self._full: list[tuple[str, int, Any]] = []
        self._unplaced: list[tuple[Output, int]] = []
        self._confirmations: list[tuple[str, int, int, asyncio.Future[Any]]] = []
        self._producer = AIOKafkaProducer(
            **connection(settings, transactional_id.removeprefix(settings.kafka.topic_prefix)),
            transactional_id=transactional_id,
            transaction_timeout_ms=int(self._timeout * 1000),
            max_batch_size=BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
            retry_backoff_ms=15,
        )
        _ask_once(self._producer.client)
        self._announced: set[TopicPartition] = set()
        """What the last transaction wrote to, as the next one will."""
        self.written = 0
        """Records in the running transaction."""
        self.sent_bytes = 0
        """At least so many bytes of it were sent already."""
        self.input_partitions = 0
        """How many partitions the inputs have; 0 while that is not known."""

    async def start(self) -> None:
        """Fence every earlier owner of the transactional id and end what it left open."""
        with translated("taking over a partition"):
            async with asyncio.timeout(self._timeout):
                await self._producer.start()
        _add_group_at_once(self._producer._txn_manager, self._group)  # noqa: SLF001 - see there

    async def begin(self) -> None:
        """Open a transaction, and announce what it will most likely write to.

        The broker takes two requests for that, which pass while records are still worked on instead of
        while the commit waits for them.
        """
        self.written = self.sent_bytes = 0
        manager = self._producer._txn_manager  # noqa: SLF001 - as aiokafka's own send does it
        with translated("beginning a transaction"):
            if manager.is_fatal_error():
                await manager.wait_for_transaction_end()
            await self._producer.begin_transaction()
            announced, self._announced = self._announced, set()
            for place in announced:
                manager.maybe_add_partition_to_txn(place)

    async def _going_on(self) -> None:
        """Raise what has ended the transaction meanwhile, if something has: aiokafka would only say that."""
        manager = self._producer._txn_manager  # noqa: SLF001 - there is no other way to ask
        if not manager.is_in_transaction():
            await manager.wait_for_transaction_end()

    def write(self, output: Output, timestamp: int, home: int | None = None) -> None:
        """Add a record to the running transaction, placed by its key. ``timestamp`` in milliseconds.

        ``home`` is where the key was found among the inputs, if it was: topics with as many partitions have
        it there too, which saves hashing it.
        """
        target = self._targets.get(output.topic)
        if target is None:
            self._unplaced.append((output, timestamp))
            return
        key = output.key
        if home is None or target.count != self.input_partitions:
            home = key_hash(key) % target.count
        self.place(target, home, key, output.value, output.headers, timestamp)

    def place(
        self,
        target: Target,
        partition: int,
        key: bytes,
        value: bytes | None,
        headers: Sequence[Header],
        timestamp: int,
    ) -> None:
        """Add a record to a partition.

        What `BatchBuilder.append` does, without asking each record for serializers. The tests of transactions
        notice when aiokafka does otherwise.
        """
        batch = target.builders[partition] or self._begin_batch(target, partition)
        fields = list(headers) if headers else _NO_HEADERS
        if batch._builder.append(batch._relative_offset, timestamp, key, value, fields) is None:  # noqa: SLF001 - see above
            batch = self._begin_batch(target, partition)
            batch._builder.append(0, timestamp, key, value, fields)  # noqa: SLF001 - see above
        batch._relative_offset += 1  # noqa: SLF001 - see above
        self.written += 1

    def _begin_batch(self, target: Target, partition: int) -> Any:
        """An empty batch instead of the open one, if there is one, which is full."""
        full = target.builders[partition]
        if full is not None:
            self._full.append((target.name, partition, full))
        batch = target.builders[partition] = self._producer.create_batch()
        return batch

    async def target(self, topic: str) -> Target:
        """The output topic with the logical name ``topic``. MissingTopicError if it does not exist."""
        if topic not in self._targets:
            name = self._settings.topic(topic)
            with translated(f"looking up topic {name}"):
                self._targets[topic] = Target(name, len(await self._producer.partitions_for(name)))
        return self._targets[topic]

    async def flush_full(self) -> None:
        """Send the batches that are full; called between slices of work, so that memory stays bounded."""
        if self._unplaced:
            unplaced, self._unplaced = self._unplaced, []
            for output, timestamp in unplaced:
                await self.target(output.topic)
                self.write(output, timestamp)
        full, self._full = self._full, []
        self.sent_bytes += len(full) * BATCH_BYTES
        for topic, partition, builder in full:
            await self._send(topic, partition, builder)

    async def _send(self, topic: str, partition: int, builder: Any) -> None:
        count = builder.record_count()
        builder.close()  # a closed batch does not linger
        self._announced.add(TopicPartition(topic, partition))
        await self._going_on()
        sent = await self._producer.send_batch(builder, topic, partition=partition)
        self._confirmations.append((topic, partition, count, sent))

    async def commit(self, offsets: dict[TopicPartition, int]) -> Ends:
        """Send all batches and the input offsets, if any, and commit. After an error the outcome is unknown.

        Returns the next offset of each partition written to, where the broker told it.

        aiokafka commits even when a batch was refused (its ``flush_for_commit`` only waits), so every
        confirmation is checked before the commit is asked for. The offsets follow the confirmations: a
        broker that is asked by both whether the transaction is open refuses one as "not enough replicas" or
        "no coordinator", since only one such question of a transaction waits there, and each refusal costs a
        pause and another request.
        """
        with translated("committing a transaction"):
            async with asyncio.timeout(self._timeout):
                await self.flush_full()
                for target in self._targets.values():
                    for partition, builder in enumerate(target.builders):
                        if builder is not None:
                            target.builders[partition] = None
                            await self._send(target.name, partition, builder)
                ends = {}
                for topic, partition, count, confirmation in self._confirmations:
                    base = (await confirmation).offset
                    if base >= 0:  # unknown after a repeated request that the broker had seen before
                        ends[topic, partition] = base + count
                self._confirmations = []
                await self._going_on()
                if offsets:
                    await self._producer.send_offsets_to_transaction(offsets, self._group)
                await self._going_on()
                await self._producer.commit_transaction()
                return ends

    async def close(self) -> None:
        """Disconnect. An open transaction is aborted by the next owner, or by the broker in time."""
        for *_, confirmation in self._confirmations:
            hear(confirmation)
        await discard(self._producer)


def _ask_once(client: AIOKafkaClient) -> None:
    """Let a transactional request whose answer is lost end the producer instead of being sent again.

    aiokafka sends it again after a connection error or a time-out, on a new connection. The broker may then
    meet the first one later: an EndTxn that was delayed beyond the next transaction's begin would end that
    one (KIP-890). An error of another kind is not retried by the sender: it fails all that is under way.
    What was never sent may be tried again; so may InitProducerId, which fences whoever asked before.
    """
    send = client.send

    async def ask(node: int, request: Any, *, group: ConnectionGroup = ConnectionGroup.DEFAULT) -> Any:
        try:
            return await send(node, request, group=group)
        except NodeNotReadyError:
            raise
        except KafkaError as error:
            if isinstance(request, _ASKED_ONCE):
                raise DoubtfulAnswerError from error
            raise

    client.send = ask


def _add_group_at_once(manager: Any, group: str) -> None:
    """Let the group join each transaction as it begins, not when its offsets are there.

    aiokafka offers no call for it; ``tests/bus/engine/test_announcing.py`` notices when it no longer works.
    """
    group_to_add = manager.consumer_group_to_add

    def to_add() -> str | None:
        if manager.is_in_transaction() and manager._txn_consumer_group is None:  # noqa: SLF001 - see above
            return group
        found: str | None = group_to_add()
        return found

    manager.consumer_group_to_add = to_add
