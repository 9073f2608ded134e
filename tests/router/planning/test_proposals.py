"""From findings to a proposal, by hand: three hospital days become one, and the exam is kept."""

from itertools import pairwise
from pathlib import Path

import pytest

from router.rules import load_rules
from tests.router.building import appointment, at, cancelled, exam, fact, identifier, person, place, pupil
from tests.router.planning.village import MINUTE, Village
from tests.router.slots import PHYSIO, offered, slot, withdrawn

REGISTER = Path(__file__).parents[1] / "register.yaml"
HOSPITAL = "hospital.innlandet"
RULES = load_rules(institutions=REGISTER, inboxes=[HOSPITAL])
NEURO, ORTHO = ({**PHYSIO, "code": name, "mapped": name} for name in ("NEUROLOGY", "ORTHOPAEDICS"))
SAID = "2026-02-20 08:00"
NOON_BEFORE = at("2026-02-27 12:00")


def hamar(department):
    return place("clinic", department)


def visit(name, start, end, service, **more):
    more = {"recorded": SAID, **more}
    return appointment("N1", name, start, end, where=hamar("WEST"), service=service, **more)


def offers(service, *slots, **more):
    more = {"recorded": SAID, **more}
    return offered(
        [slot(*each, room="R2", resource="DR1") for each in slots],
        where=hamar("WEST"),
        service=service,
        **more,
    )


def week():
    """Three visits in Hamar on three days of one week, one of them during an exam in Lillehammer."""
    return [
        pupil("N1", recorded=SAID),
        exam("N1", "x1", "2026-03-11 09:00", "2026-03-11 11:00", recorded=SAID),
        visit("a1", "2026-03-09 09:00", "2026-03-09 09:45", PHYSIO),
        visit("a2", "2026-03-11 10:00", "2026-03-11 10:30", NEURO),
        visit("a3", "2026-03-13 12:00", "2026-03-13 12:30", ORTHO),
    ]


def shelves():
    return [
        offers(
            PHYSIO,
            ("p1", "2026-03-13 09:00", "2026-03-13 09:45"),
            ("p2", "2026-03-11 12:00", "2026-03-11 12:45"),
        ),
        offers(
            NEURO,
            ("n1", "2026-03-13 10:00", "2026-03-13 10:30"),
            ("n2", "2026-03-10 10:00", "2026-03-10 10:30"),
        ),
        offers(ORTHO, ("o1", "2026-03-10 12:00", "2026-03-10 12:30")),
    ]


def test_three_days_become_one_and_the_exam_is_kept():
    village = Village(RULES).hear(*shelves(), *week()).tick(NOON_BEFORE)
    (proposal,) = village.proposals()
    assert [
        (move["appointment"]["id"], move["old_start"]["instant"], move["slot"], move["start"]["instant"])
        for move in proposal["moves"]
    ] == [
        ("a1", at("2026-03-09 09:00"), "p1", at("2026-03-13 09:00")),
        ("a2", at("2026-03-11 10:00"), "n1", at("2026-03-13 10:00")),
    ]
    # Lillehammer to Hamar takes 91 minutes (docs/coordination.md), there and back 182; three days become one.
    # Both in the week's school hours: three wishes before; all three on Friday after.
    assert proposal["numbers"] == {
        "conflicts_before": 1, "conflicts_after": 0, "important_before": 0, "important_after": 0,
        "days_before": 3, "days_after": 1, "travel_minutes_before": 546, "travel_minutes_after": 182,
        "wishes_before": 2, "wishes_after": 3, "moved": 2,
    }  # fmt: skip
    assert proposal["gains"] == ["proposal.gain.conflicts", "proposal.gain.days", "proposal.gain.travel"]
    assert {(move["place"], move["resource"]) for move in proposal["moves"]} == {("R2", "DR1")}
    assert (proposal["status"], proposal["reason"]) == ("OPEN", "proposal.open")
    assert proposal["at"]["instant"] == NOON_BEFORE
    assert proposal["answer_by"]["instant"] == at("2026-03-02 12:00")


def states(village):
    return [(each["status"], each["reason"]) for each in village.proposals()]


def slots_of(proposal):
    return {move["slot"] for move in proposal["moves"]}


def answered(proposal, answer, **more):
    body = {
        "proposal_id": proposal["proposal_id"], "answer": answer, "reason": None,
        "wishes": more.pop("wishes", []), "details": None,
    }  # fmt: skip
    return fact(
        "ProposalAnswered", "N1", body, source=("citizen", "app"), recorded="2026-02-27 13:00", **more
    )


def matter(kind, weight, *weekdays, minute=None):
    return {"kind": kind, "weight": weight, "weekdays": list(weekdays), "minute": minute}


