"""Linked keys become one citizen, in every order that Kafka allows.

The oracle knows nothing of claims and moves: it looks at all facts at once (``identity_oracle.py``).
"""

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.router.building import (
    HOSPITAL,
    SCHOOL,
    appointment,
    at,
    fact,
    id_of,
    identifier,
    linked,
    merged,
    person,
    place,
    retracted,
    step_done,
    unlinked,
)
from tests.router.identity_oracle import Oracle, named, own_keys
from tests.router.world import World, told

NATIONAL = ("N1", "N2", "N3", "D1", "D2")
LOCAL = ("L1", "L2", "L3", "L4")
KEYS = NATIONAL + LOCAL


def is_national(key):
    return key in NATIONAL


def entries(oracle):
    return {
        name: (citizen, "RETRACTED" if name in oracle.gone else "CURRENT")
        for citizen, events in oracle.citizens().items()
        for name in map(id_of, events)
    }


def overlaps(oracle):
    """Pairs of appointments of one citizen that share a time, by brute force over minutes."""
    found = set()
    for citizen, events in oracle.citizens().items():
        booked = [
            event
            for event in events
            if event.record == "AppointmentScheduled" and id_of(event) not in oracle.gone
        ]
        for one, other in itertools.combinations(booked, 2):
            if _minutes(one) & _minutes(other):
                pair = sorted(event.value["appointment"]["id"] for event in (one, other))
                found.add((citizen, *pair))
    return found


def cases(oracle):
    """The last step of each case by the time at which it happened."""
    last: dict[tuple[str, str], tuple[int, str, str]] = {}
    for citizen, events in oracle.citizens().items():
        for event in events:
            if event.record == "CaseStepCompleted" and id_of(event) not in oracle.gone:
                found = citizen, event.value["case"]["id"]
                moment = event.value["meta"]["occurred"]["instant"], id_of(event)
                said = (*moment, event.value["step"]["mapped"])
                last[found] = max(last.get(found, (0, "", "")), said)
    return {found: step for found, (_, _, step) in last.items()}


def together(oracle):
    """Keys that were ever named together, whatever was said of them."""
    group = {key: {key} for key in oracle.keys}
    for event in oracle.events.values():
        for key in (*own_keys(event), *named(event)):
            joined = group[event.key] | group[key]
            for each in joined:
                group[each] = joined
    return {frozenset(each) for each in group.values()}


