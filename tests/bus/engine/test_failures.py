"""What a failing stage does to one partition: who is parked, who goes on, and when the worker stops."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.engine.breaker import Breaker
from bus.errors import StageError
from schemas.errors import FatalError
from tests.bus.engine.diary import INPUT, NAME, OUTPUT, Diary, Pages
from tests.bus.engine.partition import CODEC, Partition, record


@pytest.fixture
async def partition(tmp_path: Path) -> AsyncIterator[Partition]:
    partition = Partition(tmp_path, breaker=Breaker(3, 0.5))
    await partition.start(mended=False)
    yield partition
    partition.close()


def letters(*said: str, first: int = 0) -> list[tuple[bytes, bytes]]:
    """``key:text`` each."""
    return [(key.encode(), text.encode()) for key, _, text in (each.partition(":") for each in said)]


async def process(partition: Partition, *said: str, first: int = 0) -> None:
    await partition.process(
        [record(INPUT, first + n, key, value) for n, (key, value) in enumerate(letters(*said))]
    )


def replies(partition: Partition) -> list[tuple[bytes, bytes | None]]:
    return partition.sent(OUTPUT)


def statuses(partition: Partition) -> list[tuple[bytes, int, int]]:
    found = [(key, CODEC.decode(value).value) for key, value in partition.sent(f"{NAME}.parked") if value]
    return [(key, status["offset"], status["waiting"]) for key, status in found]


async def test_a_key_that_fails_waits_and_the_others_go_on(partition: Partition) -> None:
    await process(partition, "a:one", "a:bug 1", "b:two", "a:three")
    assert replies(partition) == [(b"a", b"one:1"), (b"b", b"two:1")]
    assert statuses(partition) == [(b"a", 1, 1), (b"a", 1, 2)]
    assert partition.processor.parked() == (1, 2)
    happened = partition.processor.committed()
    assert [(failure.topic, failure.offset, failure.error) for failure in happened.parked] == [
        (INPUT, 1, "ZeroDivisionError")
    ]


async def test_an_unexpected_error_in_decoding_parks_too_and_a_poison_error_does_not(
    partition: Partition,
) -> None:
    await process(partition, "a:bug in decode", "b:poison", "b:two")
    assert replies(partition) == [(b"b", b"two:1")]
    assert statuses(partition) == [(b"a", 0, 1)]
    assert [key for key, _ in partition.sent(f"{INPUT}.dlq")] == [b"b"]


async def test_a_key_that_is_not_text_is_a_dead_letter_whatever_the_stage_does(partition: Partition) -> None:
    await partition.process([record(INPUT, 0, b"\xff\xfe", b"hello"), record(INPUT, 1, None, b"hello")])
    reasons = [CODEC.decode(value or b"").value["reason"] for _, value in partition.sent(f"{INPUT}.dlq")]
    assert reasons == ["key.invalid", "key.missing"]
    assert partition.processor.parked() == (0, 0)


async def test_an_error_that_says_stop_stops(partition: Partition, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(*_: object) -> None:
        raise FatalError("going on would do harm")

    monkeypatch.setattr(partition.stage, "step", step)
    await partition.processor.use(partition.memory)  # type: ignore[arg-type]  # stands in for a producer
    with pytest.raises(StageError, match="FatalError"):
        await process(partition, "a:one")


async def test_a_state_that_cannot_be_loaded_stops_the_worker_and_parks_nobody(
    partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a state is in memory or has to be loaded must not decide what becomes of a record."""
    await process(partition, "a:one", "b:one", "c:one", "d:one")
    partition.commit()
    await partition.start(mended=False, fresh_folder=False)

    def load(*_: object) -> Pages:
        raise ValueError("unreadable")

    monkeypatch.setattr(partition.stage, "load", load)
    with pytest.raises(StageError, match="ValueError"):
        await process(partition, "a:two", first=4)


async def test_a_stage_that_does_not_park_stops_at_the_first_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Diary, "parks", False)
    partition = Partition(tmp_path)
    await partition.start(mended=False)
    with pytest.raises(StageError, match=f"failed with ZeroDivisionError at {INPUT}/0, offset 1"):
        await process(partition, "a:one", "a:bug 1")
    partition.close()


async def test_the_breaker_stops_the_worker_and_parks_nobody_of_the_transaction(partition: Partition) -> None:
    await process(partition, "a:one", "b:bug 1")
    partition.commit()
    with pytest.raises(StageError, match="failed on 3 keys within 6 records, at last with ZeroDivisionError"):
        await process(partition, "c:bug 1", "d:bug 1", "e:one", first=2)
    await partition.start(mended=True, fresh_folder=False)
    assert partition.processor.parked() == (1, 1)
    await process(partition, "c:bug 1", "d:bug 1", "e:one", first=2)
    assert replies(partition)[1:] == [(b"c", b"bug 1:1"), (b"d", b"bug 1:1"), (b"e", b"one:1")]


async def test_a_restart_with_the_same_fault_parks_no_further_keys(partition: Partition) -> None:
    await process(partition, "a:one", "b:bug 1", "c:bug 1")
    partition.commit()
    for _ in range(3):
        await partition.start(mended=False)
        with pytest.raises(StageError):
            await process(partition, "d:bug 1", first=3)
    await partition.start(mended=False)
    assert partition.processor.parked() == (2, 2)


async def test_records_that_wait_and_poison_do_not_feed_the_breaker(partition: Partition) -> None:
    await process(partition, "a:bug 1", "b:bug 1", *["a:bug 1", "b:bug 1", "c:poison", "d:poison"] * 20)
    assert partition.processor.parked() == (2, 42)


def trips_at(failing: list[bool], slices: list[int]) -> int | None:
    """After which record the breaker trips, however the records are cut into slices."""
    breaker = Breaker(3, 0.25)
    at = 0
    sizes = iter([*slices, len(failing)])
    while at < len(failing):
        piece = failing[at : at + next(sizes)]
        breaker.tried += len(piece)
        for number, fails in enumerate(piece):
            if fails and breaker.failed(breaker.tried - len(piece) + 1 + number):
                return at + number
        at += len(piece)
    return None


@given(st.lists(st.booleans(), max_size=60), st.lists(st.integers(1, 9), max_size=20))
def test_the_breaker_counts_the_same_whatever_the_batches_are(failing: list[bool], slices: list[int]) -> None:
    expected = next(
        (n for n, fails in enumerate(failing) if fails and sum(failing[max(0, n - 11) : n + 1]) >= 3), None
    )
    assert trips_at(failing, slices) == trips_at(failing, [len(failing) or 1]) == expected
