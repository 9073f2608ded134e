"""The saga step by step: what is asked, what is told, what is refused, each worked out by hand."""

import pytest

from router.stored import dump, load
from tests.router.agreement.building import DAY, HOUR, KEY, MINUTE, agency_says, citizen_says, move, proposal
from tests.router.agreement.rig import START, Rig
from tests.router.building import appointment, cancelled

HOSPITAL, SCHOOL, CLINIC = "hospital.b", "school.c", "clinic.a"
OLD, NEW = START + 20 * DAY, START + 30 * DAY
PROPOSAL = "7f1b6f52-7f7e-5d0c-9d55-4c1f0c1e7a01"
OTHER = "7f1b6f52-7f7e-5d0c-9d55-4c1f0c1e7a02"


def at_table(*agencies: str, name: str = PROPOSAL) -> Rig:
    """A citizen who was just offered to have one appointment moved at each of some agencies."""
    rig, moves = Rig(), []
    for number, agency in enumerate(agencies):
        rig.take(booked(rig, agency, OLD + number * DAY))
        moves.append(move(agency, f"at {agency}", OLD + number * DAY, f"slot {number}", NEW + number * HOUR))
    rig.offer(proposal(name, moves, rig.minute))
    return rig


def booked(rig, agency, start, record="AppointmentScheduled"):
    return appointment(
        KEY,
        f"at {agency}",
        start,
        record=record,
        recorded=rig.minute,
        source=(agency, "HIS"),
        id=f"{agency}{start}",
    )


def accept(rig: Rig, name: str = PROPOSAL) -> Rig:
    rig.take(citizen_says(name, "ACCEPTED", rig.minute))
    rig.pass_to(rig.minute + MINUTE)
    return rig


def answer(rig: Rig, agency: str, said: str, **more: str) -> None:
    """To the last request that the agency got."""
    request = [request for request in rig.requests() if request["agency"] == agency][-1]
    rig.take(agency_says(request, said, rig.minute, **more))


def asked(rig: Rig) -> list[tuple[str, str, int]]:
    return [(request["agency"], request["action"], request["sequence"]) for request in rig.requests()]


def test_all_hold_then_all_confirm():
    rig = accept(at_table(HOSPITAL, SCHOOL))
    assert asked(rig) == [(HOSPITAL, "HOLD", 1), (SCHOOL, "HOLD", 1)]
    assert {request["deadline"]["instant"] for request in rig.requests()} == {START + MINUTE + 4 * HOUR}
    answer(rig, HOSPITAL, "HELD")
    assert len(rig.requests()) == 2
    answer(rig, SCHOOL, "HELD")
    assert asked(rig)[2:] == [(HOSPITAL, "CONFIRM", 2), (SCHOOL, "CONFIRM", 2)]
    assert rig.requests()[2]["deadline"]["instant"] == START + MINUTE + 8 * HOUR
    answer(rig, SCHOOL, "CONFIRMED")
    answer(rig, HOSPITAL, "CONFIRMED")
    assert rig.statuses() == ["OPEN", "ACCEPTED", "SETTLED"]
    assert rig.told() == ["proposal.open", "proposal.asked", "proposal.held", "proposal.settled"]
    assert rig.refusals() == []


def test_each_step_says_who_acts_next_what_comes_and_by_when():
    rig = accept(at_table(HOSPITAL))
    answer(rig, HOSPITAL, "HELD")
    answer(rig, HOSPITAL, "CONFIRMED")
    told = [
        (
            entry["holder"] and entry["holder"]["kind"],
            entry["next_step"] and entry["next_step"]["mapped"],
            entry["expected_by"] and entry["expected_by"]["instant"],
        )
        for entry in rig.values("TimelineEntry")
        if entry["kind"] == "Proposal"
    ]
    assert told == [
        ("CITIZEN", "PROPOSAL_ANSWERED", START + 3 * DAY),
        ("THIRD_PARTY", "TIMES_HELD", START + MINUTE + 4 * HOUR),
        ("THIRD_PARTY", "TIMES_CONFIRMED", START + MINUTE + 8 * HOUR),
        (None, None, None),
    ]


