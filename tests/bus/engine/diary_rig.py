"""The diary's topics, workers and records on a real broker."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Self

from aiokafka import AIOKafkaProducer, TopicPartition

from bus.cluster import connection
from bus.engine import Engine
from bus.engine.ticks import MINUTE
from bus.producer import Producer
from bus.reader import read_to_end
from bus.settings import Settings
from bus.topics import Wanted, apply
from schemas.codec import Codec
from tests.bus.engine.diary import INPUT, NAME, OUTPUT, Diary
from tests.bus.engine.harness import PARTITIONS, Worker, read
from tests.waiting import until

CODEC = Codec()
OPERATIONS, PARKED, TICKS = f"{NAME}.operations", f"{NAME}.parked", f"{NAME}.ticks"
_TOPICS = {
    INPUT: "delete", OUTPUT: "delete", OPERATIONS: "delete", TICKS: "delete",
    **{f"{topic}.dlq": "delete" for topic in (INPUT, OPERATIONS, TICKS)},
    f"{NAME}.order": "delete", PARKED: "compact", f"{NAME}.changelog": "compact",
}  # fmt: skip


class DiaryWorker(Worker):
    """A worker that keeps diaries."""

    program = Path(__file__).with_name("diary.py")


async def make_topics(settings: Settings) -> None:
    kept = {"retention.ms": "-1"}  # ticks may be weeks old
    await apply(
        settings,
        [
            Wanted(settings.topic(name), PARTITIONS, {"cleanup.policy": policy, **kept})
            for name, policy in _TOPICS.items()
        ],
    )


async def write(settings: Settings, letters: Iterable[tuple[str, str]]) -> None:
    async with Producer(settings) as producer:
        sent = [await producer.send(INPUT, key=key.encode(), value=said.encode()) for key, said in letters]
        await asyncio.gather(*sent)


async def tell(settings: Settings, minutes: Iterable[int]) -> None:
    """Write ticks to all partitions in the engine's place, as a simulation does."""
    partitions = [TopicPartition(settings.topic(TICKS), number) for number in range(PARTITIONS)]
    producer = AIOKafkaProducer(**connection(settings, "clock"))
    await producer.start()
    try:
        for minute in minutes:
            value = CODEC.encode("Tick", {"minute": minute * MINUTE})
            for topic, number in partitions:
                await producer.send(topic, value, str(number).encode(), number, minute * 60_000)
    finally:
        await producer.stop()


async def decide(settings: Settings, key: str, action: str) -> None:
    """As an operator does it: about the record that waits first now."""
    status = (await parked(settings))[key]
    decision = {
        "decision_id": f"{key}-{status['offset']}", "action": action,
        "topic": status["topic"], "offset": status["offset"], "at": 0,
    }  # fmt: skip
    async with Producer(settings) as producer:
        value = CODEC.encode("ParkedDecision", decision)
        await (await producer.send(OPERATIONS, key=key.encode(), value=value))


async def parked(settings: Settings) -> dict[str, dict[str, Any]]:
    """The status of each parked key."""
    latest = {record.key: record.value for record in await read(settings, PARKED)}
    return {
        key.decode(): CODEC.decode(value).value
        for key, value in latest.items()
        if key and value and CODEC.decode(value).value["waiting"]
    }


async def waiting(settings: Settings) -> dict[str, int]:
    """How many records wait, by key."""
    return {key: status["waiting"] for key, status in (await parked(settings)).items()}


async def replies(settings: Settings) -> dict[str, list[str]]:
    """Everything that was written to each key, in order."""
    found: dict[str, list[str]] = {}
    for record in await read(settings, OUTPUT):
        found.setdefault((record.key or b"").decode(), []).append((record.value or b"").decode())
    return found


async def told_to(settings: Settings, minute: int) -> bool:
    """Whether every partition was told ``minute``; reads the last ticks alone, so it can be asked often."""
    last = await ticks(settings, most=50)
    return len(last) == PARTITIONS and all(minutes[-1] >= minute for minutes in last.values())


async def ticks(settings: Settings, most: int | None = None) -> dict[int, list[int]]:
    """The minutes that were told, by partition; with ``most`` those of the last so many places."""
    found: dict[int, list[int]] = {}
    async for record in read_to_end(settings, TICKS, most=most):
        minute, rest = divmod(CODEC.decode(record.value or b"").value["minute"], MINUTE)
        assert (rest, record.key) == (0, str(record.partition).encode())
        assert record.timestamp == minute * MINUTE
        found.setdefault(record.partition, []).append(minute)
    return found


class Running:
    """An engine in this process, for as long as the block runs."""

    def __init__(self, settings: Settings, *, mended: bool = False) -> None:
        self._engine = Engine(Diary(mended=mended), settings)
        self._stop = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._engine.run(self._stop))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await self._task

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str, timeout: float = 60) -> None:
        """Wait for an async ``condition``; what ends the engine ends the waiting."""

        async def reached() -> bool:
            if self._task.done():
                self._task.result()
            return await condition()

        _: bool = await until(reached, timeout=timeout, what=what)