def _minutes(event):
    minute = 60_000_000
    return set(range(event.value["start"]["instant"] // minute, event.value["end"]["instant"] // minute))


def kind_of(key):
    """N1 to N3 are numbers of one kind, D1 and D2 of another, all others are local."""
    return key[0] if is_national(key) else None


@st.composite
def histories(draw):  # noqa: C901 - one branch for each kind of fact
    """A handful of facts about a handful of keys, by any agency, at any of few times."""
    events = []
    for number in range(draw(st.integers(1, 12))):
        key = draw(st.sampled_from(KEYS))
        other = draw(st.sampled_from(KEYS))
        more = {
            "national": is_national(key),
            "recorded": at("2026-03-01 08:00") + draw(st.integers(0, 6)) * 1_000_000,
            "source": draw(st.sampled_from((HOSPITAL, HOSPITAL, SCHOOL))),
            "id": f"00000000-0000-5000-8000-{number:012d}",
        }
        listed = draw(st.sampled_from((None, None, *LOCAL)))
        if listed not in (None, key):
            more["also"] = (identifier(listed),)
        kind = draw(
            st.sampled_from(
                ("appointment", "appointment", "person", "linked", "merged", "unlinked", "step", "retract")
            )
        )
        if kind == "appointment":
            start = draw(st.integers(8, 14))
            end = f"2026-03-02 {start + 1:02}:30"
            events.append(
                appointment(
                    key, f"a{number}", f"2026-03-02 {start:02}:00", end, where=place(f"place{number}"), **more
                )
            )
        elif kind == "step":
            name = draw(st.sampled_from(("case", f"case-{key}")))
            events.append(step_done(key, name, f"STEP{number}", **more))
        elif kind == "retract" and events:
            target = draw(st.sampled_from(events))
            if target.record != "FactRetracted":
                more.update(national=is_national(target.key), also=())
                events.append(retracted(target.key, target.record, target, **more))
        elif kind == "person" and (is_national(key) or not is_national(other)) and key != other:
            more["also"] = (identifier(other, national=is_national(other)),)
            events.append(person(key, **more))
        elif kind == "linked" and key != other:
            reason = draw(st.sampled_from(("A24", "A24", "CONFIRMED")))
            events.append(linked(key, other, other_national=is_national(other), reason=reason, **more))
        elif kind == "unlinked" and key != other:
            events.append(unlinked(key, other, other_national=is_national(other), **more))
        elif kind == "merged":
            events.append(merged(key, other, retired_national=is_national(other), **more))
    return events


@settings(max_examples=600, deadline=None)
@given(histories(), st.integers(1, 5), st.randoms(use_true_random=False))
def test_any_order_of_facts_links_merges_and_unlinks_ends_as_the_oracle_says(events, partitions, random):
    shuffled = list(events)
    random.shuffle(shuffled)
    world = World(partitions)
    world.put(shuffled)
    world.run(random.choice)
    oracle = Oracle(events, kind_of)
    picture = world.reader.picture()
    assert {
        name: (entry["citizen"], entry["status"]) for name, entry in picture["entries"].items()
    } == entries(oracle)
    assert {
        (finding["citizen"], *sorted(party["reference"].removeprefix("HIS|") for party in finding["parties"]))
        for finding in picture["findings"].values()
        if finding["kind"] == "OVERLAP"
    } == overlaps(oracle)
    assert {
        (value["citizen"], value["case"].removeprefix("CASES|")): value["last_step"]["mapped"]
        for value in picture["cases"].values()
        if value["state"] == "OPEN"
    } == cases(oracle)
    assert world.reader.open_refusals() == oracle.refused
    assert {frozenset(citizen.records.members) for citizen in world.homes().values()} == together(oracle)


@settings(max_examples=100, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_what_arrives_twice_changes_nothing(events, random):
    once = World(3)
    once.put(events)
    twice = World(3)
    twice.put(events)
    once.run()
    twice.run()
    said = len([output for output in twice.outputs if output.topic != "router.moves"])
    states = [dict(states) for states in twice.states]
    repeated = list(events)
    random.shuffle(repeated)
    twice.put(repeated)
    twice.run(random.choice)
    assert len([output for output in twice.outputs if output.topic != "router.moves"]) == said
    assert twice.states == states
    assert twice.reader.picture() == once.reader.picture()


def test_a_local_number_first_and_a_national_one_later_are_one_citizen():
    # The hospital knows L1 on Monday; on Tuesday it learns that L1 is N1.
    booked = appointment("L1", "a1", "2026-03-05 10:00", national=False)
    learned = person("N1", also=(identifier("L1"),))
    later = appointment("L1", "a2", "2026-03-05 10:15", national=False)
    world = World(4)
    for event in (booked, learned, later):
        world.put([event])
        world.run()
    assert world.reader.citizen("L1") == "N1"
    assert {entry["citizen"] for entry in world.reader.timeline()} == {"N1"}
    assert [finding["citizen"] for finding in world.reader.open_findings()] == ["N1"]
    state = world.state("L1")
    assert state is not None
    assert state.records.alias == "N1"
    assert not state.records.plans


def test_the_common_case_costs_no_hop():
    world = World(4)
    world.put([appointment("N1", "a1", "2026-03-05 10:00"), person("N1")])
    world.run()
    assert world.hops == 0


def test_a_merge_is_spoken_of_under_the_survivor_whichever_key_is_stored_under():
    # L1 < L2, so L1 is where the state is kept, whoever survives.
    survivor_is_smaller = told(person("L2", national=False), merged("L1", "L2", national=False))
    assert survivor_is_smaller.citizen("L2") == "L1"
    survivor_is_larger = World(2)
    survivor_is_larger.put(
        [appointment("L1", "a1", "2026-03-05 10:00", national=False), merged("L2", "L1", national=False)]
    )
    survivor_is_larger.run()
    assert survivor_is_larger.reader.citizen("L1") == "L2"
    assert {entry["citizen"] for entry in survivor_is_larger.reader.timeline()} == {"L2"}
    assert list(survivor_is_larger.homes()) == ["L1"]


def test_an_answer_under_a_mistyped_number_is_no_use_of_it():
    # The bus spoke of the citizen as N2, so that is whom the answer names, until the hospital corrects it.
    mistyped = appointment("N2", "a1", "2026-03-05 10:00")
    body: dict[str, Any] = {
        "proposal_id": "p1",
        "answer": "DECLINED",
        "reason": None,
        "wishes": [],
        "details": None,
    }
    subject = {"key": "N2", "identifiers": []}
    answer = fact("ProposalAnswered", "N2", body, source=("citizen", "citizen"), subject=subject)
    corrected = merged("N1", "N2", retired_national=True, recorded="2026-03-02 08:00")
    for events in itertools.permutations((mistyped, answer, corrected)):
        assert told(*events).citizen("N2") == "N1"
    elsewhere = appointment("N2", "a2", "2026-03-06 10:00", source=SCHOOL)  # which is a use by somebody else
    assert told(mistyped, elsewhere, corrected).citizen("N2") == "N2"


def test_two_sources_that_retire_each_other_make_no_circle():
    one = merged("L1", "L2", national=False)
    other = merged("L2", "L1", national=False, recorded="2026-03-01 08:01")
    for events in ((one, other), (other, one)):
        world = World(3)
        world.put(events)
        world.run()
        assert list(world.homes()) == ["L1"]
        assert {world.reader.citizen(key) for key in ("L1", "L2")} == {"L1"}


def test_sources_that_disagree_on_what_is_national_still_come_to_an_end():
    # One says that A is national and B is not, the other the opposite: both claim the other for ever.
    one = fact_listing("A", national=True, other="B", other_national=False)
    other = fact_listing("B", national=True, other="A", other_national=False)
    world = World(2)
    world.put(
        [one, other, appointment("A", "a1", "2026-03-05 10:00"), appointment("B", "a2", "2026-03-05 10:00")]
    )
    world.run()
    assert len(world.reader.entries) == 4
    assert world.hops < 200


def fact_listing(key, *, national, other, other_national):
    body = person(key).value
    body = {name: value for name, value in body.items() if name != "meta"}
    return fact(
        "PersonRegistered", key, body, national=national, also=(identifier(other, national=other_national),)
    )
