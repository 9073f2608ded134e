"""Workers as processes, topics of their own, and what must hold after whatever was done to them."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import psutil

from bus.engine.value import body_of, fold
from bus.producer import Producer
from bus.reader import Record, read_to_end
from bus.settings import Settings, load_settings
from bus.topics import Wanted, apply
from tests.bus.engine.ledger import INPUT, NAME, OUTPUT, Account, Ledger
from tests.waiting import until

PARTITIONS = 4
WORKER = Path(__file__).with_name("ledger.py")
REPOSITORY = Path(__file__).resolve().parents[3]
Outputs = dict[int, list[tuple[str, str]]]
"""Key and value of each output, by partition, in order. A partition's outputs are its inputs' alone."""


def settings_for(broker: str, prefix: str, data_dir: Path, **engine: object) -> Settings:
    return load_settings(
        bootstrap_servers=broker,
        data_dir=data_dir,
        kafka={"topic_prefix": prefix, "session_timeout_seconds": 6},
        engine={"max_batch_records": 300, "transaction_timeout_seconds": 10, **engine},
    )


async def make_topics(settings: Settings, partitions: int = PARTITIONS) -> None:
    policies = {INPUT: "delete", OUTPUT: "delete", f"{INPUT}.dlq": "delete", f"{NAME}.changelog": "compact"}
    policies[f"{NAME}.order"] = "delete"  # written where the stage has more inputs than one
    await apply(
        settings,
        [
            Wanted(settings.topic(name), partitions, {"cleanup.policy": policy})
            for name, policy in policies.items()
        ],
    )


async def send(settings: Settings, records: Iterable[tuple[str, str]]) -> None:
    async with Producer(settings) as producer:
        sent = [await producer.send(INPUT, key=key.encode(), value=value.encode()) for key, value in records]
        await asyncio.gather(*sent)


def numbered(count: int, keys: int = 40) -> list[tuple[str, str]]:
    return [(f"key-{number % keys}", str(number)) for number in range(count)]


async def read(settings: Settings, topic: str) -> list[Record]:
    return [record async for record in read_to_end(settings, topic)]


async def count_outputs(settings: Settings) -> int:
    return len(await read(settings, OUTPUT))


async def outputs_reach(settings: Settings, count: int, timeout: float = 60.0) -> None:
    async def reached() -> bool:
        return await count_outputs(settings) >= count

    _: bool = await until(reached, timeout=timeout, what=f"{count} outputs")


def replay(records: Iterable[Record]) -> tuple[dict[str, Account], Outputs]:
    """States by key and outputs by partition, in order, by the pure stage alone."""
    stage = Ledger()
    states: dict[str, Account] = {}
    outputs: Outputs = {}
    for record in records:
        assert record.key is not None
        assert record.value is not None
        key = record.key.decode()
        if record.value == b"poison":
            continue
        state, made = stage.step(key, states.get(key), record.value.decode())
        if state is None:
            states.pop(key, None)
        else:
            states[key] = state
        said = [(key, (output.value or b"").decode()) for output in made]
        outputs.setdefault(record.partition, []).extend(said)
    return states, outputs


async def changelog_states(settings: Settings) -> dict[str, Account]:
    records = await read(settings, f"{NAME}.changelog")
    states = fold((record.key or b"", record.value) for record in records)
    return {key.decode(): Ledger().load(body_of(value)) for key, value in states.items()}


def differences(expected: Outputs, found: Outputs) -> list[str]:
    """A line for each partition that is not as expected: what is missing, what is too often there, where."""
    lines = []
    for partition in sorted(expected.keys() | found.keys()):
        wanted, there = expected.get(partition, []), found.get(partition, [])
        if wanted == there:
            continue
        at = next((n for n, (a, b) in enumerate(zip(wanted, there, strict=False)) if a != b), len(there))
        missing, extra = Counter(wanted) - Counter(there), Counter(there) - Counter(wanted)
        lines.append(
            f"partition {partition}: {missing.total()} missing, {extra.total()} too many, of {len(wanted)}; "
            f"other from record {at} on: {wanted[at : at + 2]} became {there[at : at + 2]}"
        )
    return lines


async def assert_exactly_once(settings: Settings) -> None:
    """Outputs and changelog are what a pure replay of the input gives: nothing missing, twice or moved."""
    states, outputs = replay(await read(settings, INPUT))
    found: Outputs = {}
    for record in await read(settings, OUTPUT):
        assert record.key is not None
        assert record.value is not None
        found.setdefault(record.partition, []).append((record.key.decode(), record.value.decode()))
    wrong = differences(outputs, found)
    assert not wrong, "\n".join(wrong)
    assert await changelog_states(settings) == states, "the changelog is not the replay of the input"


class Worker:
    """A worker process and its log."""

    program = WORKER

    def __init__(self, settings: Settings, log: Path, *arguments: str, within: Sequence[str] = ()) -> None:
        """``within`` is a command that ends by running the one that follows it, in the same process."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SAMBAND_")}
        environment |= {
            "PYTHONPATH": str(REPOSITORY),
            "SAMBAND_BOOTSTRAP_SERVERS": str(settings.bootstrap_servers),
            "SAMBAND_DATA_DIR": str(settings.data_dir),
            "SAMBAND_KAFKA__TOPIC_PREFIX": settings.kafka.topic_prefix,
            "SAMBAND_KAFKA__SESSION_TIMEOUT_SECONDS": str(settings.kafka.session_timeout_seconds),
            "SAMBAND_LOG__FORMAT": "json",
        }
        for name, value in settings.engine.model_dump(exclude_defaults=True).items():
            environment[f"SAMBAND_ENGINE__{name.upper()}"] = str(value)
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*within, sys.executable, str(self.program), *arguments],
                env=environment,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        """End in order; the exit code."""
        self.process.terminate()
        return self.process.wait(timeout=20)

    def ready(self, partitions: int = 1) -> bool:
        """So many partitions have been taken over."""
        assert self.process.poll() is None, self.log.read_text()
        return self.log.read_text().count("engine_restored") >= partitions

    def stopped(self) -> bool:
        """It was stopped by SIGSTOP and waits."""
        return psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED


@contextlib.contextmanager
def workers() -> Iterator[list[Worker]]:
    """A list for workers; whatever is still alive at the end is killed."""
    started: list[Worker] = []
    try:
        yield started
    finally:
        for worker in started:
            if worker.process.poll() is None:
                worker.signal(signal.SIGCONT)
                worker.kill()
