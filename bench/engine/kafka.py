"""What the harness itself does with Kafka, through librdkafka: that takes little from those it measures."""

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench.engine.work import PARTITIONS
from bench.figures import WrongAnswerError
from bus.partitioning import key_hash

_PATIENCE_SECONDS = 60.0
_READ_AT_ONCE = 10_000
_TOGETHER_SECONDS = 0.1
"""The client waits so long for as many as were asked for."""
_QUEUED = 50_000


Value = str | int | float | bool


class Read(NamedTuple):
    """A record as it lies on a topic."""

    key: bytes
    value: bytes
    timestamp: int
    """Milliseconds; when the broker took it in, or what its sender said, as the topic has it."""


class Kafka:
    """A broker, and a prefix under which everything is made that a benchmark needs there."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.prefix = f"bench-{secrets.token_hex(4)}-"
        self._admin = AdminClient(self._config())

    def _config(self, more: Mapping[str, Value] | None = None) -> dict[str, Value]:
        return {"bootstrap.servers": self.bootstrap_servers, "log_level": 0, **(more or {})}

    def name(self, what: str) -> str:
        """A name for ``what`` that nothing had before, not even a topic that was deleted a moment ago."""
        return f"{self.prefix}{what}-{secrets.token_hex(4)}"

    def create(self, name: str, **configs: str) -> None:
        """A topic with four partitions, once it can be used; ``configs`` with underscores for dots."""
        config = {key.replace("_", "."): value for key, value in configs.items()}
        for made in self._admin.create_topics([NewTopic(name, PARTITIONS, 1, config=config)]).values():
            made.result(_PATIENCE_SECONDS)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._has_leaders(name):
            if time.monotonic() > deadline:
                raise WrongAnswerError("a new topic did not come")
            time.sleep(_TOGETHER_SECONDS)

    def _has_leaders(self, name: str) -> bool:
        found = self._admin.list_topics(name, _PATIENCE_SECONDS).topics[name].partitions
        return len(found) == PARTITIONS and all(place.leader >= 0 for place in found.values())

    def delete(self, part_of_name: str) -> None:
        """All topics whose names have this in them: those that a system made for itself too."""
        names = [
            name for name in self._admin.list_topics(timeout=_PATIENCE_SECONDS).topics if part_of_name in name
        ]
        for gone in self._admin.delete_topics(names).values() if names else ():
            gone.result(_PATIENCE_SECONDS)

    def fill(self, records: Iterable[tuple[str, bytes, bytes]]) -> dict[str, dict[int, int]]:
        """Write records (topic, key, value), each in its key's partition; how many each partition got."""
        producer = Producer(
            self._config({"enable.idempotence": True, "linger.ms": 20, "batch.size": 512 * 1024})
        )
        written: dict[str, dict[int, int]] = {}
        for number, (topic, key, value) in enumerate(records, 1):
            partition = key_hash(key) % PARTITIONS
            producer.produce(topic, value=value, key=key, partition=partition)
            counts = written.setdefault(topic, dict.fromkeys(range(PARTITIONS), 0))
            counts[partition] += 1
            if not number % _QUEUED:
                producer.flush()
        if producer.flush(_PATIENCE_SECONDS):
            raise WrongAnswerError("the topic could not be filled")
        return written

    def ends(self, topic: str) -> dict[int, int]:
        """The end of each partition, of what is not committed yet too."""
        with self._consumer("bench", "read_uncommitted") as consumer:
            return {
                number: consumer.get_watermark_offsets(TopicPartition(topic, number), _PATIENCE_SECONDS)[1]
                for number in range(PARTITIONS)
            }

    @contextmanager
    def progress(self, group: str, topic: str) -> Iterator["Progress"]:
        """Sees how far ``group`` is."""
        with self._consumer(group) as consumer:
            yield Progress(consumer, topic)

    @contextmanager
    def _consumer(self, group: str, isolation: str = "read_committed") -> Iterator[Consumer]:
        consumer = Consumer(
            self._config(
                {
                    "group.id": group,
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "isolation.level": isolation,
                    "enable.partition.eof": True,
                    "fetch.wait.max.ms": 5,
                }
            )
        )
        try:
            yield consumer
        finally:
            consumer.close()

    def read(self, topic: str, begin: Mapping[int, int] | None = None) -> Iterator[Read]:
        """All that is committed on ``topic``, from the offsets ``begin`` on, up to its end now.

        A transaction's offsets are seen a moment before its records are: these are waited for.
        """
        ends = self.ends(topic)
        with self._consumer("bench") as consumer:
            consumer.assign(
                [TopicPartition(topic, number, (begin or {}).get(number, 0)) for number in range(PARTITIONS)]
            )
            left, deadline = PARTITIONS, time.monotonic() + _PATIENCE_SECONDS
            while left:
                if time.monotonic() > deadline:
                    raise WrongAnswerError("a topic could not be read to its end")
                for message in consumer.consume(_READ_AT_ONCE, _TOGETHER_SECONDS):
                    if (error := message.error()) is None:
                        yield _read(message)
                    elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                        left -= (message.offset() or 0) >= ends[message.partition() or 0]
                    else:
                        raise WrongAnswerError(f"a topic could not be read: {error.name()}")

    @contextmanager
    def following(self, topic: str) -> Iterator["Follower"]:
        """Reads what is committed from now on, as it comes."""
        with self._consumer("bench") as consumer:
            ends = self.ends(topic)
            consumer.assign([TopicPartition(topic, number, end) for number, end in ends.items()])
            yield Follower(consumer)


class Progress:
    """How far a group is in a topic."""

    def __init__(self, consumer: Consumer, topic: str) -> None:
        self._consumer = consumer
        self._places = [TopicPartition(topic, number) for number in range(PARTITIONS)]

    def reached(self, wanted: Mapping[int, int]) -> bool:
        """Whether the group has committed these offsets; not, as long as Kafka does not say."""
        try:
            found = self._consumer.committed(self._places, timeout=_PATIENCE_SECONDS)
        except KafkaException:
            return False  # its coordinator has just come or gone; who asks has a time limit
        return all(place.offset >= wanted[place.partition] for place in found)


class Follower:
    """A reader of what is committed."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    def some(self, seconds: float) -> list[bytes]:
        """The values that have come, after ``seconds`` at most."""
        found = self._consumer.consume(_READ_AT_ONCE, 0) or self._consumer.consume(1, seconds)
        return [_read(message).value for message in found if message.error() is None]


def _read(message: Message) -> Read:
    return Read(message.key() or b"", message.value() or b"", message.timestamp()[1])
