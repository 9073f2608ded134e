"""How long a partition's new owner needs: the whole changelog, or the tail that its standby copy lacks."""

import asyncio
import random
import shutil
import time
from pathlib import Path

from aiokafka import AIOKafkaProducer

from bench.figures import Figure, Goal, WrongAnswerError
from bench.plan import Plan
from bench.system import Kafka, kafka
from bus.cluster import connection
from bus.engine.changelog import restore
from bus.engine.names import Names
from bus.engine.progress import Progress
from bus.engine.standby import Standby
from bus.engine.store import Store
from bus.engine.value import Head, pack
from bus.logs import configure
from bus.setting_groups import LogSettings
from bus.settings import Settings

_STAGE = "router.citizen"
_PARTITIONS = 8
_STATES = 1_000_000
_TAIL = 10_000
_GROWN = 2_000_000
_BYTES = 187
"""Of a state, so that key, envelope and state make about 225."""
_WRITTEN_AT_ONCE = 5_000
_LOOK_SECONDS = 0.05


class _Bytes:
    """A stage's states as they are."""

    state_version = 1

    def dump(self, state: bytes) -> bytes:
        return state

    def load(self, data: bytes, version: int) -> bytes:
        return data

    def wake(self, state: bytes) -> int | None:
        return None


def run(plan: Plan) -> list[Figure]:
    """Restores and takeovers from a real changelog, and the room that many states take."""
    configure(LogSettings(level="warning"))
    plan.tell("Starting Kafka")
    with kafka() as broker:
        return [*asyncio.run(_measure(plan, broker)), _grown(plan, broker.folder / "grown")]


async def _measure(plan: Plan, broker: Kafka) -> list[Figure]:
    states, tail = plan.count(_STATES), plan.count(_TAIL)
    rates, whole, warm = [], [], []
    async with broker.system("restore") as system:
        settings, names = system.settings, Names(system.settings, _STAGE, ())
        plan.tell(f"Writing {states:,} states")
        await _fill(settings, range(states))
        for _ in plan.each_run("Restoring, then taking over from a standby copy"):
            whole.append(await _restored(settings, names, states))
            rates.append(states / whole[-1])
            await _copy(settings, names)
            await _fill(settings, range(tail))
            warm.append(await _restored(settings, names, states))
            shutil.rmtree(names.store_path(0).parent)
    what = f"{states:,} states of 8 partitions"
    return [
        Figure("restore.values", f"{what} restored", "values/s", tuple(rates), Goal(at_least=200_000)),
        Figure("restore.seconds", f"{what} restored", "s", tuple(whole)),
        Figure("restore.takeover", f"{what} taken over from a standby copy", "s", tuple(warm), Goal(below=5)),
    ]


async def _copy(settings: Settings, names: Names) -> None:
    """Have standby copies of everything, as a member has that followed since it started."""
    shutil.rmtree(names.store_path(0).parent)
    standby = Standby(settings, names, _store)
    standby.follow(range(_PARTITIONS))
    while len(standby.lags()) < _PARTITIONS or any(standby.lags().values()):  # noqa: ASYNC110 - no event
        await asyncio.sleep(_LOOK_SECONDS)
    await standby.stop()


async def _fill(settings: Settings, numbers: range) -> None:
    """Write a state for each number, spread over the partitions."""
    producer = AIOKafkaProducer(**connection(settings, "bench"), max_batch_size=512 * 1024, linger_ms=5)
    chance = random.Random(1)
    topic, batches = (
        settings.topic(f"{_STAGE}.changelog"),
        [producer.create_batch() for _ in range(_PARTITIONS)],
    )
    await producer.start()
    for number in numbers:
        place, value = number % _PARTITIONS, pack(Head(1), chance.randbytes(_BYTES))
        if batches[place].append(key=_key(number), value=value, timestamp=None) is None:
            await producer.send_batch(batches[place], topic, partition=place)
            batches[place] = producer.create_batch()
            batches[place].append(key=_key(number), value=value, timestamp=None)
    for place, batch in enumerate(batches):
        await producer.send_batch(batch, topic, partition=place)
    await producer.stop()


async def _restored(settings: Settings, names: Names, states: int) -> float:
    """Seconds until all partitions are up to date."""
    stores = [_store(names.store_path(number)) for number in range(_PARTITIONS)]
    began = time.perf_counter()
    await asyncio.gather(
        *(
            restore(settings, names.changelog, number, store, Progress(_STAGE, number))
            for number, store in enumerate(stores)
        )
    )
    took = time.perf_counter() - began
    chance = random.Random(2)
    for number in chance.sample(range(states), min(states, 1000)):
        if stores[number % _PARTITIONS].get(_key(number)) is None:
            raise WrongAnswerError(f"state {number} is missing")
    for store in stores:
        store.close()
    return took


def _grown(plan: Plan, folder: Path) -> Figure:
    """The room that one partition's local store takes."""
    states, chance, sizes = plan.count(_GROWN), random.Random(3), []
    for number in plan.each_run(f"Writing {states:,} states to a local store"):
        store = _store(folder / str(number))
        store.open(states)
        for first in range(0, states, _WRITTEN_AT_ONCE):
            keys = range(first, min(states, first + _WRITTEN_AT_ONCE))
            store.apply([(_key(key), pack(Head(1), chance.randbytes(_BYTES))) for key in keys], first)
        store.close()
        sizes.append(sum(file.stat().st_size for file in (folder / str(number)).iterdir()) / 1e6)
        shutil.rmtree(folder / str(number))
    return Figure("restore.disk", f"local store of {states:,} states of 225 bytes", "MB", tuple(sizes))


def _store(folder: Path) -> Store[bytes]:
    return Store(folder, _Bytes(), hot_limit=1000)


def _key(number: int) -> bytes:
    return b"1.N%021d" % number
