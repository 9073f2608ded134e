"""The simulation's oracle of proposals must be able to disagree: a right one is right, a broken one differs.

One citizen has two appointments on a Monday, worked out by hand: physiotherapy in Granvik from 10:00 to 10:30
and the hospital in Fjordheim from 10:15, which overlap; the way from one to the other takes 118 minutes
(``test_simulation``). A time for physiotherapy is offered on Tuesday at 09:00: one conflict less, one day
more, and no way from one to the other on either day.
"""

from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from router.rules import DEFAULT_RULES
from samband.simulation.comparison import Difference, Verdict
from samband.simulation.history import (
    AppointmentStep,
    Attendance,
    Card,
    CardChange,
    CardMended,
    Change,
    Opening,
    Town,
)
from samband.simulation.mishaps import Sending
from samband.simulation.places import FIRST_DAY, HOSPITAL, PHYSIOTHERAPY, TOWN_SCHOOLS, Clinic, micros, moment
from samband.simulation.population import households
from samband.simulation.proposals import Wire, compare_proposals
from samband.simulation.way_back import Book, Moved

KEY = "1.abc"
MONDAY = FIRST_DAY + timedelta(days=7)
TUESDAY = MONDAY + timedelta(days=1)
NOW = moment(FIRST_DAY + timedelta(days=2), 0, 10)
"""The town's third day has just begun; what was said on the first was known by then."""


class Life:
    """The town's first citizen, what was said, what was offered and what was proposed."""

    def __init__(self) -> None:
        self.town = Town(households(3, 3), 5)
        self.person = self.town.people()[0]
        self.physio = self.booked("P1", PHYSIOTHERAPY, moment(MONDAY, 10))
        self.hospital = self.booked("H1", HOSPITAL, moment(MONDAY, 10, 15))
        self.said = [(FIRST_DAY, self.physio), (FIRST_DAY, self.hospital)]
        self.offer("T1", moment(TUESDAY, 9))
        self.books = {PHYSIOTHERAPY.code: Book()}
        self.others: list[Any] = []

    def booked(self, number: str, clinic: Clinic, start: datetime, **more: Any) -> AppointmentStep:
        step = AppointmentStep(
            at=moment(FIRST_DAY, 9), person=self.person, clinic=clinic, resource=0, title="",
            card=Card("1", self.person.national_id), number=number, department=clinic.departments[0],
            change=Change.BOOKED, start=start, minutes=30,
        )  # fmt: skip
        return replace(step, **more)

    def offer(self, number: str, start: datetime, **more: Any) -> None:
        opening = Opening(
            at=moment(FIRST_DAY, 6), clinic=PHYSIOTHERAPY, number=number, resource=0, department="",
            start=start, minutes=45,
        )  # fmt: skip
        self.town.openings.append(replace(opening, **more))

    def compared(self, *said: tuple[dict[str, Any], str]) -> Verdict:
        steps = [step for _, step in self.said]
        self.town.health = sorted([*steps, *self.others], key=lambda step: micros(step.at))
        sendings: dict[Any, list[Sending]] = {}
        for number, (day, step) in enumerate(self.said):
            sendings.setdefault(day, []).append(Sending(moment(day, 12), number, step))
        verdict = Verdict()
        wire = Wire(sendings, dict(enumerate(steps)), self.books)
        compare_proposals(verdict, self.town, DEFAULT_RULES, wire, said, {KEY: self.person.sequence})
        return verdict

    def differences(self, *said: tuple[dict[str, Any], str]) -> list[Difference]:
        return self.compared(*said).differences


def time(at: datetime) -> dict[str, Any]:
    return {"instant": micros(at), "source": "", "confidence": "EXACT"}


def proposed(**more: Any) -> dict[str, Any]:
    """The right one, with something else where it is said."""
    move = {
        "appointment": {"system": "s", "id": "P1"},
        "agency": PHYSIOTHERAPY.agency,
        "institution": {"system": PHYSIOTHERAPY.agency, "id": PHYSIOTHERAPY.code},
        "old_start": time(moment(MONDAY, 10)),
        "old_end": time(moment(MONDAY, 10, 30)),
        "slot": "T1",
        "start": time(moment(TUESDAY, 9)),
        "end": time(moment(TUESDAY, 9, 45)),
    }
    numbers = {
        "conflicts_before": 1, "conflicts_after": 0, "important_before": 0, "important_after": 0,
        "days_before": 1, "days_after": 2, "travel_minutes_before": 118, "travel_minutes_after": 0,
        "wishes_before": 0, "wishes_after": 0, "moved": 1,
    }  # fmt: skip
    said = {
        "citizen": KEY,
        "proposal_id": more.pop("id", "p1"),
        "at": time(more.pop("at", NOW)),
        "answer_by": time(more.pop("answer_by", moment(MONDAY, 8))),
        "moves": [move],
        "gains": more.pop("gains", ["proposal.gain.conflicts", "proposal.gain.travel"]),
        "numbers": numbers,
    }
    for name, value in more.items():
        (numbers if name in numbers else move)[name] = value
    return deepcopy(said)


def test_a_right_proposal_is_right():
    verdict = Life().compared((proposed(), "OPEN"))
    assert verdict.differences == []
    assert (verdict.compared["proposals"], verdict.compared["savings"]) == (1, 1)


