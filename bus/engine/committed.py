"""Which batches of a fetch answer count: not what was aborted, and not what Kafka itself wrote between."""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from aiokafka.errors import CorruptRecordException
from aiokafka.record.control_record import ABORT_MARKER, ControlRecord
from aiokafka.record.memory_records import MemoryRecords

Aborted = tuple[int, int]
"""A producer's id and the first offset of its transaction."""


def batches(log: MemoryRecords, aborted: Sequence[Aborted] | None) -> Iterator[tuple[Any, bool]]:
    """Each batch of a fetch answer (aiokafka's), and whether its records are committed.

    ``aborted`` are the transactions among them that were given up, as the answer names them. Raises
    CorruptRecordException where a checksum is wrong.
    """
    waiting = sorted(aborted or (), key=itemgetter(1))
    giving_up: set[int] = set()
    while log.has_next():
        batch: Any = log.next_batch()
        if not batch.validate_crc():
            raise CorruptRecordException(f"a batch at offset {batch.base_offset} is damaged")
        while waiting and waiting[0][1] <= batch.base_offset:
            giving_up.add(waiting.pop(0)[0])
        if batch.is_control_batch:
            if ControlRecord.parse(next(batch).key) == ABORT_MARKER:
                giving_up.discard(batch.producer_id)
            yield batch, False
        else:
            yield batch, not (batch.is_transactional and batch.producer_id in giving_up)
