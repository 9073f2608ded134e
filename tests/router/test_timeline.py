"""What stands in the timeline after corrections and withdrawals, in every order."""

import itertools

import pytest

from router.timeline import TEXTS
from schemas.catalogue import catalogue
from tests.router.building import (
    appointment,
    at,
    cancelled,
    case,
    code,
    fact,
    holder,
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


def test_what_was_corrected_does_not_stand_again_when_the_correction_is_withdrawn():
    first = step_done("N1", "c1", "READ")
    second = step_done("N1", "c1", "IN_PROGRESS", supersedes=id_of(first))
    third = retracted("N1", "CaseStepCompleted", second)
    assert standing(first, second) == [("CORRECTED", id_of(second)), ("CURRENT", None)]
    assert standing(first, second, third) == [
        ("CORRECTED", id_of(second)),
        ("RETRACTED", id_of(third)),
        ("CURRENT", None),
    ]


def test_a_correction_of_a_correction_does_not_bring_back_the_first():
    first = step_done("N1", "c1", "READ")
    second = step_done("N1", "c1", "IN_PROGRESS", supersedes=id_of(first))
    third = step_done("N1", "c1", "FINISHED", supersedes=id_of(second))
    assert standing(first, second, third) == [
        ("CORRECTED", id_of(second)),
        ("CORRECTED", id_of(third)),
        ("CURRENT", None),
    ]


def test_a_withdrawal_that_is_itself_withdrawn_no_longer_counts():
    first = step_done("N1", "c1", "READ")
    second = retracted("N1", "CaseStepCompleted", first)
    third = retracted("N1", "FactRetracted", second, id="taken-back")
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


def order_of(*events):
    """Ids in the order of the timeline; the same for every order of the facts."""
    pictures = [
        [entry["entry_id"] for entry in told(*order).timeline()] for order in itertools.permutations(events)
    ]
    assert all(picture == pictures[0] for picture in pictures)
    return pictures[0]


def test_what_opens_stands_before_what_decides_and_that_before_what_ends_at_one_instant():
    """The ids say the opposite, and the source gives no sequence."""
    now = at("2026-03-01 08:00")
    events = [
        case(
            "CaseOpened",
            "N1",
            "c1",
            {"kind": code("RESPITE_CARE"), "expected_by": None},
            id="z",
            recorded=now,
        ),
        step_done("N1", "c1", "IN_PROGRESS", id="y", recorded=now),
        case("DecisionMade", "N1", "c1", {"outcome": code("GRANTED")}, id="x", recorded=now),
        step_done("N1", "c1", "FINISHED", closes=True, id="w", recorded=now),
    ]
    assert order_of(*events) == ["z", "y", "x", "w"]
    for order in itertools.permutations(events):
        (found,) = told(*order).cases.values()
        assert (found["state"], found["last_step"]["mapped"]) == ("CLOSED", "FINISHED")


def test_the_sources_own_sequence_goes_before_the_nature_of_a_fact():
    now = at("2026-03-01 08:00")
    ended = cancelled("N1", "a1", id="a", recorded=now, sequence=1)
    booked = appointment("N1", "a1", "2026-03-09 08:00", id="b", recorded=now, sequence=2)
    assert order_of(ended, booked) == ["a", "b"]


@pytest.mark.parametrize(
    ("occurred", "placed"),
    [
        ("2026-03-02 08:00", None),
        ("2026-03-03 08:00", None),  # a day ahead: zones and clocks
        ("2026-03-03 08:01", "2026-03-02 08:00"),
        ("9999-01-01 00:00", "2026-03-02 08:00"),
        ("1900-01-02 00:00", None),
        ("1899-12-30 00:00", "2026-03-02 08:00"),
        ("0001-01-02 00:00", "2026-03-02 08:00"),
    ],
)
def test_what_cannot_have_happened_then_stands_where_it_was_recorded(occurred, placed):
    """The source's own words stay as they are."""
    odd = step_done("N1", "c1", "READ", occurred=occurred, recorded="2026-03-02 08:00")
    (entry,) = told(odd).timeline()
    assert entry["placed"] == (at(placed) if placed else None)
    assert entry["at"]["instant"] == at(occurred)


def test_impossible_times_do_not_decide_where_a_case_stands():
    first = step_done("N1", "c1", "IN_PROGRESS", occurred="9999-01-01 00:00", recorded="2026-03-02 08:00")
    last = case("DecisionMade", "N1", "c1", {"outcome": code("GRANTED")}, recorded="2026-03-03 08:00")
    assert order_of(last, first) == [id_of(first), id_of(last)]
    (found,) = told(last, first).cases.values()
    assert (found["state"], found["since"]["instant"]) == ("DECIDED", at("2026-03-03 08:00"))


def test_entries_say_who_has_to_act_what_comes_next_and_by_when():
    due = time("2026-03-20 00:00", "DATE_ONLY")
    hospital = place("hospital")
    asked = {"due": due, "count": 1, "holder": holder("CITIZEN")}
    inquiry = {
        "service": code("SPECIALIST_ASSESSMENT"), "recipient": hospital, "expected_by": due,
        "holder": holder("THIRD_PARTY", hospital),
    }  # fmt: skip
    referral = {
        "referral": {"system": "HIS", "id": "r1"}, "institution": place("clinic"), "recipient": hospital,
        "service": None, "priority": None, "details": None,
    }  # fmt: skip
    answered = {**referral, "status": code("COMPLETED")}
    del answered["priority"]
    events = [
        case("InformationRequested", "N1", "c1", asked, recorded="2026-03-01 08:00"),
        case("ServiceRequested", "N1", "c1", inquiry, recorded="2026-03-01 09:00"),
        step_done(
            "N1", "c1", "READ", holder=holder("AGENCY", place("municipality")),
            next_step=code("DECIDED"), expected_by=due, recorded="2026-03-01 10:00",
        ),
        fact("ReferralSent", "N1", referral, recorded="2026-03-01 11:00"),
        fact("ReferralUpdated", "N1", answered, recorded="2026-03-01 12:00"),
    ]  # fmt: skip
    told_of = [
        (
            entry["holder"] and (entry["holder"]["kind"], (entry["holder"]["institution"] or {}).get("id")),
            entry["next_step"] and entry["next_step"]["mapped"],
            entry["expected_by"] and entry["expected_by"]["instant"],
        )
        for entry in told(*events).timeline()
    ]
    assert told_of == [
        (("CITIZEN", None), "INFORMATION_SENT", due["instant"]),
        (("THIRD_PARTY", "hospital"), "SERVICE_ANSWERED", due["instant"]),
        (("AGENCY", "municipality"), "DECIDED", due["instant"]),
        (("THIRD_PARTY", "hospital"), "SERVICE_ANSWERED", None),
        (None, None, None),
    ]


def test_every_fact_type_has_an_entry():
    """All that comes under a citizen's key but the timeline's own and what the router keeps for itself."""
    families = ("person", "appointment", "stay", "case", "education", "citizen", "inbox")
    records = {name for family in families for name in catalogue().topics[family].records}
    answers = {"ProposalAnswered", "RequestAnswered", "MattersStated"}
    assert set(TEXTS) == {name.rpartition(".")[2] for name in records} - {"AgencyRequest"} | answers