def stated(*matters, recorded="2026-02-26 08:00", **more):
    body = {"matters": list(matters), "details": None}
    return fact("MattersStated", "N1", body, source=("citizen", "app"), recorded=recorded, **more)


def test_a_slot_that_is_taken_back_withdraws_the_proposal_and_a_plan_without_it_follows():
    village = Village(RULES).hear(*shelves(), *week()).tick(NOON_BEFORE)
    village.hear(withdrawn("n1", where=hamar("WEST"), service=NEURO, recorded="2026-03-01 09:00"))
    assert states(village) == [("WITHDRAWN", "proposal.withdrawn")]
    village.tick(NOON_BEFORE + MINUTE)
    first, second = village.proposals()
    assert second["status"] == "OPEN"
    assert "n1" not in slots_of(second)
    # Tuesday for neurology and orthopaedics: two days instead of three, and no exam is missed.
    assert slots_of(second) == {"n2", "o1"}
    assert second["proposal_id"] != first["proposal_id"]


@pytest.mark.parametrize(
    "change",
    [
        cancelled("N1", "a1", recorded="2026-02-28 08:00"),
        visit(
            "a2",
            "2026-03-11 10:15",
            "2026-03-11 10:45",
            NEURO,
            record="AppointmentRescheduled",
            recorded="2026-02-28 08:00",
        ),
        exam("N1", "x2", "2026-03-13 09:30", "2026-03-13 11:00", recorded="2026-02-28 08:00"),
        appointment(
            "N1",
            "b1",
            "2026-03-13 09:30",
            "2026-03-13 09:45",
            where=place("physio"),
            recorded="2026-02-28 08:00",
        ),
        stated(matter("NOT_ON", "MUST", 4), recorded="2026-02-28 08:00"),
    ],
    ids=["cancelled", "moved", "another exam", "another visit", "never on Fridays"],
)
def test_what_changes_under_a_proposal_withdraws_it(change):
    village = Village(RULES).hear(*shelves(), *week()).tick(NOON_BEFORE)
    village.hear(change)
    assert states(village)[0] == ("WITHDRAWN", "proposal.withdrawn")
    village.tick(NOON_BEFORE + 5 * MINUTE)
    assert sum(status == "OPEN" for status, _ in states(village)) <= 1
    assert len({each["proposal_id"] for each in village.proposals()}) == len(village.proposals())


def test_what_has_nothing_to_do_with_a_proposal_leaves_it_open():
    village = Village(RULES).hear(*shelves(), *week()).tick(NOON_BEFORE)
    village.hear(
        appointment("N1", "b1", "2026-03-20 14:30", where=place("physio"), recorded="2026-02-28 08:00"),
        stated(matter("NOT_ON", "MUST", 1), recorded="2026-02-28 08:00"),
        withdrawn("n2", where=hamar("WEST"), service=NEURO, recorded="2026-03-01 09:00"),
    )
    assert states(village) == [("OPEN", "proposal.open")]


def test_declined_slots_do_not_come_again_and_the_next_best_plan_does():
    village = Village(RULES).hear(*shelves(), *week()).tick(NOON_BEFORE)
    village.hear(answered(village.proposals()[0], "DECLINED")).tick(NOON_BEFORE + 60 * MINUTE)
    assert [status for status, _ in states(village)] == ["DECLINED", "OPEN"]
    assert not slots_of(village.proposals()[1]) & slots_of(village.proposals()[0])


def test_a_proposal_nobody_answers_ends_and_is_not_made_again():
    village = Village(RULES).hear(*shelves(), *week()).tick(NOON_BEFORE).tick(at("2026-03-02 12:00"))
    assert states(village)[0] == ("EXPIRED", "proposal.expired")
    assert all(slots_of(each) != slots_of(village.proposals()[0]) for each in village.proposals()[1:])


def test_wishes_in_an_answer_count_for_the_next_plan():
    village = Village(RULES).hear(*shelves(), *week()).tick(NOON_BEFORE)
    wish = matter("NOT_ON", "MUST", 4)
    village.hear(answered(village.proposals()[0], "COUNTERED", wishes=[wish])).tick(NOON_BEFORE + 5 * MINUTE)
    assert [status for status, _ in states(village)] == ["COUNTERED", "OPEN"]
    assert slots_of(village.proposals()[1]) == {"n2", "o1"}