@pytest.mark.parametrize(("said", "reason"), [("GONE", "gone"), ("REFUSED", "refused")])
def test_one_that_cannot_hold_lets_all_go_and_the_citizen_is_told_once(said, reason):
    rig = accept(at_table(HOSPITAL, SCHOOL, CLINIC))
    answer(rig, HOSPITAL, "HELD")
    answer(rig, SCHOOL, said)
    answer(rig, CLINIC, "HELD")
    assert rig.statuses() == ["OPEN", "ACCEPTED"]
    rig.pass_to(rig.minute + MINUTE)
    assert asked(rig)[3:] == [(HOSPITAL, "RELEASE", 2), (CLINIC, "RELEASE", 2)]
    assert rig.told()[2:] == [f"proposal.failed.{reason}"]
    answer(rig, HOSPITAL, "RELEASED")
    answer(rig, CLINIC, "RELEASED")
    rig.pass_to(rig.minute + 2 * DAY)
    assert len(rig.requests()) == 5
    assert rig.statuses() == ["OPEN", "ACCEPTED", "FAILED"]
    assert rig.records.outlook is not None
    assert rig.records.outlook.refused == {"school.c|slot 1": NEW + HOUR}


def test_nobody_is_told_that_nothing_changed_before_what_was_confirmed_is_undone():
    rig = accept(at_table(HOSPITAL, SCHOOL))
    answer(rig, HOSPITAL, "HELD")
    answer(rig, SCHOOL, "HELD")
    answer(rig, HOSPITAL, "CONFIRMED")
    answer(rig, SCHOOL, "REFUSED")
    rig.pass_to(rig.minute + HOUR)
    assert asked(rig)[4:] == [(HOSPITAL, "RELEASE", 3)] * 3
    assert rig.statuses() == ["OPEN", "ACCEPTED"]
    answer(rig, HOSPITAL, "RELEASED")
    assert rig.told()[-1] == "proposal.failed.refused"
    assert rig.statuses() == ["OPEN", "ACCEPTED", "FAILED"]


def test_silence_ends_it_at_the_deadline_and_releases_are_asked_with_growing_pauses():
    rig = accept(at_table(HOSPITAL, SCHOOL))
    answer(rig, HOSPITAL, "HELD")
    rig.pass_to(START + MINUTE + 4 * HOUR)
    assert asked(rig)[2:] == [(HOSPITAL, "RELEASE", 2), (SCHOOL, "RELEASE", 2)]
    assert rig.told()[-1] == "proposal.failed.late"
    answer(rig, HOSPITAL, "RELEASED")
    rig.pass_to(rig.minute + 9 * DAY)
    since = START + MINUTE + 4 * HOUR
    pauses = [15, 30, 60, 120, 240, 480, 960] + [1440] * 8
    begun = [sum(pauses[:count]) for count in range(len(pauses))]
    again = [request["deadline"]["instant"] for request in rig.requests() if request["agency"] == SCHOOL][1:]
    due = [since + (begin + pause) * MINUTE for begin, pause in zip(begun, pauses, strict=True)]
    assert again == [moment for moment, begin in zip(due, begun, strict=True) if begin <= 9 * 1440]
    assert {request["request_id"] for request in rig.requests()[3:]} == {rig.requests()[3]["request_id"]}
    assert rig.refusals() == ["release.unanswered"]
    answer(rig, SCHOOL, "RELEASED")
    count = len(rig.requests())
    rig.pass_to(rig.minute + 9 * DAY)
    assert len(rig.requests()) == count


def test_a_release_that_is_never_answered_is_given_up_when_the_time_has_passed():
    rig = accept(at_table(SCHOOL))
    answer(rig, SCHOOL, "HELD")
    rig.pass_to(NEW + 3 * DAY)
    assert rig.statuses() == ["OPEN", "ACCEPTED", "FAILED"]
    assert rig.told()[-1] == "proposal.failed.unreleased"
    assert rig.refusals() == ["release.unanswered", "release.given_up"]
    assert rig.requests()[-1]["deadline"]["instant"] <= NEW + 2 * DAY
    rig.pass_to(NEW + 90 * DAY)
    assert rig.records.bundles == ()


