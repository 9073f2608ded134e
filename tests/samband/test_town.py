"""The simulated town keeps its own laws, whatever the seed: else the oracle would compare nonsense."""

import random
from collections import Counter, defaultdict
from datetime import timedelta
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from samband.simulation import mishaps
from samband.simulation.dialect_cases import CaseSystem
from samband.simulation.dialect_health import message
from samband.simulation.dialect_school import roster
from samband.simulation.diaries import Diary
from samband.simulation.history import AppointmentStep, Card, CardChange, CardMended, Change, Registered, Town
from samband.simulation.places import CLINICS, day_number, easter, is_holiday, micros, moment, opening
from samband.simulation.town import build

SIZES = st.tuples(st.integers(1, 120), st.integers(1, 30), st.integers(0, 1_000_000))
GONE = (Change.CANCELLED, Change.NEVER_MEANT)


def wire(town: Town) -> list[object]:
    """Everything that the town's systems would send."""
    cases = CaseSystem()
    return [
        *(message(each.step, each.number) for day in mishaps.clinics(town, 1).values() for each in day),
        *(cases.document(step) for step in town.cases),
        *(roster(town, export) for export in range(len(town.exports))),
    ]


@settings(max_examples=15, deadline=None)
@given(SIZES)
def test_the_same_seed_gives_the_same_messages(size):
    assert wire(build(*size)) == wire(build(*size))


def test_another_seed_gives_another_town():
    assert wire(build(40, 5, 1)) != wire(build(40, 5, 2))


@settings(max_examples=30, deadline=None)
@given(SIZES)
def test_a_town_has_as_many_people_as_asked_for_each_with_a_number_of_their_own(size):
    people = build(*size).people()
    assert len(people) == size[0]
    assert len({person.national_id for person in people}) == size[0]
    assert {person.sequence for person in people} == set(range(1, size[0] + 1))


def standing(town: Town) -> list[AppointmentStep]:
    last = {step.number: step for step in town.health if isinstance(step, AppointmentStep)}
    return [step for step in last.values() if step.change not in GONE]


@settings(max_examples=40, deadline=None)
@given(SIZES)
def test_no_resource_is_booked_twice_for_one_time(size):
    diaries: dict[tuple[str, int], list[AppointmentStep]] = defaultdict(list)
    for step in standing(build(*size)):
        diaries[step.clinic.code, step.resource].append(step)
    for booked in diaries.values():
        booked.sort(key=lambda step: step.start)
        for earlier, later in pairwise(booked):
            assert earlier.start + timedelta(minutes=earlier.minutes) <= later.start


@settings(max_examples=40, deadline=None)
@example((30, 29, 89025))  # a series whose first visit finds no time, after an appointment that is over
@given(SIZES)
def test_appointments_lie_within_working_hours_and_after_they_were_booked(size):
    for step in build(*size).health:
        if isinstance(step, AppointmentStep):
            opens, closes = opening(step.start.date())
            assert opens <= step.start
            assert step.start + timedelta(minutes=step.minutes) <= closes
            assert step.start.weekday() not in step.clinic.closed
            assert step.change is Change.MISSED or step.at < step.start


@settings(max_examples=40, deadline=None)
@given(SIZES)
def test_everything_happens_within_the_days_and_nobody_does_two_things_in_one_second(size):
    town = build(*size)
    first, end = moment(day_number(0), 0), moment(day_number(size[1]), 0)
    for step in (*town.health, *town.cases):
        assert first <= step.at < end
    moments = Counter((step.person.sequence, micros(step.at)) for step in town.health)
    assert set(moments.values()) <= {1}


@settings(max_examples=40, deadline=None)
@given(SIZES)
def test_a_clinic_knows_who_somebody_is_before_it_does_anything_else(size):
    cards: dict[tuple[int, str], Card] = {}
    right: dict[tuple[int, str], Card] = {}
    for step in build(*size).health:
        here = step.person.sequence, step.clinic.code
        if isinstance(step, Registered):
            assert step.again == (here in cards)
        elif isinstance(step, CardMended):
            assert step.wrong == cards[here]
        else:
            assert step.card == cards[here]
        cards[here] = step.card
        right[here] = Card(f"{400_000 + step.person.sequence}", step.person.national_id)
    assert cards == right  # in the end everything that was wrong has been found out


@settings(max_examples=40, deadline=None)
@given(SIZES)
def test_whatever_goes_wrong_on_the_way_every_message_is_sent(size):
    town = build(*size)
    sent = [each for day in mishaps.clinics(town, size[2]).values() for each in day]
    assert {each.number: each.step for each in sent} == dict(enumerate(town.health, 1))
    assert len(sent) - len(town.health) <= 5 + len(town.health) // 4  # a few of them twice


@settings(max_examples=40, deadline=None)
@given(SIZES)
def test_a_number_that_is_wrong_is_nobodys_unless_it_is_said_to_be_anothers(size):
    town = build(*size)
    numbers = {person.national_id: person for person in town.people()}
    for step in town.health:
        if isinstance(step, CardMended) and step.wrong.national:
            owner = numbers.get(step.wrong.national)
            assert (owner is not None) == (step.change is CardChange.PARTED)
            assert owner is not step.person


def test_a_diary_that_is_full_gives_nothing_more():
    diary, draw, day = Diary(CLINICS[1], 1), random.Random(0), day_number(1)
    booked = [diary.book(draw, [day], 45) for _ in range(400)]
    times = [slot.start for slot in booked if slot]
    assert len(times) == len(set(times)) <= 10  # seven hours and a half
    assert booked[-1] is None


def test_holidays_are_those_of_the_calendar_of_2025_and_2026():
    assert (easter(2025).isoformat(), easter(2026).isoformat()) == ("2025-04-20", "2026-04-05")
    spring = [day_number(number) for number in range(60)]
    assert [day.isoformat() for day in spring if is_holiday(day)] == [
        "2025-05-01", "2025-05-17", "2025-05-29", "2025-06-08", "2025-06-09",
    ]  # fmt: skip