@pytest.mark.parametrize(
    ("matters", "slots"),
    [
        ([matter("NOT_ON", "MUST", 4)], {"n2", "o1"}),
        # Two days either way, Friday with Monday or Tuesday with Monday: the earlier one.
        ([matter("NOT_BEFORE", "MUST", 4, minute=9 * 60 + 30)], {"n2", "o1"}),
        ([matter("NOT_AFTER", "MUST", minute=9 * 60 + 40)], None),
        ([matter("NOT_ON", "IMPORTANT", 4)], {"n2", "o1"}),
        ([matter("NOT_ON", "WISH", 4)], {"p1", "n1"}),
        ([matter("ONE_DAY", "MUST")], {"p1", "n1"}),
        ([matter("NOT_ON", "MUST", 4), matter("ONE_DAY", "MUST")], {"n2", "o1"}),
    ],
)
def test_what_matters_weighs_as_the_citizen_said(matters, slots):
    village = Village(RULES).hear(*shelves(), *week(), stated(*matters)).tick(NOON_BEFORE)
    assert [slots_of(each) for each in village.proposals()] == ([slots] if slots else [])


def test_the_latest_statement_replaces_the_earlier_one_whatever_came_first():
    never, always = stated(matter("NOT_ON", "MUST", 4)), stated(recorded="2026-02-26 09:00")
    for order in ((never, always), (always, never)):
        village = Village(RULES).hear(*shelves(), *week(), *order).tick(NOON_BEFORE)
        assert slots_of(village.proposals()[0]) == {"p1", "n1"}


def test_statements_that_cannot_be_meant_are_refused_with_a_reason():
    absurd = {
        "matters.no_such_weekday": [matter("NOT_ON", "MUST", 7)],
        "matters.no_weekday": [matter("NOT_ON", "WISH")],
        "matters.no_such_minute": [matter("NOT_BEFORE", "MUST", minute=1441)],
        "matters.no_time_left": [matter("NOT_ON", "MUST", *range(7))],
        "matters.unknown_kind": [matter("OTHER", "MUST")],
        "matters.too_many": [matter("ONE_DAY", "WISH")] * 21,
    }
    for reason, matters in absurd.items():
        village = Village(RULES).hear(*shelves(), *week(), stated(*matters)).tick(NOON_BEFORE)
        assert village.refused() == [(reason, "")]
        assert slots_of(village.proposals()[0]) == {"p1", "n1"}, "it is as if it had not been said"


def test_nothing_is_proposed_where_nothing_is_better_or_nobody_can_be_asked():
    nobody = (
        Village(load_rules(institutions=REGISTER)).hear(*shelves(), *week()).tick(NOON_BEFORE + 60 * MINUTE)
    )
    assert not nobody.proposals()
    assert not [output for output in nobody.said if output.record == "SlotsAsked"]
    too_late = Village(RULES).hear(*shelves(), *week()).tick(at("2026-03-12 13:00"))
    assert not too_late.proposals()
    worse = offers(NEURO, ("n3", "2026-03-11 09:15", "2026-03-11 09:45"))
    village = Village(RULES).hear(worse, *week()).tick(NOON_BEFORE)
    assert not village.proposals()


def test_slots_that_come_later_are_found_by_looking_again_less_and_less_often():
    village = Village(RULES).hear(*week()).tick(NOON_BEFORE).tick(NOON_BEFORE + 6 * 60 * MINUTE)
    asked = sorted({output.value["after"] for output in village.said if output.record == "SlotsAsked"})
    pauses = [(after - before) // MINUTE for before, after in pairwise(asked)]
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128]
    village.hear(*shelves()).tick(NOON_BEFORE + 12 * 60 * MINUTE)
    assert [slots_of(each) for each in village.proposals()] == [{"p1", "n1"}]


def test_two_keys_of_one_citizen_are_planned_for_together():
    local = [
        appointment("L1", name, start, end, where=hamar("WEST"), service=service, national=False)
        for name, start, end, service in (
            ("a1", "2026-03-09 09:00", "2026-03-09 09:45", PHYSIO),
            ("a2", "2026-03-11 10:00", "2026-03-11 10:30", NEURO),
        )
    ]
    apart = Village(RULES).hear(*shelves(), *week()[:2], *local, week()[4]).tick(NOON_BEFORE)
    assert not apart.proposals()
    apart.hear(person("N1", also=(identifier("L1"),), recorded="2026-02-27 12:00")).tick(
        NOON_BEFORE + 5 * MINUTE
    )
    (proposal,) = apart.proposals()
    assert proposal["citizen"] == "N1"
    assert slots_of(proposal) == {"p1", "n1"}
    moved = withdrawn("p1", where=hamar("WEST"), service=PHYSIO, recorded="2026-03-01 09:00")
    assert states(apart.hear(moved))[0] == ("WITHDRAWN", "proposal.withdrawn")