def test_what_is_held_after_it_was_let_go_is_let_go_again_by_a_new_request():
    rig = accept(at_table(SCHOOL, HOSPITAL))
    hold = rig.requests()[0]
    rig.pass_to(rig.minute + 4 * HOUR)
    answer(rig, SCHOOL, "RELEASED")
    answer(rig, HOSPITAL, "RELEASED")
    rig.take(agency_says(hold, "HELD", rig.minute))
    rig.pass_to(rig.minute + MINUTE)
    assert asked(rig)[4:] == [(SCHOOL, "RELEASE", 3)]
    assert len({request["request_id"] for request in rig.requests()}) == 5
    assert rig.refusals() == ["request.late"]
    answer(rig, SCHOOL, "RELEASED")
    rig.pass_to(rig.minute + DAY)
    assert len(rig.requests()) == 5
    assert rig.statuses().count("FAILED") == 1


def test_who_cannot_let_go_is_asked_again_and_operators_see_it():
    rig = accept(at_table(SCHOOL, HOSPITAL))
    answer(rig, SCHOOL, "HELD")
    answer(rig, HOSPITAL, "GONE")
    rig.pass_to(rig.minute + MINUTE)
    answer(rig, SCHOOL, "REFUSED")
    rig.pass_to(rig.minute + 15 * MINUTE)
    assert asked(rig)[2:] == [(SCHOOL, "RELEASE", 2)] * 2
    assert rig.refusals() == ["release.refused"]


def test_an_appointment_that_stands_at_its_new_time_is_confirmed():
    rig = accept(at_table(HOSPITAL, SCHOOL))
    answer(rig, HOSPITAL, "HELD")
    answer(rig, SCHOOL, "HELD")
    rig.minute += MINUTE
    rig.take(booked(rig, HOSPITAL, NEW, "AppointmentRescheduled"))
    answer(rig, SCHOOL, "CONFIRMED")
    assert rig.statuses()[-1] == "SETTLED"
    answer(rig, HOSPITAL, "CONFIRMED")
    assert rig.statuses() == ["OPEN", "ACCEPTED", "SETTLED"]


def test_one_of_two_appointments_at_its_new_time_is_not_yet_confirmed():
    rig, moves = Rig(), []
    for number in range(2):
        rig.take(appointment(KEY, f"a{number}", OLD + number * DAY, recorded=START, source=(HOSPITAL, "HIS")))
        moves.append(move(HOSPITAL, f"a{number}", OLD + number * DAY, f"s{number}", NEW + number * HOUR))
    rig.offer(proposal(PROPOSAL, moves, rig.minute))
    accept(rig)
    answer(rig, HOSPITAL, "HELD")
    for number, ends in enumerate(("ACCEPTED", "SETTLED")):
        rig.take(
            appointment(
                KEY, f"a{number}", NEW + number * HOUR, record="AppointmentRescheduled",
                recorded=START + MINUTE, source=(HOSPITAL, "HIS"),
            )
        )  # fmt: skip
        assert rig.statuses()[-1] == ends


def test_who_says_held_and_gone_of_the_same_request_has_to_let_go():
    rig = accept(at_table(HOSPITAL, SCHOOL))
    answer(rig, HOSPITAL, "HELD")
    answer(rig, HOSPITAL, "GONE")
    rig.pass_to(rig.minute + MINUTE)
    assert asked(rig)[2:] == [(HOSPITAL, "RELEASE", 2), (SCHOOL, "RELEASE", 2)]


def test_an_appointment_that_moves_elsewhere_ends_what_was_planned_with_it():
    rig = at_table(HOSPITAL)
    rig.minute += MINUTE
    rig.take(booked(rig, HOSPITAL, OLD + 5 * HOUR, "AppointmentRescheduled"))
    assert rig.statuses() == ["OPEN", "WITHDRAWN"]
    rig = accept(at_table(HOSPITAL, SCHOOL))
    rig.take(cancelled(KEY, f"at {SCHOOL}", recorded=rig.minute))
    rig.pass_to(rig.minute + MINUTE)
    assert rig.told()[-1] == "proposal.failed.changed"
    assert asked(rig)[2:] == [(HOSPITAL, "RELEASE", 2), (SCHOOL, "RELEASE", 2)]


