"""The router's replay and its comparison with the live topics, put together for the command line."""

import re
from collections.abc import AsyncIterator

from aiokafka import ConsumerRecord

from bus.engine.names import Names
from bus.registry.codec import codec_of
from bus.replay import cluster
from bus.replay.compare import About, Thing
from bus.replay.diff import Difference
from bus.replay.differences import differences as compare
from bus.replay.run import Plan, Progress, Replay, Replayed
from bus.settings import Settings
from bus.topics import partition_counts
from router.rules import load_rules
from router.stage import CitizenStage
from schemas.catalogue import Topic, catalogue
from schemas.codec import Codec
from schemas.errors import PoisonError, RefusedError

ORDER = f"{CitizenStage.name}.order"
_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,60}")


class NotWrittenError(RefusedError):
    """A topic is not one that the router writes from its inputs."""


def written(settings: Settings) -> dict[str, str]:
    """Cleanup policy by logical name of each topic that follows from the router's inputs."""
    return {name: topic.cleanup for name, topic in _written(settings).items()}


def _written(settings: Settings) -> dict[str, Topic]:
    """Topics keyed by partition (ticks, the order) are logs of their own: a replay reads them."""
    return {
        topic.name: topic
        for family in catalogue().topics.values()
        if "router" in family.writers and family.key != "partition"
        for topic in family.all_of(settings.router.inboxes)
    }


def under(settings: Settings, prefix: str) -> Settings:
    """The same settings for topics that begin with ``prefix``. RefusedError if these are the live ones."""
    if not _PREFIX.fullmatch(prefix):
        raise NotWrittenError("this is no prefix of topics", fix="letters, digits, dots and dashes: replay.")
    if prefix == settings.kafka.topic_prefix:
        raise NotWrittenError(
            "the replay would go into the live topics", fix="choose another prefix, e.g. replay."
        )
    kafka = settings.kafka.model_copy(update={"topic_prefix": prefix})
    return settings.model_copy(update={"kafka": kafka})


def stage_of(settings: Settings) -> CitizenStage:
    """The router's stage with the rules that are set now."""
    router = settings.router
    return CitizenStage(codec_of(settings), load_rules(router.rules, router.institutions, router.inboxes))


async def replay(
    settings: Settings, prefix: str, on_progress: Progress, *, replace: bool, incomplete: bool
) -> list[Replayed]:
    """Replay all of the router under ``prefix``. Raises as `bus.replay.run.Replay.run` does."""
    into, stage = under(settings, prefix), stage_of(settings)
    made = _written(settings)
    counts = await partition_counts(settings, [settings.topic(name) for name in made])
    topics = {
        name: (counts.get(settings.topic(name), topic.partitions), topic.cleanup)
        for name, topic in made.items()
    }
    await cluster.make(into, {**topics, ORDER: (1, "delete")}, replace=replace)
    plan = Plan(settings, into, written(settings), None, incomplete)
    return await Replay(stage, plan, on_progress).run()


async def restore(
    settings: Settings, topics: frozenset[str], on_progress: Progress, *, incomplete: bool
) -> list[Replayed]:
    """Write lost live ``topics`` again; they have to be empty and the routers stopped.

    Raises:
        NotWrittenError: a topic does not follow from the router's inputs, or a router is running.
        FatalError, RetriableError: as `bus.replay.run.Replay.run` does.
    """
    stage = stage_of(settings)
    possible = written(settings).keys() - set(Names.of(settings, stage).inputs)
    if other := sorted(topics - possible):
        raise NotWrittenError(
            f"{other[0]} does not follow from the router's inputs",
            fix=f"one of {', '.join(sorted(possible))}",
        )
    if await cluster.is_worked_in(settings, settings.topic(CitizenStage.name)):
        raise NotWrittenError("a router is running", fix="stop all routers first")
    await cluster.check_empty(settings, topics)
    plan = Plan(settings, settings, written(settings), topics, incomplete)
    return await Replay(stage, plan, on_progress).run()


async def delete(settings: Settings, prefix: str) -> list[str]:
    """Delete what replays wrote under ``prefix``; the names of the topics."""
    return await cluster.delete(under(settings, prefix), [*written(settings), ORDER])


def differences(settings: Settings, prefix: str) -> AsyncIterator[Difference]:
    """Compare the replay under ``prefix`` with the live topics, as `bus.replay.differences` does."""
    about = AboutRecords(codec_of(settings))
    return compare(settings, under(settings, prefix), written(settings), stage_of(settings), about)


class AboutRecords(About):
    """What a record is about: its type and, where its headers say so, thing and revision; else its key."""

    def __init__(self, codec: Codec) -> None:
        """``codec`` knows the types."""
        self._codec = codec

    def __call__(self, record: ConsumerRecord) -> Thing:
        """See `About`."""
        try:
            name = self._codec.decode(record.value or b"").record
        except PoisonError:
            name = "unreadable"
        return Thing(name, dict(record.headers).get("ce_id") or record.key or b"")
