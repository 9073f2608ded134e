"""Makes the cluster's topics what the catalogue says, and never changes silently what could do harm."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from bus.cluster import admin_client, connection
from bus.errors import TopicMismatchError, translate, translated
from bus.settings import Settings
from schemas.catalogue import Topic, catalogue

_LOOK_SECONDS = 0.05
_APPEAR_SECONDS = 30.0
"""New topics are there in a fraction of a second, unless the broker has much else to do."""
_TOPIC_OVERRIDE = 1
"""DescribeConfigs' config_source of a value that was set on the topic itself (KIP-226)."""


class Action(Enum):
    """What `apply` would do with a topic."""

    CREATE = "create"
    UNCHANGED = "unchanged"
    RECONFIGURE = "reconfigure"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic as it should be."""

    name: str
    """Physical name."""
    partitions: int
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """What `apply` would do with one topic, and why."""

    topic: Wanted
    action: Action
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """All steps, in the order of topic names."""

    steps: tuple[Step, ...]

    @property
    def refused(self) -> tuple[Step, ...]:
        """Topics that differ in a way that is never changed silently."""
        return tuple(step for step in self.steps if step.action is Action.REFUSE)


def wanted(settings: Settings, topics: Iterable[Topic] | None = None) -> list[Wanted]:
    """The physical topics that the catalogue asks for."""
    chosen = catalogue().topics.values() if topics is None else topics
    return [
        Wanted(
            settings.topic(topic.name),
            topic.partitions,
            {
                "cleanup.policy": topic.cleanup,
                "retention.ms": str(topic.retention_ms),
                "max.message.bytes": str(topic.max_message_bytes),
            },
        )
        for family in sorted(chosen, key=lambda topic: topic.name)
        for topic in family.all_of(settings.router.inboxes)
    ]


async def plan(settings: Settings, topics: Iterable[Wanted] | None = None) -> TopicPlan:
    """What `apply` would do. Changes nothing. BusUnavailableError if Kafka is away."""
    async with _admin(settings) as admin:
        return await admin.plan(list(topics) if topics is not None else wanted(settings))


async def apply(settings: Settings, topics: Iterable[Wanted] | None = None) -> TopicPlan:
    """Create and reconfigure topics; returns what was done.

    Raises:
        TopicMismatchError: a topic has another number of partitions; nothing was changed then.
        BusUnavailableError: Kafka is away.
        NotAllowedError: Kafka refuses.
    """
    async with _admin(settings) as admin:
        todo = await admin.plan(list(topics) if topics is not None else wanted(settings))
        if todo.refused:
            raise TopicMismatchError(
                "; ".join(f"topic {step.topic.name}: {step.reason}" for step in todo.refused),
                fix="keys would move to other partitions; make a topic under a new prefix and replay into it",
            )
        await admin.create([step.topic for step in todo.steps if step.action is Action.CREATE])
        await admin.reconfigure([step.topic for step in todo.steps if step.action is Action.RECONFIGURE])
        return todo


async def partition_counts(settings: Settings, names: Iterable[str]) -> dict[str, int]:
    """Number of partitions by physical topic name, for the topics of ``names`` that exist."""
    async with _admin(settings) as admin:
        return await admin.partition_counts(list(names))


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator["_Admin"]:
    async with admin_client(settings, "admin") as client:
        yield _Admin(settings, client)


class _Admin:
    """The admin client with our errors."""

    def __init__(self, settings: Settings, client: AIOKafkaAdminClient) -> None:
        self._settings = settings
        self._client = client

    async def partition_counts(self, names: list[str]) -> dict[str, int]:
        with translated("reading the topics"):
            return {
                topic["topic"]: len(topic["partitions"])
                for topic in await self._client.describe_topics(names)
                if topic["error_code"] != UnknownTopicOrPartitionError.errno
            }

    async def plan(self, topics: list[Wanted]) -> TopicPlan:
        found = await self.partition_counts([topic.name for topic in topics])
        current = await self._configs([topic.name for topic in topics if topic.name in found])
        return TopicPlan(tuple(_step(topic, found.get(topic.name), current) for topic in topics))

    async def _configs(self, names: list[str]) -> dict[str, dict[str, tuple[str, int]]]:
        """Value and source of each config of each topic."""
        if not names:
            return {}
        with translated("reading the topics' settings"):
            answers = await self._client.describe_configs(
                [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
            )
        return {
            resource["resource_name"]: {
                entry["config_names"]: (entry["config_value"], entry.get("config_source", 0))
                for entry in resource["config_entries"]
            }
            for answer in answers
            for resource in answer.to_object()["resources"]
        }

    async def create(self, topics: list[Wanted]) -> None:
        if not topics:
            return
        factor = self._settings.kafka.replication_factor
        request = [
            NewTopic(
                topic.name,
                topic.partitions,
                factor,
                replica_assignments={} if factor == -1 else None,
                topic_configs=dict(topic.configs),
            )
            for topic in topics
        ]
        with translated("creating topics"):
            answer = (await self._client.create_topics(request)).to_object()
        for topic in answer["topic_errors"]:
            error = for_code(topic["error_code"])
            # Several processes may apply at once; the next plan shows whether the other one did the same.
            if error not in (NoError, TopicAlreadyExistsError):
                raise translate(error(), f"creating topic {topic['topic']}")
        await self._appear(topics)

    async def _appear(self, topics: list[Wanted]) -> None:
        """Wait until the brokers know and lead what the controller made, so that nobody is turned away."""
        names = {topic.name for topic in topics}
        with translated("waiting for the new topics"):
            async with asyncio.timeout(_APPEAR_SECONDS):
                while names - (await self.partition_counts(list(names))).keys():  # noqa: ASYNC110 - a broker
                    await asyncio.sleep(_LOOK_SECONDS)
                await self._led(topics)

    async def _led(self, topics: list[Wanted]) -> None:
        """A broker knows of a partition a little before it leads it; this asks again until all do."""
        patient = {**connection(self._settings, "admin"), "request_timeout_ms": int(_APPEAR_SECONDS * 1000)}
        consumer = AIOKafkaConsumer(**patient, auto_offset_reset="none")
        places = [TopicPartition(topic.name, n) for topic in topics for n in range(topic.partitions)]
        try:
            await consumer.start()
            consumer.assign(places)  # else it learns of one topic after the other, with a pause between them
            await consumer.end_offsets(places)
        finally:
            await consumer.stop()

    async def reconfigure(self, topics: list[Wanted]) -> None:
        if not topics:
            return
        current = await self._configs([topic.name for topic in topics])
        # AlterConfigs replaces all overrides of a topic, so what others have set on it is sent along.
        resources = [
            ConfigResource(
                ConfigResourceType.TOPIC, topic.name, {**_overrides(current[topic.name]), **topic.configs}
            )
            for topic in topics
        ]
        with translated("changing the topics' settings"):
            answers: list[Any] = await self._client.alter_configs(resources)
        for answer in answers:
            for resource in answer.to_object()["resources"]:
                error = for_code(resource["error_code"])
                if error is not NoError:
                    raise translate(error(), f"changing the settings of topic {resource['resource_name']}")


def _overrides(configs: Mapping[str, tuple[str, int]]) -> dict[str, str]:
    return {name: value for name, (value, source) in configs.items() if source == _TOPIC_OVERRIDE}


def _step(
    topic: Wanted, partitions: int | None, current: Mapping[str, Mapping[str, tuple[str, int]]]
) -> Step:
    if partitions is None:
        return Step(topic, Action.CREATE)
    if partitions != topic.partitions:
        return Step(
            topic, Action.REFUSE, f"has {partitions} partitions, the catalogue says {topic.partitions}"
        )
    configs = current.get(topic.name, {})
    drift = [
        f"{name} is {configs.get(name, ('unknown', 0))[0]}, should be {value}"
        for name, value in topic.configs.items()
        if configs.get(name, ("unknown", 0))[0] != value
    ]
    return Step(topic, Action.RECONFIGURE if drift else Action.UNCHANGED, "; ".join(drift))