def test_nobody_is_asked_for_what_is_too_near_or_of_who_takes_no_requests():
    late = Rig()
    late.take(booked(late, HOSPITAL, START + 2 * MINUTE))
    late.offer(proposal(PROPOSAL, [move(HOSPITAL, f"at {HOSPITAL}", START + 2 * MINUTE, "s", NEW)], START))
    accept(late)
    assert (late.requests(), late.told()[-1]) == ([], "proposal.failed.late")
    away = accept(at_table("nobody"))
    assert (away.requests(), away.told()[-1]) == ([], "proposal.failed.away")


@pytest.mark.parametrize(
    ("said", "status", "due"), [("DECLINED", "DECLINED", True), ("COUNTERED", "COUNTERED", True)]
)
def test_a_citizen_who_does_not_want_it_ends_it_and_another_may_follow(said, status, due):
    rig = at_table(HOSPITAL)
    rig.take(citizen_says(PROPOSAL, said, rig.minute))
    assert rig.statuses() == ["OPEN", status]
    assert rig.told() == ["proposal.open"]
    outlook = rig.records.outlook
    assert outlook is not None
    assert (outlook.due == 0) == due
    assert bool(outlook.refused) == (said == "DECLINED")


def test_a_citizen_who_wants_no_change_is_not_asked_again_at_once():
    rig = at_table(HOSPITAL)
    rig.take(citizen_says(PROPOSAL, "DECLINED", rig.minute, reason="NO_CHANGE"))
    assert rig.records.outlook is not None
    assert rig.records.outlook.due == -1


def test_a_proposal_that_nobody_answers_ends():
    rig = at_table(HOSPITAL)
    rig.pass_to(START + 3 * DAY - MINUTE)
    assert rig.statuses() == ["OPEN"]
    rig.pass_to(START + 3 * DAY)
    assert (rig.statuses(), rig.told()[-1]) == (["OPEN", "EXPIRED"], "proposal.expired")


def test_what_cannot_be_is_refused_with_its_reason():
    rig = at_table(HOSPITAL)
    rig.take(citizen_says(OTHER, "ACCEPTED", rig.minute))
    rig.take(citizen_says("Kari Nordmann", "ACCEPTED", rig.minute))
    accept(rig)
    rig.take(citizen_says(PROPOSAL, "ACCEPTED", rig.minute, id="twice"))
    rig.take(citizen_says(PROPOSAL, "DECLINED", rig.minute))
    rig.take(agency_says({**rig.requests()[0], "agency": SCHOOL}, "HELD", rig.minute))
    answer(rig, HOSPITAL, "CONFIRMED")
    rig.take(agency_says({**rig.requests()[0], "request_id": OTHER}, "HELD", rig.minute))
    answer(rig, HOSPITAL, "HELD")
    answer(rig, HOSPITAL, "CONFIRMED", id="confirmed")
    rig.take(citizen_says(PROPOSAL, "COUNTERED", rig.minute))
    answer(rig, HOSPITAL, "REFUSED")
    assert [(value["reason"], value["reference"]) for value in rig.values("Refusal")] == [
        ("proposal.unknown", OTHER),
        ("proposal.unknown", ""),
        ("proposal.answered", PROPOSAL),
        ("request.not_theirs", rig.requests()[0]["request_id"]),
        ("request.unfit", rig.requests()[0]["request_id"]),
        ("request.unknown", OTHER),
        ("proposal.closed", PROPOSAL),
        ("request.contradicted", rig.requests()[1]["request_id"]),
    ]
    assert rig.statuses() == ["OPEN", "ACCEPTED", "SETTLED"]
    assert rig.told().count("proposal.not_open") == 4


def test_a_citizen_without_a_proposal_stores_two_bytes_for_it_and_one_with_it_little():
    rig = Rig()
    rig.take(booked(rig, HOSPITAL, OLD))
    before = len(rig.stored)
    rig.offer(proposal(PROPOSAL, [move(HOSPITAL, f"at {HOSPITAL}", OLD, "slot", NEW)], START))
    assert len(rig.stored) - before < 400
    assert dump(load(rig.stored)) == rig.stored
