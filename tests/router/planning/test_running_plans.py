"""A proposal comes out of the router in its engine, and a replay of it all is equal to the byte."""

from collections import Counter

from bus.producer import Producer
from bus.reader import read_to_end
from bus.settings import load_settings
from bus.topics import apply
from router.rules import load_rules
from samband.replaying import differences, replay
from tests.router.building import CODEC
from tests.router.planning.test_proposals import NEURO, NOON_BEFORE, REGISTER, hamar, shelves, week
from tests.router.planning.village import MINUTE, Village
from tests.router.slots import offered as offer
from tests.router.slots import slot, withdrawn
from tests.router.test_running import publish, running
from tests.waiting import until

AGENCY = "hospital.innlandet"


async def told(settings, minute):
    """Ticks to all partitions: there are more keys than it takes."""
    tick = CODEC.encode("Tick", {"minute": minute})
    async with Producer(settings) as producer:
        for key in range(100):
            await producer.send("router.citizen.ticks", key=str(key).encode(), value=tick)


async def read(settings, topic, record):
    records = [CODEC.decode(each.value or b"") async for each in read_to_end(settings, topic)]
    return [dict(each.value) for each in records if each.record == record]


async def waited(condition, what):
    await until(condition, timeout=60, what=what)


def router_settings(broker, topic_prefix, folder):
    """A router that plans for `AGENCY`, is told the time by the test, and keeps its state in ``folder``."""
    return load_settings(
        bootstrap_servers=broker,
        data_dir=folder,
        kafka={"topic_prefix": topic_prefix, "session_timeout_seconds": 6},
        router={"institutions": REGISTER, "inboxes": (AGENCY,)},
        engine={"write_ticks": False},
    )


async def test_slots_findings_and_a_tick_make_a_proposal_across_a_restart(broker, topic_prefix, tmp_path):
    settings = router_settings(broker, topic_prefix, tmp_path / "first")
    await apply(settings)
    too_long = offer([slot("x1", "2026-03-10 09:00", "2026-03-12 09:00")], where=hamar("WEST"), service=NEURO)

    async def refused():
        return [value["reason"] for value in await read(settings, "refusals", "Refusal")] == ["slot.too_long"]

    async def entries():
        return len(await read(settings, "timeline", "TimelineEntry")) == len(week())

    async def statuses():
        return [value["status"] for value in await read(settings, "coordination", "Proposal")]

    async with running(settings):
        await publish(settings, [*shelves(), *week(), too_long])
        await waited(refused, "the slot that is too long to be refused")
        await waited(entries, "all facts to be taken")
        await told(settings, NOON_BEFORE)

        async def proposed():
            return await statuses() == ["OPEN"]

        await waited(proposed, "a proposal")
    (proposal,) = await read(settings, "coordination", "Proposal")
    alone = Village(load_rules(institutions=REGISTER, inboxes=[AGENCY])).hear(*shelves(), *week())
    assert proposal == alone.tick(NOON_BEFORE).proposals()[0]

    elsewhere = router_settings(
        broker, topic_prefix, tmp_path / "second"
    )  # the states come from the changelog alone
    gone = withdrawn("n1", where=hamar("WEST"), service=NEURO, recorded="2026-03-01 09:00")
    async with running(elsewhere):
        await publish(elsewhere, [gone])

        async def taken_back():
            return await statuses() == ["OPEN", "WITHDRAWN"]

        await waited(taken_back, "the proposal to be withdrawn")
        await told(elsewhere, NOON_BEFORE + MINUTE)

        async def another():
            return await statuses() == ["OPEN", "WITHDRAWN", "OPEN"]

        await waited(another, "another proposal")

    again = f"{topic_prefix}again."
    await replay(elsewhere, again, lambda *_: None, replace=False, incomplete=False)
    compared = [each async for each in differences(elsewhere, again)]
    assert [each.topic for each in compared if each.different] == []
    equal = Counter[str]()
    for each in compared:
        equal[each.topic] += each.equal
    assert equal["refusals"] == 1
    assert equal["coordination"] >= 3
    # Twice three shelves are asked and answer, two of them are watched; and one slot is lost.
    assert equal["router.moves"] == 2 * (3 + 3 + 2) + 1
