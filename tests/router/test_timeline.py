"""What stands in the timeline after corrections and withdrawals, in every order."""

import itertools

import pytest

from tests.router.building import (
    appointment,
    at,
    cancelled,
    code,
    id_of,
    place,
    retracted,
    stay,
    step_done,
    time,
)
from tests.router.world import World, told


def standing(*events):
    """Status and cause of each entry; the same for every order of the facts."""
    pictures = []
    for order in itertools.permutations(events):
        reader = told(*order)
        entries = [reader.entry(id_of(event)) for event in events]
        pictures.append([(entry["status"], entry["replaced_by"]) for entry in entries])
    assert all(picture == pictures[0] for picture in pictures)
    return pictures[0]


def test_a_correction_that_is_itself_withdrawn_no_longer_counts():
    first = step_done("N1", "c1", "READ")
    second = step_done("N1", "c1", "IN_PROGRESS", supersedes=id_of(first))
    third = retracted("N1", "CaseStepCompleted", second)
    assert standing(first, second) == [("CORRECTED", id_of(second)), ("CURRENT", None)]
    assert standing(first, second, third) == [
        ("CURRENT", None),
        ("RETRACTED", id_of(third)),
        ("CURRENT", None),
    ]


def test_a_retraction_counts_before_a_correction():
    first = step_done("N1", "c1", "READ")
    correction = step_done("N1", "c1", "IN_PROGRESS", supersedes=id_of(first))
    retraction = retracted("N1", "CaseStepCompleted", first)
    assert standing(first, correction, retraction)[0] == ("RETRACTED", id_of(retraction))


def test_a_cancelled_discharge_corrects_the_discharge_before_it_and_not_the_one_after():
    begin = {"start": time("2026-03-01 08:00"), "kind": code("INPATIENT"), "ward": None}
    admitted = stay("StayStarted", "N1", "s1", begin, recorded="2026-03-01 08:00")
    left = stay(
        "StayEnded",
        "N1",
        "s1",
        {"end": time("2026-03-02 08:00"), "disposition": None},
        recorded="2026-03-02 08:00",
    )
    wrong = stay(
        "StayCorrected", "N1", "s1", {"correction": "DISCHARGE_CANCELLED", "other_key": None},
        recorded="2026-03-02 09:00",
    )  # fmt: skip
    left_later = stay(
        "StayEnded",
        "N1",
        "s1",
        {"end": time("2026-03-04 08:00"), "disposition": None},
        recorded="2026-03-04 08:00",
    )
    assert standing(admitted, left, wrong, left_later) == [
        ("CURRENT", None),
        ("CORRECTED", id_of(wrong)),
        ("CURRENT", None),
        ("CURRENT", None),
    ]
    # In the hospital until the 4th: an appointment elsewhere on the 3rd cannot be kept, one on the 5th can.
    third = appointment("N1", "a1", "2026-03-03 10:00", where=place("clinic"))
    fifth = appointment("N1", "a2", "2026-03-05 10:00", where=place("clinic"))
    findings = told(admitted, left, wrong, left_later, third, fifth).open_findings()
    assert [[party["reference"] for party in finding["parties"]] for finding in findings] == [
        ["HIS|s1", "HIS|a1"]
    ]


def test_moving_and_cancelling_are_steps_and_correct_nothing():
    booked = appointment("N1", "a1", "2026-03-03 10:00")
    moved = appointment(
        "N1", "a1", "2026-03-04 10:00", record="AppointmentRescheduled", recorded="2026-03-01 09:00"
    )
    gone = cancelled("N1", "a1", recorded="2026-03-01 10:00")
    assert standing(booked, moved, gone) == [("CURRENT", None)] * 3


def test_equal_times_are_ordered_by_recorded_then_sequence_then_id():
    now, later = at("2026-03-01 08:00"), at("2026-03-01 08:01")
    events = [
        step_done("N1", "c1", "READ", occurred=now, recorded=now, id="b"),
        step_done("N1", "c1", "READ", occurred=now, recorded=now, id="a", sequence=1),
        step_done("N1", "c1", "READ", occurred=now, recorded=now, id="a2", sequence=1),
        step_done("N1", "c1", "READ", occurred=now, recorded=later, id="0"),
    ]
    assert [entry["entry_id"] for entry in told(*events[::-1]).timeline()] == ["b", "a", "a2", "0"]


@pytest.mark.parametrize(
    "name", ["not-a-uuid", "0" * 15, "0" * 36, "Å", "6F9619FF-8B86-D011-B42D-00C04FC964FF"]
)
def test_an_event_id_of_any_form_comes_back_as_it_was(name):
    target = step_done("N1", "c1", "READ", id=name)
    reader = told(target, retracted("N1", "CaseStepCompleted", target))
    assert reader.entry(name)["status"] == "RETRACTED"
    assert list(reader.changes) == [name]


def test_what_a_title_says_passes_through_and_is_not_kept():
    reader = told(appointment("N1", "a1", "2026-03-03 10:00", title="Nevropsykologisk vurdering"))
    (entry,) = reader.timeline()
    assert entry["details"] == {"title": "Nevropsykologisk vurdering", "text": None}
    world = World()
    world.put([appointment("N1", "a1", "2026-03-03 10:00", title="Nevropsykologisk vurdering")])
    world.run()
    assert b"Nevropsykologisk" not in world.states[0]["N1"]