BROKEN = {
    "a slot that nobody offered": {"slot": "T2"},
    "another agency's": {"agency": HOSPITAL.agency},
    "another clinic's": {"institution": {"system": PHYSIOTHERAPY.agency, "id": "GRANVIK-TANN"}},
    "another time than was offered": {"start": time(moment(TUESDAY, 9, 15))},
    "longer than was offered": {"end": time(moment(TUESDAY, 10))},
    "an appointment that nobody booked": {"appointment": {"system": "s", "id": "P2"}},
    "from where it never was": {"old_start": time(moment(MONDAY, 11))},
    "no time to answer": {"answer_by": NOW},
    "time to answer when it is too late": {"answer_by": moment(MONDAY, 10, 15)},
    "a conflict that there was not": {"conflicts_before": 2},
    "a conflict that there will be": {"conflicts_after": 1},
    "a day that is not saved": {"days_after": 1},
    "travel that is not saved": {"travel_minutes_before": 200},
    "a gain that there is not": {"gains": ["proposal.gain.conflicts", "proposal.gain.days"]},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_proposal_differs(broken):
    (found,) = Life().differences((proposed(**broken), "SETTLED"))
    assert (found.citizen, found.kind) == (KEY, "proposals")


def test_a_slot_that_was_offered_afterwards_too_soon_or_for_another_department_differs():
    for more in ({"at": NOW + timedelta(hours=7)}, {"clinic": HOSPITAL}, {"department": "HABI"}):
        life = Life()
        life.town.openings.clear()
        life.offer("T1", moment(TUESDAY, 9), **more)
        assert len(life.differences((proposed(), "OPEN"))) == 1
    late = moment(MONDAY, 10) - timedelta(hours=23)  # an hour less than the notice
    answer_by = late + timedelta(hours=1)
    assert len(Life().differences((proposed(at=late, answer_by=answer_by), "OPEN"))) == 1


def test_a_plan_that_is_no_better_differs_though_its_figures_are_right():
    life = Life()
    life.said.remove((FIRST_DAY, life.hospital))
    figures = {"conflicts_before": 0, "travel_minutes_before": 0, "days_after": 1, "gains": []}
    (found,) = life.differences((proposed(**figures), "OPEN"))
    assert found.expected == "something better than it was"
    figures["gains"] = ["proposal.gain.conflicts"]
    assert len(life.differences((proposed(**figures), "OPEN"))) == 1


def test_one_slot_is_given_to_one_settled_proposal_alone():
    life = Life()
    life.books[PHYSIOTHERAPY.code].moved = [Moved(NOW, "P1", moment(TUESDAY, 9), 45)]
    both = (proposed(), "SETTLED"), (proposed(id="p2"), "SETTLED")
    (found,) = life.differences(*both)
    assert "another settled proposal" in found.expected
    assert life.differences((proposed(), "SETTLED"), (proposed(id="p2"), "FAILED")) == []
    later = proposed(id="p3", at=NOW + timedelta(days=2))  # the clinic has long said that it is taken
    (found,) = life.differences((proposed(), "SETTLED"), (later, "FAILED"))
    assert "somebody else's" in found.expected


def test_what_the_citizen_refused_is_not_proposed_again():
    for status, differ in (("DECLINED", 1), ("EXPIRED", 1), ("WITHDRAWN", 0), ("COUNTERED", 0)):
        again = proposed(id="p2", at=NOW + timedelta(minutes=10))
        assert len(Life().differences((proposed(), status), (again, "OPEN"))) == differ


def test_what_was_said_the_day_before_may_have_been_known_or_not():
    without = {"conflicts_before": 0, "travel_minutes_before": 0, "days_before": 1, "days_after": 1}
    yesterday = NOW.date() - timedelta(days=1)
    life = Life()
    cancelled = replace(life.hospital, at=moment(yesterday, 9), change=Change.CANCELLED)
    life.said.append((yesterday, cancelled))
    assert life.differences((proposed(), "OPEN")) == []
    (found,) = life.differences((proposed(**without, gains=[]), "OPEN"))
    assert found.expected == "0 conflicts before and 0 after" or "better" in found.expected
    life.said[-1] = (FIRST_DAY, cancelled)
    (found,) = life.differences((proposed(), "OPEN"))
    assert found.expected == "0 conflicts before and 0 after"


def test_a_pupils_days_begin_and_end_at_school():
    life = Life()
    life.town.exports = [moment(FIRST_DAY, 6)]
    life.town.attendances = [
        Attendance(
            person=life.person, school=TOWN_SCHOOLS[0], class_name="G5", begin=FIRST_DAY, since=0, until=None
        )
    ]
    # To physiotherapy it is 111 m north and 106 m east: 153 m, 2.7 minutes on foot and 5 by rule. To the
    # hospital it is as far as from there.
    assert len(life.differences((proposed(), "OPEN"))) == 1
    right = {
        "travel_minutes_before": 8 + 118 + 118,
        "travel_minutes_after": 2 * 118 + 2 * 8,
        "gains": ["proposal.gain.conflicts"],
    }
    assert life.differences((proposed(**right), "OPEN")) == []


def test_of_whom_a_clinic_took_for_somebody_else_only_the_times_are_held_against_the_town():
    life = Life()
    life.others = [
        CardMended(
            at=moment(FIRST_DAY, 10), person=life.person, clinic=HOSPITAL, card=Card("1"), wrong=Card("2"),
            change=CardChange.MERGED,
        )
    ]  # fmt: skip
    verdict = life.compared((proposed(days_after=1), "OPEN"))
    assert (verdict.compared["proposals"], verdict.compared["savings"]) == (1, 0)
    assert verdict.sound
    assert len(life.differences((proposed(slot="T2"), "OPEN"))) == 1
