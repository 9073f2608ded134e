"""What must hold in the end, whatever was done: compared with a pure replay of the input."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from bus.cluster import connection
from bus.engine.names import Names
from bus.engine.store import Store
from bus.engine.value import POSITIONS
from bus.reader import Record
from bus.settings import Settings
from bus.topics import partition_counts
from schemas.codec import Codec
from tests.bus.engine.harness import Outputs, assert_exactly_once, read, replay
from tests.bus.engine.ledger import INPUT, NAME, OUTPUT, Account, Ledger
from tests.faults.witness import Seen

Topic = dict[int, list[Seen]]


def by_partition(records: Iterable[Record]) -> Topic:
    found: Topic = {}
    for record in records:
        seen = Seen(record.offset, (record.key or b"").decode(), (record.value or b"").decode())
        found.setdefault(record.partition, []).append(seen)
    return found


def outputs_of(fed: Topic) -> Outputs:
    """What must come of acknowledged inputs."""
    records = [
        Record(INPUT, partition, each.offset, 0, each.key.encode(), each.value.encode(), ())
        for partition, there in fed.items()
        for each in there
    ]
    return replay(records)[1]


async def assert_sound(settings: Settings, fed: Topic, seen: Topic, folders: Iterable[Path]) -> None:
    """``fed`` are the acknowledged inputs, ``seen`` what a reader saw meanwhile, ``folders`` hold states."""
    inputs = await read(settings, INPUT)
    assert by_partition(inputs) == fed, "an acknowledged input is not there, or one that was not sent is"
    await assert_exactly_once(settings)
    final = by_partition(await read(settings, OUTPUT))
    for partition, there in final.items():
        assert seen[partition] == there, f"a reader saw what is not there at the end: partition {partition}"
    await assert_dead_letters(settings, inputs)
    await assert_positions_only_grow(settings)
    for folder in folders:
        assert_local_state(settings, inputs, folder)


async def assert_dead_letters(settings: Settings, inputs: list[Record]) -> None:
    """Each message that cannot be read lies there once, and no other."""
    codec = Codec()
    letters = [codec.decode(letter.value or b"").value for letter in await read(settings, f"{INPUT}.dlq")]
    found = sorted((letter["partition"], letter["offset"]) for letter in letters)
    wanted = sorted((each.partition, each.offset) for each in inputs if each.value == b"poison")
    assert found == wanted, f"dead letters: {len(found)} of {len(wanted)}"


async def assert_positions_only_grow(settings: Settings) -> None:
    """Each transaction begins where the one before it ended: the positions in the changelog show it."""
    reached: dict[int, int] = {}
    for record in await read(settings, f"{NAME}.changelog"):
        if record.key == POSITIONS:
            position = msgspec.msgpack.decode(record.value or b"", type=dict[str, int])[INPUT]
            assert position > reached.get(record.partition, -1), f"partition {record.partition} went back"
            reached[record.partition] = position


def assert_local_state(settings: Settings, inputs: list[Record], folder: Path) -> None:
    """What a worker left on its disk is the replay of the inputs up to where it says it stands."""
    names = Names(settings.model_copy(update={"data_dir": folder}), NAME, (INPUT,))
    for partition in {record.partition for record in inputs}:
        path = names.store_path(partition)
        if not path.exists():
            continue
        store: Store[Account] = Store(path, Ledger(), hot_limit=1)
        if not store.open(end_offset=2**62).discarded:
            position = (store.positions() or {}).get(INPUT, 0)
            before = [each for each in inputs if each.partition == partition and each.offset < position]
            states = {key.decode(): Ledger().load(value) for key, value in store.items()}
            assert states == replay(before)[0], f"{path}: not the state of its first {position} inputs"
        store.close()


async def aborted(settings: Settings, outputs: int) -> int:
    """How many outputs lie in the topic that were never committed; ``outputs`` were."""
    name = settings.topic(OUTPUT)
    numbers = range((await partition_counts(settings, [name]))[name])
    places = [TopicPartition(name, number) for number in numbers]
    consumer = AIOKafkaConsumer(**connection(settings, "aborted"), enable_auto_commit=False)
    try:
        await consumer.start()
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends, count = await consumer.end_offsets(places), 0
        while [place for place in places if await consumer.position(place) < ends[place]]:
            count += sum(len(found) for found in (await consumer.getmany(timeout_ms=200)).values())
    finally:
        await consumer.stop()
    return count - outputs
