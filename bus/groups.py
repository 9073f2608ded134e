"""What Kafka knows of a consumer group: how far it has come, and whether anybody works in it.

aiokafka looks for errors of single partitions alone. Of a coordinator that is still loading its groups, as it
does for a moment after Kafka was started, the answer as a whole is an error, and the client would take it for
a group that has committed nothing and has no members: all that was done would be done again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
    for_code,
)
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.structs import OffsetAndMetadata

T = TypeVar("T")
CommittedOffsets = dict[TopicPartition, OffsetAndMetadata]

_NOT_YET = (GroupLoadInProgressError, GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError)
_PATIENCE_SECONDS = 10.0
_WAIT_SECONDS = 0.1


async def committed_offsets(client: AIOKafkaAdminClient, group: str) -> CommittedOffsets:
    """What ``group`` (its physical name) has committed, by partition; empty if it has not, or long ago.

    KafkaError where Kafka does not say, within ten seconds if it is only just starting.
    """

    async def ask() -> CommittedOffsets:
        coordinator = await client.find_coordinator(group)
        answer = await client._send_request(OffsetFetchRequest(group, None), coordinator)  # noqa: SLF001 - see above
        refuse_error(answer.error_code)
        found = {}
        for topic, partitions in answer.topics:
            for partition, offset, metadata, code in partitions:
                refuse_error(code)
                if offset >= 0:
                    found[TopicPartition(topic, partition)] = OffsetAndMetadata(offset, metadata)
        return found

    return await _loaded(ask)


async def has_members(client: AIOKafkaAdminClient, group: str) -> bool:
    """Whether any process works in ``group`` (its physical name); errors as for `committed_offsets`."""

    async def ask() -> bool:
        answers = await client.describe_consumer_groups([group])
        groups = [found for answer in answers for found in answer.to_object()["groups"]]
        for found in groups:
            refuse_error(found["error_code"])
        return any(found["members"] for found in groups)

    return await _loaded(ask)


def refuse_error(code: int) -> None:
    """Raise the KafkaError that an answer's error code stands for, if it stands for one."""
    if code:
        raise for_code(code)


async def _loaded(ask: Callable[[], Awaitable[T]]) -> T:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return await ask()
        except _NOT_YET:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(_WAIT_SECONDS)
