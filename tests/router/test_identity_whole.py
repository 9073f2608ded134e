"""After links, merges and un-merges each citizen has what one would who had never been taken for another.

The oracle of identity says whose each fact is (``identity_oracle.py``). Each citizen's facts are then told
again, in order, to a router that knows one key and nothing else: timeline with its order, cases and findings
of every kind must be the same.
"""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from router.rules import load_rules
from tests.router.building import (
    HOSPITAL,
    SCHOOL,
    appointment,
    at,
    exam,
    fact,
    id_of,
    identifier,
    linked,
    merged,
    place,
    retracted,
    step_done,
    unlinked,
)
from tests.router.identity_oracle import Oracle
from tests.router.test_identity import is_national, kind_of
from tests.router.world import World

RULES = load_rules(institutions=Path(__file__).with_name("register.yaml"))
KEYS = ("N1", "N2", "D1", "L1", "L2")
PLACES = ("hospital", "clinic", "dentist", "school", "physio")
OCCURRED = (None, None, "2026-02-27 12:00", "0202-03-01 08:00", "2031-01-01 00:00")
"""Two that cannot be: such a fact is placed where it was recorded."""
KINDS = ("appointment",) * 4 + ("step", "exam", "linked", "merged", "unlinked", "retract")


@st.composite
def histories(draw):
    """Facts that collide: few days, few places, a dentist who is closed on Fridays."""
    events = []
    for number in range(draw(st.integers(2, 12))):
        key, other = draw(st.sampled_from(KEYS)), draw(st.sampled_from(KEYS))
        more = {
            "national": is_national(key),
            "recorded": at("2026-03-01 08:00") + draw(st.integers(0, 4)) * 1_000_000,
            "source": draw(st.sampled_from((HOSPITAL, SCHOOL))),
            "id": f"00000000-0000-5000-8000-{number:012d}",
        }
        listed = draw(st.sampled_from((None, None, "L1", "L2")))
        if listed not in (None, key):
            more["also"] = (identifier(listed),)
        kind = draw(st.sampled_from(KINDS))
        if kind == "appointment":
            day, hour = draw(st.integers(4, 6)), draw(st.integers(8, 12))
            where = place(draw(st.sampled_from(PLACES)))
            times = f"2026-03-{day:02} {hour:02}:00", f"2026-03-{day:02} {hour:02}:45"
            more["occurred"] = draw(st.sampled_from(OCCURRED))
            events.append(appointment(key, f"a{number}", *times, where=where, **more))
        elif kind == "step":
            events.append(step_done(key, f"case-{number % 2}", f"STEP{number}", **more))
        elif kind == "exam":
            del more["source"]
            events.append(exam(key, f"x{number}", "2026-03-05 09:00", "2026-03-05 11:00", **more))
        elif kind == "retract" and events:
            target = draw(st.sampled_from(events))
            if target.record != "FactRetracted":
                more.update(national=is_national(target.key), also=())
                events.append(retracted(target.key, target.record, target, **more))
        elif key != other and kind in ("linked", "merged", "unlinked"):
            national = is_national(other)
            if kind == "merged":
                events.append(merged(key, other, retired_national=national, **more))
            else:
                states = linked if kind == "linked" else unlinked
                events.append(states(key, other, other_national=national, **more))
    return events


def alone(citizen, events, all_events):
    """What a router says that is told one citizen's facts under one key, and what others take back."""
    world = World(1, RULES)
    takes_back = [event for event in all_events if event.record == "FactRetracted"]
    mine = {id_of(event) for event in events}
    for event in [*events, *(each for each in takes_back if id_of(each) not in mine)]:
        if event.record.startswith("Identity"):
            continue
        meta = event.value["meta"]
        body = {name: value for name, value in event.value.items() if name != "meta"}
        again = fact(
            event.record, citizen, body, id=meta["event_id"], recorded=meta["recorded"]["instant"],
            occurred=meta["occurred"]["instant"], source=(meta["source"]["agency"], meta["source"]["system"]),
            national=is_national(citizen), retracts=meta["retracts"],
        )  # fmt: skip
        world.put([again])
        world.run()
    return shown(world, citizen, mine)


def shown(world, citizen, mine):
    """Timeline in order, cases and open findings of one citizen, without ids that follow from keys."""
    reader = world.reader
    timeline = [
        {name: value for name, value in entry.items() if name not in ("citizen", "replaced_by")}
        for entry in reader.timeline()
        if entry["citizen"] == citizen
        and entry["entry_id"] in mine
        and not entry["kind"].startswith("Identity")
    ]
    cases = {
        name[1]: {field: value[field] for field in ("state", "last_step", "since", "agency", "next_step")}
        for name, value in reader.case_statuses().items()
        if name[0] == citizen and name[1] in {entry["case"] for entry in timeline}
    }
    findings = sorted(
        (value["kind"], value["severity"], value["reason"], repr(value["numbers"]), repr(value["parties"]),
         value["confidence"], value["sensitivity"], value["protection"])
        for value in reader.findings.values()
        if value["status"] == "OPEN" and value["citizen"] == citizen
    )  # fmt: skip
    return timeline, cases, findings


@settings(max_examples=200, deadline=None)
@given(histories(), st.integers(1, 4), st.randoms(use_true_random=False))
def test_each_citizen_is_as_if_they_had_always_been_alone(events, partitions, random):
    shuffled = list(events)
    random.shuffle(shuffled)
    world = World(partitions, RULES)
    world.put(shuffled)
    world.run(random.choice)
    citizens = Oracle(events, kind_of).citizens()
    for citizen, theirs in citizens.items():
        mine = {id_of(event) for event in theirs}
        assert shown(world, citizen, mine) == alone(citizen, theirs, events)
    assert {finding["citizen"] for finding in world.reader.open_findings()} <= citizens.keys()
