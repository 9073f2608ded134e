"""Parked citizens as operators see them: who waits, what a decision does, and what came of it."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from bus.producer import Producer
from bus.reader import decoded, read_to_end
from bus.registry.codec import codec_of
from bus.settings import Settings
from schemas.catalogue import catalogue
from schemas.records import ParkedAction, ParkedDecision, ParkedStatus

_STATUS = "samband.engine.ParkedStatus"
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class ParkedKey:
    """One parked citizen."""

    stage: str
    key: str
    """The citizen's pseudonym."""
    status: ParkedStatus


@dataclass(frozen=True, slots=True)
class Answer:
    """What a decision did; ``status`` is None as long as the stage has not said so."""

    parked: ParkedKey
    status: ParkedStatus | None

    @property
    def released(self) -> bool:
        """Whether nothing waits any more."""
        return self.status is not None and not self.status["waiting"]

    def __str__(self) -> str:
        """For people, in one line."""
        before, after = self.parked.status, self.status
        if after is None:
            return "no answer yet; the decision is carried out as soon as the router runs"
        applied, discarded = after["applied"], after["discarded"]
        done = f"{applied} carried through, {discarded} discarded"
        if not after["waiting"]:
            return f"released: {done}"
        place = f"{after['topic']}/{after['partition']}, offset {after['offset']}"
        if not applied and not discarded and after["offset"] != before["offset"]:
            return f"not done: another record is the first to wait now ({place}); look again"
        return f"still parked: {after['error']} at {place}; {done}, {after['waiting']} waiting"


async def parked_keys(settings: Settings) -> list[ParkedKey]:
    """All parked citizens of all stages, those that wait longest first. BusUnavailableError."""
    topics = [name for name, topic in catalogue().topics.items() if _STATUS in topic.records]
    latest: dict[tuple[str, str], ParkedKey] = {}
    async for found in decoded(read_to_end(settings, *topics), codec_of(settings)):
        stage = found.record.topic.removesuffix(".parked")
        key = (found.record.key or b"").decode(errors="replace")
        if found.decoded is not None and found.decoded.value["waiting"]:
            latest[stage, key] = ParkedKey(stage, key, cast(ParkedStatus, found.decoded.value))
        else:
            latest.pop((stage, key), None)
    return sorted(latest.values(), key=lambda parked: parked.status["since"])


async def decide(
    settings: Settings, action: ParkedAction, parked: Sequence[ParkedKey], patience: float
) -> list[Answer]:
    """Tell the stages what to do about ``parked`` and wait for their answers, at most ``patience`` seconds.

    A decision holds for the record that was the first to wait when ``parked`` was read.
    """
    now, codec = time.time_ns() // 1000, codec_of(settings)
    asked = {str(uuid.uuid4()): each for each in parked}
    async with Producer(settings) as producer:
        for decision_id, each in asked.items():
            first = each.status
            decision: ParkedDecision = {
                "decision_id": decision_id, "action": action,
                "topic": first["topic"], "offset": first["offset"], "at": now,
            }  # fmt: skip
            value = codec.encode("ParkedDecision", decision)
            await (await producer.send(f"{each.stage}.operations", key=each.key.encode(), value=value))
    answers: dict[str, ParkedStatus] = {}
    deadline = time.monotonic() + patience
    while asked.keys() - answers.keys() and time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_SECONDS)
        answers = await _answers(settings, {each.stage for each in parked}, asked)
    return [Answer(each, answers.get(decision_id)) for decision_id, each in asked.items()]


async def _answers(
    settings: Settings, stages: set[str], asked: dict[str, ParkedKey]
) -> dict[str, ParkedStatus]:
    topics = [f"{stage}.parked" for stage in sorted(stages)]
    return {
        found.decoded.value["decision_id"]: cast(ParkedStatus, found.decoded.value)
        async for found in decoded(read_to_end(settings, *topics), codec_of(settings))
        if found.decoded is not None and found.decoded.value["decision_id"] in asked
    }
