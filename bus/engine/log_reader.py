"""Reads the committed records of a changelog's partitions as keys and values, straight from fetch answers.

The client's own consumer makes an object of eleven fields of each record (2 µs, with a key and a value alone
0.5), which is as much as it costs to write it to a local store. This uses its connection and its parser.
"""

from asyncio import gather
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import NoError, NotLeaderForPartitionError, OffsetOutOfRangeError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.record.memory_records import MemoryRecords

from bus.cluster import connection
from bus.engine.committed import Aborted, batches
from bus.engine.value import Change
from bus.settings import Settings

FETCH_BYTES = 2 * 1024 * 1024
"""Of one partition in one answer; reading and storing so much holds the event loop up for about 30 ms."""
_MOST_BYTES = 16 * 1024 * 1024
_EARLIEST, _LATEST = -2, -1
_READ_UNCOMMITTED, _READ_COMMITTED = 0, 1


class Fetched(NamedTuple):
    """What one partition gave."""

    records: list[Change]
    next_offset: int
    end: int
    """The last stable offset: what comes from there on is not decided yet."""
    high_watermark: int
    """Where it ends with what is not decided yet."""


class LogReader:
    """A connection for reading one topic outside of any group."""

    def __init__(self, settings: Settings, topic: str, name: str) -> None:
        """``topic`` is the physical name, ``name`` a part of the client id."""
        self._topic = topic
        self._client = AIOKafkaClient(**connection(settings, name))

    async def __aenter__(self) -> Self:
        """Connect. KafkaError if it fails."""
        try:
            await self._client.bootstrap()
            await self._client.set_topics([self._topic])
        except BaseException:
            await self._client.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def ends(self, partitions: Sequence[int]) -> dict[int, int]:
        """The last stable offset of each partition. KafkaError if it cannot be had."""
        return await self._offsets(partitions, _LATEST)

    async def high_watermarks(self, partitions: Sequence[int]) -> dict[int, int]:
        """Where each partition ends with what is not decided yet. KafkaError if it cannot be had."""
        return await self._offsets(partitions, _LATEST, _READ_UNCOMMITTED)

    async def beginnings(self, partitions: Sequence[int]) -> dict[int, int]:
        """The first offset of each partition. KafkaError if it cannot be had."""
        return await self._offsets(partitions, _EARLIEST)

    async def fetch(self, offsets: Mapping[int, int], wait_ms: int) -> dict[int, Fetched]:
        """What there is from ``offsets`` (by partition) on, after at most ``wait_ms`` if there is nothing.

        Raises:
            OffsetOutOfRangeError: a partition begins later or ends before.
            KafkaError: it cannot be had.
        """
        by_leader: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for partition, offset in offsets.items():
            by_leader[await self._leader(partition)].append((partition, offset, FETCH_BYTES))
        answers = await gather(*(self._fetch(node, wanted, wait_ms) for node, wanted in by_leader.items()))
        return {partition: fetched for answer in answers for partition, fetched in answer.items()}

    async def _fetch(self, node: int, wanted: list[tuple[int, int, int]], wait_ms: int) -> dict[int, Fetched]:
        request = FetchRequest(wait_ms, 1, _MOST_BYTES, _READ_COMMITTED, [(self._topic, wanted)])
        answer = await self._client.send(node, request)
        offsets = {partition: offset for partition, offset, _ in wanted}
        return {
            partition: self._parsed(partition, offsets[partition], code, fields)
            for _, partitions in answer.topics
            for partition, code, *fields in partitions
        }

    def _parsed(self, partition: int, offset: int, code: int, fields: list[Any]) -> Fetched:
        self._check(code)
        # high watermark, and since version 5: last stable offset, log start, aborted, [replica], records
        high_watermark, end, _, aborted, *_, data = fields
        return Fetched(*committed_records(data, offset, aborted), end, high_watermark)

    async def _offsets(
        self, partitions: Sequence[int], which: int, isolation: int = _READ_COMMITTED
    ) -> dict[int, int]:
        found = {}
        for partition in partitions:
            request = OffsetRequest(-1, isolation, [(self._topic, [(partition, which)])])
            answer = await self._client.send(await self._leader(partition), request)
            ((_, ((_, code, *_, found[partition]),)),) = answer.topics
            self._check(code)
        return found

    async def _leader(self, partition: int) -> int:
        leader = self._client.cluster.leader_for_partition(TopicPartition(self._topic, partition))
        if leader is None or leader == -1:
            await self._client.force_metadata_update()
            raise NotLeaderForPartitionError
        return int(leader)

    def _check(self, code: int) -> None:
        error = for_code(code)
        if error is NoError:
            return
        if error is not OffsetOutOfRangeError:
            self._client.force_metadata_update()
        raise error


def committed_records(
    data: bytes, offset: int, aborted: Sequence[Aborted] | None
) -> tuple[list[Change], int]:
    """Keys and values of the committed records from ``offset`` on in a fetch answer, and the next offset.

    ``aborted`` are the transactions among them that were given up: producer and first offset. Raises
    CorruptRecordException where a checksum is wrong.
    """
    records: list[Change] = []
    for batch, counts in batches(MemoryRecords(data), aborted):
        if counts and batch.base_offset >= offset:
            records += [(record.key, record.value) for record in batch]
        elif counts:
            records += [(record.key, record.value) for record in batch if record.offset >= offset]
        offset = max(offset, batch.next_offset)
    return records, offset
