"""Burden against brute force, single rules, and the life of a finding."""

import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.burden import clusters
from router.findings import _NAMESPACE, finding_id
from router.rules import load_rules
from router.state import Citizen
from router.step import step
from router.stored import dump, load
from router.travel import EARTH_RADIUS_KM, kilometres
from tests.router.building import appointment, code, exam, person, place, pupil, stay, time
from tests.router.test_worked_examples import RULES
from tests.router.world import World


def covered(days, visits, length):
    """Brute force: the visits of every full window, joined while they share one."""
    windows = [
        {other for other in range(len(days)) if day <= days[other] < day + length} for day in set(days)
    ]
    full = [window for window in windows if len({days[other] for other in window}) >= visits]
    joined: list[set[int]] = []
    for window in full:
        touching = [group for group in joined if group & window]
        joined = [group for group in joined if not group & window]
        joined.append(window.union(*touching))
    return sorted(sorted(group) for group in joined)


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), max_size=25), st.integers(2, 5), st.integers(1, 10))
def test_burden_clusters_are_the_joined_full_windows(days, visits, length):
    days.sort()
    rows = [(day, number, str(number)) for number, day in enumerate(days)]
    found = [[number for _, number, _ in cluster] for cluster in clusters(rows, visits, length)]
    assert found == covered(days, visits, length)


def test_a_quarter_of_the_equator_is_a_quarter_of_the_circumference():
    rules = load_rules()
    one, other = rules.place("a", "b"), rules.place("c", "d")
    assert kilometres(one, other) is None
    here = type(one)("here", one.zone, 0.0, 0.0, one.school)
    there = type(one)("there", one.zone, 0.0, 90.0, one.school)
    distance = kilometres(here, there)
    assert distance is not None
    assert abs(distance - EARTH_RADIUS_KM * 3.141592653589793 / 2) < 0.001


@given(st.text(max_size=10), st.lists(st.text(max_size=5), max_size=4))
def test_the_id_is_a_uuid_of_version_five_whatever_the_order(citizen, parties):
    expected = uuid.uuid5(_NAMESPACE, "\x1f".join((citizen, "OVERLAP", *sorted(parties))))
    assert finding_id(citizen, "OVERLAP", reversed(parties)) == expected.bytes


def test_a_finding_is_said_again_when_it_changes_and_its_revision_goes_on_when_it_opens_again():
    first = appointment("N1", "a1", "2026-03-07 10:00", "2026-03-07 11:00")
    second = appointment("N1", "a2", "2026-03-07 10:30", "2026-03-07 11:30", where=place("clinic"))
    more: dict[str, Any] = {"record": "AppointmentRescheduled", "where": place("clinic")}
    longer = appointment(
        "N1", "a2", "2026-03-07 10:15", "2026-03-07 11:30", recorded="2026-03-01 09:00", **more
    )
    away = appointment(
        "N1", "a2", "2026-03-09 10:15", "2026-03-09 11:30", recorded="2026-03-01 10:00", **more
    )
    back = appointment(
        "N1", "a2", "2026-03-07 10:15", "2026-03-07 11:30", recorded="2026-03-01 11:00", **more
    )
    world = World()
    world.put([first, second, longer, away, back])
    world.run()
    said = [output.value for output in world.outputs if output.record == "Finding"]
    assert [(value["revision"], value["status"], value["numbers"]["minutes_overlap"]) for value in said] == [
        (1, "OPEN", 30),
        (2, "OPEN", 45),
        (3, "CLOSED", 45),
        (4, "OPEN", 45),
    ]
    assert len({value["finding_id"] for value in said}) == 1


def test_a_finding_about_a_protected_person_carries_the_marking():
    world = World()
    world.put([appointment("N1", "a1", "2026-03-07 10:00"), appointment("N1", "a2", "2026-03-07 10:00")])
    world.run()
    world.put([person("N1", protection="STRICTLY_CONFIDENTIAL_ADDRESS", recorded="2026-03-01 12:00")])
    world.run()
    assert [value["protection"] for value in world.reader.open_findings()] == [
        "STRICTLY_CONFIDENTIAL_ADDRESS"
    ]


def test_an_exam_without_a_time_takes_the_whole_school_day_and_lowers_the_confidence():
    world = World(rules=RULES)
    world.put([
        exam("N1", "x1", "2026-03-06 00:00", confidence="DATE_ONLY"),
        appointment("N1", "in", "2026-03-06 12:30", "2026-03-06 13:30"),  # the Friday ends at 13:00
        appointment("N1", "after", "2026-03-06 13:00", "2026-03-06 13:15"),
    ])  # fmt: skip
    world.run()
    found = [value for value in world.reader.open_findings() if value["kind"] == "EXAM"]
    assert [(value["numbers"], value["confidence"]) for value in found] == [
        ({"minutes_overlap": 30}, "DATE_ONLY")
    ]


def test_school_is_closed_on_free_days_at_weekends_and_for_those_who_left():
    def findings(day, **enrolment):
        world = World(rules=RULES)
        world.put([pupil("N1", **enrolment), appointment("N1", "a1", f"{day} 10:00", f"{day} 10:30")])
        return [value["kind"] for value in world.run().reader.open_findings()]

    assert findings("2026-03-19") == ["SCHOOL_HOURS"]
    assert findings("2026-03-20") == []
    assert findings("2026-04-06") == []
    assert findings("2026-03-21") == []
    assert findings("2026-03-19", role="TEACHER") == []
    assert findings("2026-03-19", status="ENDED") == []


def test_days_are_counted_on_the_clock_of_the_place():
    # 23:30 UTC on Sunday is 00:30 on Monday in Oslo: seven days from that Monday end on Sunday.
    world = World(rules=RULES)
    for name, day in (("a1", "2026-03-02 00:30"), ("a2", "2026-03-04 10:00"), ("a3", "2026-03-08 23:30")):
        world.put([appointment("N1", name, day)])
    assert [value["kind"] for value in world.run().reader.open_findings()] == ["BURDEN"]
    other = World(rules=RULES)
    for name, day in (("a1", "2026-03-01 23:30"), ("a2", "2026-03-04 10:00"), ("a3", "2026-03-08 23:30")):
        other.put([appointment("N1", name, day)])
    assert other.run().reader.open_findings() == []


@pytest.mark.parametrize("meets_both", ["exam", "stay"])
def test_findings_are_said_in_the_same_order_whether_or_not_the_state_was_stored_before(meets_both):
    moved: dict[str, Any] = {"record": "AppointmentRescheduled", "recorded": "2026-03-01 09:00"}
    state: Citizen | None = None
    for event in (
        appointment("N1", "a1", "2026-03-02 10:00", "2026-03-02 11:00", where=place("clinic")),
        appointment("N1", "a2", "2026-03-02 12:00", "2026-03-02 13:00", where=place("dentist")),
        appointment("N1", "a1", "2026-03-02 09:30", "2026-03-02 10:30", where=place("clinic"), **moved),
    ):
        state, _ = step("N1", state, event, RULES)
    assert state is not None
    body = {"start": time("2026-03-02 08:00"), "kind": code("INPATIENT"), "ward": None}
    last = (
        exam("N1", "x1", "2026-03-02 08:00", "2026-03-02 15:00")
        if meets_both == "exam"
        else stay("StayStarted", "N1", "s1", body)
    )
    stored = load(dump(state))
    _, said = step("N1", state, last, RULES)
    assert [output.record for output in said].count("Finding") == 2
    assert step("N1", stored, last, RULES)[1] == said
