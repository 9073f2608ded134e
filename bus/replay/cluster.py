"""What a replay asks of the cluster: ends of topics, positions of a group, topics made and deleted."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from aiokafka import TopicPartition
from aiokafka.errors import NoError, UnknownTopicOrPartitionError, for_code

from bus.cluster import admin_client
from bus.errors import BusUnavailableError, TopicMismatchError, translate, translated
from bus.groups import committed_offsets, has_members
from bus.replay.cursor import Offsets, Reader
from bus.settings import Settings
from bus.topics import Wanted, apply, partition_counts

_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 60.0


def places(settings: Settings, counts: Mapping[str, int], topics: Iterable[str]) -> list[TopicPartition]:
    """All partitions of the logical ``topics`` that exist. ``counts``: partitions by physical name."""
    physical = [settings.topic(topic) for topic in topics]
    return [TopicPartition(topic, number) for topic in physical for number in range(counts.get(topic, 0))]


async def settled_ends(settings: Settings, wanted: Sequence[TopicPartition]) -> Offsets:
    """The present end of each partition, once no transaction that is open now hides anything before it.

    Raises:
        BusUnavailableError: a transaction hangs.
    """
    if not wanted:
        return {}
    async with Reader(settings, committed=False) as reader:
        written = await reader.ends(wanted)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), Reader(settings) as reader:
            while True:
                stable = await reader.ends(wanted)
                if all(stable[place] >= written[place] for place in wanted):
                    return stable
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        raise BusUnavailableError(
            "a transaction on the order topic does not end",
            fix="see SambandHungTransaction in docs/operations.md",
        ) from None


async def group_positions(settings: Settings, group: str) -> Offsets:
    """How far a consumer group has come; empty where it is unknown or its offsets have expired."""
    async with admin_client(settings, "replay") as admin:
        with translated("reading a group's offsets"):
            found = await committed_offsets(admin, group)
    return {place: position.offset for place, position in found.items()}


async def is_worked_in(settings: Settings, group: str) -> bool:
    """Whether any process works in a consumer group."""
    async with admin_client(settings, "replay") as admin:
        with translated("looking at a group"):
            return await has_members(admin, group)


async def make(settings: Settings, topics: Mapping[str, tuple[int, str]], *, replace: bool) -> None:
    """Create topics in which nothing ages: partitions and cleanup policy by logical name.

    Raises:
        TopicMismatchError: one of them holds records; with ``replace`` they are all deleted first.
    """
    if replace:
        await delete(settings, topics)
    await apply(
        settings,
        [
            Wanted(
                settings.topic(name),
                count,
                {"cleanup.policy": policy, "retention.ms": "-1", "max.message.bytes": _LARGE},
            )
            for name, (count, policy) in topics.items()
        ],
    )
    await check_empty(settings, topics)


_LARGE = str(20 * 1024 * 1024)


async def check_empty(settings: Settings, topics: Iterable[str]) -> None:
    """TopicMismatchError if any of the logical ``topics`` holds, or held, a record."""
    names = [settings.topic(topic) for topic in topics]
    counts = await partition_counts(settings, names)
    wanted = [TopicPartition(name, number) for name, count in counts.items() for number in range(count)]
    async with Reader(settings, committed=False) as reader:
        filled = sorted({place.topic for place, end in (await reader.ends(wanted)).items() if end})
    if filled:
        raise TopicMismatchError(
            f"topic {filled[0]} is not empty" + (f", nor are {len(filled) - 1} others" if filled[1:] else ""),
            fix="replay into another prefix, or use --replace to delete what an earlier replay wrote",
        )


async def delete(settings: Settings, topics: Iterable[str]) -> list[str]:
    """Delete those of the logical ``topics`` that exist and wait until they are gone; physical names."""
    names = [settings.topic(topic) for topic in topics]
    there = sorted(await partition_counts(settings, names))
    if not there:
        return []
    async with admin_client(settings, "replay") as admin:
        with translated("deleting topics"):
            answer = await admin.delete_topics(there)
    for topic, code, *_ in answer.topic_error_codes:
        error = for_code(code)
        if error not in (NoError, UnknownTopicOrPartitionError):
            raise translate(error(), f"deleting topic {topic}")
    with translated("waiting for topics to go"):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while await partition_counts(settings, there):  # noqa: ASYNC110 - a broker is asked
                await asyncio.sleep(_LOOK_SECONDS)
    return there
