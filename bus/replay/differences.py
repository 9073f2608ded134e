"""A whole replay beside the live topics: each compared in the way that suits it."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from bus.engine.names import Names
from bus.engine.stage import Stage
from bus.errors import MissingTopicError
from bus.replay.compare import About
from bus.replay.diff import Diff, Difference
from bus.replay.states import StateDiff
from bus.settings import Settings
from bus.topics import partition_counts


async def differences(
    live: Settings, replayed: Settings, outputs: Mapping[str, str], stage: Stage[Any, Any], about: About
) -> AsyncIterator[Difference]:
    """Compare the replay of ``stage`` under one prefix with what lies under another, a partition at a time.

    ``outputs``: cleanup policy by logical name of each topic that the stage writes, its changelog among them.

    Raises:
        NoReplayError: there is none that has ended.
        MissingTopicError: a live topic does not exist.
        BusUnavailableError: Kafka is away.
    """
    names = Names.of(live, stage)
    there = await partition_counts(live, [live.topic(topic) for topic in outputs])
    for topic in outputs:
        if live.topic(topic) not in there:
            raise MissingTopicError(
                f"topic {live.topic(topic)} is missing", fix="create it with `samband topics apply`"
            )
    async with Diff(live, replayed, about) as diff:
        said = await diff.finished(stage.name)
        for topic, policy in outputs.items():
            if topic == names.changelog_topic:
                states = StateDiff(live, replayed, stage)
                for number in range(len(said.writers[-1].get(topic, []))):
                    yield await states.partition(topic, number, said)
            elif policy == "compact":
                async for found in diff.latest(topic, said):
                    yield found
            else:
                async for found in diff.appended(topic, said):
                    yield found
