"""Sets that would end too much are held until a person decides; the order of sets is kept."""

import pytest

from connectors.school.difference import is_mass_deletion
from connectors.school.testing import SetWriter, enrollment
from tests.connectors.school.rig import Rig


def enrolled(*pupils: int, mode="bulk", **columns: str) -> SetWriter:
    rows = [enrollment(f"p{number}", "4b", "s1", **columns) for number in pupils]
    return SetWriter(mode=mode).add("enrollments", *rows)


async def accept(rig: Rig, *pupils: int) -> None:
    enrolled(*pupils).drop_zip(rig.inbox, "first.zip")
    assert len(await rig.work()) == len(pupils)


@pytest.mark.parametrize(
    ("ended", "active", "held"),
    [
        (20, 100, False),
        (21, 100, True),
        (9, 10, False),
        (10, 10, True),
        (10, 50, False),
        (11, 50, True),
        (0, 0, False),
    ],
)
def test_the_threshold(ended, active, held):
    """More than 20 %, and at least 10 rows."""
    assert is_mass_deletion(ended, active, percent=20, at_least=10) is held


@pytest.mark.parametrize("mode", ["bulk", "delta"])
async def test_a_set_that_ends_too_many_is_held_and_released(rig: Rig, mode):
    await accept(rig, *range(50))
    if mode == "bulk":
        enrolled(*range(30)).drop_zip(rig.inbox, "short.zip")
    else:
        enrolled(*range(30, 50), mode="delta", status="tobedeleted").drop_zip(rig.inbox, "short.zip")
    assert await rig.work() == []
    assert rig.lying_in("held") == ["short.zip"]
    assert "20 of 50 active enrolments" in rig.reports("held")
    assert len(rig.outcomes) == 1, "a held set has no outcome until a person decides"
    rig.restart()
    assert await rig.work() == []
    rig.drop.ask_release()
    facts = await rig.work()
    assert len(facts) == 20
    assert {fact.value["status"]["mapped"] for fact in facts} == {"ENDED"}
    assert rig.outcomes == [("PUBLISHED", ""), ("PUBLISHED", "")]
    assert rig.lying_in("held") == []
    assert rig.lying_in("archive") == ["first.zip", "short.zip"]


async def test_a_right_set_takes_the_place_of_a_held_one(rig: Rig):
    await accept(rig, *range(50))
    enrolled(*range(5)).drop_zip(rig.inbox, "short.zip")
    await rig.work()
    enrolled(*range(51)).drop_zip(rig.inbox, "right.zip")
    assert len(await rig.work()) == 1
    assert rig.outcomes[1:] == [("PUBLISHED", ""), ("IGNORED", "superseded")]
    assert rig.lying_in("held") == []


async def test_a_delta_waits_behind_a_held_set_and_follows_it(rig: Rig):
    await accept(rig, *range(50))
    enrolled(*range(5)).drop_zip(rig.inbox, "short.zip")
    await rig.work()
    enrolled(60, mode="delta", status="active").drop_zip(rig.inbox, "delta.zip")
    assert await rig.work() == []
    assert rig.lying_in("held") == ["delta.zip", "short.zip"]
    first = rig.drop.held()[0]
    rig.drop.ask_release(first.label)
    facts = await rig.work()
    assert [fact.value["status"]["mapped"] for fact in facts] == ["ENDED"] * 45 + ["ACTIVE"]
    assert rig.lying_in("held") == []


async def test_releasing_a_delta_before_the_set_it_builds_on_holds_it_again(rig: Rig):
    await accept(rig, *range(50))
    enrolled(*range(5)).drop_zip(rig.inbox, "short.zip")
    await rig.work()
    enrolled(60, mode="delta", status="active").drop_zip(rig.inbox, "delta.zip")
    await rig.work()
    rig.drop.ask_release(rig.drop.held()[1].label)
    assert await rig.work() == []
    assert rig.lying_in("held") == ["delta.zip", "short.zip"]
    assert "an older set is held" in rig.reports("held")
