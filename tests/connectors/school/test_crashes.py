"""Where a stop can hit: nothing is lost, and what is written twice has the same event ids."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.errors import BusUnavailableError
from connectors.kit.drop import DropUnavailableError
from connectors.school.testing import SetWriter, category, drop_zip, enrollment, line_item, user
from schemas.errors import FatalError
from tests.connectors.school.live import FACTS, Live, stopped
from tests.connectors.school.rig import PSEUDONYMS, SYSTEM, Rig
from tests.waiting import until


def roster(count: int, day: str = "2099-05-20") -> SetWriter:
    made = SetWriter()
    made.add("users", *(user(f"p{n}", "student", ("Ola", "Nordmann"), "s1") for n in range(count)))
    made.add("enrollments", *(enrollment(f"p{n}", "4b", "s1") for n in range(count)))
    made.add("categories", category("c1", "Eksamen"))
    made.add("lineItems", line_item("e1", "Norsk", "4b", "c1", day))
    return made


def begun(live: Live, before: int) -> Callable[[], Any]:
    async def more_facts() -> bool:
        return len(await live.read(*FACTS)) > before

    return more_facts


def event_ids(rig: Rig) -> list[str]:
    return [fact.value["meta"]["event_id"] for fact in rig.bus.facts]


@pytest.mark.parametrize("records", range(7))
async def test_kafka_goes_away_after_some_records(rig: Rig, records):
    """Two pupils give six facts and an outcome; the bus fails after each of them."""
    roster(2).drop_zip(rig.inbox, "a.zip")
    rig.bus.fail_after = records
    with pytest.raises(BusUnavailableError):
        await rig.work()
    rig.bus.fail_after = None
    rig.restart()
    await rig.work()
    assert len(set(event_ids(rig))) == 6
    assert rig.outcomes == [("PUBLISHED", "")]
    assert rig.lying_in("archive") == ["a.zip"]


async def test_the_disk_is_full_after_publishing(rig: Rig):
    """The state cannot be kept: the set is taken up again, recognised by the bus, and accepted."""
    name = PSEUDONYMS.digest(SYSTEM.encode())[:16]
    in_the_way = rig.path / "data" / f".accepted-{name}.json.part"
    in_the_way.mkdir(parents=True)
    roster(2).drop_zip(rig.inbox, "a.zip")
    with pytest.raises(DropUnavailableError, match="Cannot keep the accepted set"):
        await rig.work()
    in_the_way.rmdir()
    rig.restart()
    assert await rig.work() == []
    assert rig.outcomes == [("PUBLISHED", ""), ("IGNORED", "duplicate")]
    roster(2, day="2099-05-21").drop_zip(rig.inbox, "b.zip")
    moved = await rig.work()
    assert {fact.value["meta"]["supersedes"] for fact in moved} <= set(event_ids(rig)[:6])
    assert len(moved) == 2


async def test_the_archive_is_away_after_the_state_was_kept(rig: Rig):
    roster(2).drop_zip(rig.inbox, "a.zip")
    archive = rig.path / "drop" / "archive"
    archive.rmdir()
    archive.write_bytes(b"in the way of the folder")
    with pytest.raises(DropUnavailableError, match="Cannot archive an input"):
        await rig.work()
    archive.unlink()
    rig.restart()
    assert await rig.work() == []
    assert rig.outcomes == [("PUBLISHED", "")], "an accepted set needs archiving only"
    assert rig.lying_in("archive") == ["a.zip"]


async def test_a_lost_data_folder_gives_the_same_event_ids_again(rig: Rig):
    roster(2).drop_zip(rig.inbox, "a.zip")
    await rig.work()
    shutil.rmtree(rig.path / "data")
    roster(2).drop_zip(rig.inbox, "b.zip")
    assert len(await rig.work()) == 6
    assert len(set(event_ids(rig))) == 6


async def test_a_damaged_state_stops_the_connector_with_the_fix(rig: Rig):
    roster(2).drop_zip(rig.inbox, "a.zip")
    await rig.work()
    (state,) = (rig.path / "data").glob("*.json")
    state.write_bytes(state.read_bytes()[:-10])
    roster(3).drop_zip(rig.inbox, "b.zip")
    with pytest.raises(FatalError) as stopped_by:
        await rig.work()
    assert "backup" in stopped_by.value.fix


async def test_a_process_killed_again_and_again_loses_and_doubles_nothing(
    broker: str, topic_prefix: str, tmp_path: Path
):
    """Five sets, each adding pupils, and a kill in the middle of each."""
    live = Live(broker, topic_prefix, tmp_path)
    await live.topics()
    count, step = 5, 40
    for number in range(1, count + 1):
        drop_zip(roster(number * step).files(), live.inbox, f"{number}.zip")
        with live.running() as process:
            before = len(await live.read(*FACTS))

            await until(begun(live, before), timeout=40, what="the first facts of the set")
            await stopped(process)
    with live.running():
        await until(lambda: live.settled(count), timeout=40, what="all sets in the archive")
    facts = [decoded.value["meta"]["event_id"] for _, decoded in await live.read(*FACTS)]
    # Each pupil is registered, enrolled and has one exam, once.
    assert len(set(facts)) == 3 * count * step
    outcomes = await live.outcomes()
    assert Counter(each["outcome"] for each in outcomes)["PUBLISHED"] == count
    assert {each["reason"] for each in outcomes} <= {"", "duplicate"}
    listed = [event for each in outcomes for event in each["events"]]
    assert sorted(listed) == sorted(set(facts))
    for secret in (b"Nordmann", b"p39", b"Traceback"):
        assert secret not in live.log.read_bytes()


async def test_the_first_set_of_a_large_municipality_goes_through(
    broker: str, topic_prefix: str, tmp_path: Path
):
    """12,000 pupils give 36,000 facts, whose ids fill 1.3 MB of the one outcome."""
    live = Live(broker, topic_prefix, tmp_path)
    await live.topics()
    drop_zip(roster(12_000).files(), live.inbox, "first.zip")
    with live.running():
        await until(lambda: live.settled(1), timeout=90, what="the set in the archive")
    (outcome,) = await live.outcomes()
    assert (outcome["outcome"], len(set(outcome["events"]))) == ("PUBLISHED", 36_000)
