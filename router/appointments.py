"""The current view of each appointment, meeting, stay, exam and enrolment: what its source last said of it.

A view is a fold over the standing facts in the order of the source (when it recorded them), so it does not
depend on the order of arrival. What was cancelled, missed or entered in error has no view.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import cast
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from router.corrections import standing_facts
from router.order import source_order
from router.rules import Place, Rules
from router.spans import DAY, HOUR
from router.state import (
    CONFIDENCES,
    KIND_NUMBER,
    SCALES,
    Citizen,
    Fact,
    PlannedFact,
    confidence_of,
    instant_of,
    protection_of,
    sensitivity_of,
)

DOUBTFUL = CONFIDENCES.index("DOUBTFUL")
DATE_ONLY = CONFIDENCES.index("DATE_ONLY")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_SERVICE = ("system", "code", "name")
"""What stands behind the status of an appointment whose source names a service, see ``facts.py``."""
_GONE = frozenset({"CANCELLED", "MISSED", "ENTERED_IN_ERROR"})
_LEAVES = frozenset({KIND_NUMBER["AppointmentCancelled"], KIND_NUMBER["AppointmentMissed"]})
_STARTED, _ENDED, _ON_LEAVE = (KIND_NUMBER[name] for name in ("StayStarted", "StayEnded", "StayOnLeave"))


class Visit(msgspec.Struct, frozen=True, gc=False):
    """Something that takes place somewhere at a time."""

    ref: str
    kind: str
    """APPOINTMENT, MEETING, STAY or EXAM."""
    agency: str
    institution: str
    """As ``facts.institution_name`` wrote it."""
    place: Place
    start: int
    end: int
    """Exclusive; by a rule when the source gives none."""
    given_end: int | None
    timed: bool
    """False when only the day is known."""
    confidence: int
    day: int
    """Local day of the start, as a proleptic ordinal."""
    sensitivity: int
    protection: int
    attends: bool = True
    """The citizen is there; else somebody in the family."""
    away: tuple[tuple[int, int], ...] = ()
    """Leaves from a stay."""
    before: int = 0
    """What its service needs before its own time, by rule."""
    after: int = 0
    service: str = ""
    """What is done, as shelves are named by; empty when the source does not say."""


class Schooling(msgspec.Struct, frozen=True, gc=False):
    """A pupil's time at a school; ``end`` is exclusive."""

    ref: str
    agency: str
    institution: str
    place: Place
    begin: int | None
    end: int | None
    sensitivity: int
    protection: int


def local(instant: int, zone: ZoneInfo) -> datetime:
    """An instant on the clock of a place; clamped to the years that a calendar has."""
    return (_EPOCH + timedelta(microseconds=bounded(instant))).astimezone(zone)


def bounded(instant: int) -> int:
    """The nearest instant that a calendar has."""
    return FIRST_DAY if instant < FIRST_DAY else min(instant, LAST_DAY)


def local_day(instant: int, zone: ZoneInfo) -> int:
    """The day of an instant at a place, as a proleptic ordinal."""
    ahead = _ahead(instant // DAY, zone)
    return local(instant, zone).toordinal() if ahead is None else _EPOCH_DAY + (instant + ahead) // DAY


@lru_cache(maxsize=16_384)
def _ahead(day: int, zone: ZoneInfo) -> int | None:
    """How far a zone is ahead of UTC on a whole UTC day since the epoch; None when that changes within it."""
    begin = day * DAY
    if not FIRST_DAY <= begin <= LAST_DAY - DAY:
        return None
    found = {local(begin + hour * HOUR, zone).utcoffset() for hour in range(25)}
    return None if len(found) > 1 else (found.pop() or timedelta()) // timedelta(microseconds=1)


def instant_at(moment: datetime) -> int:
    """Microseconds since the epoch of an aware moment."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


FIRST_DAY = instant_at(datetime(2, 1, 1, tzinfo=UTC))
LAST_DAY = instant_at(datetime(9998, 12, 31, tzinfo=UTC))
"""The first and the last instant that a calendar has, with room for any zone."""


def visit(citizen: Citizen, ref: str, rules: Rules) -> Visit | None:
    """The current view of an appointment, meeting, exam or stay, or None when it does not take place."""
    records = citizen.records
    facts: Sequence[PlannedFact] = records.plans.get(ref, ())
    if len(facts) > 1 or records.withdrawals:
        facts = cast("Sequence[PlannedFact]", standing_facts(records, ref))
    if not facts:
        return None
    letter = ref[0]
    if letter == "S":
        return _stay(citizen, ref, facts, rules)
    last = facts[0] if len(facts) == 1 else max(facts, key=source_order)
    if letter == "A":
        return _appointment(citizen, ref, last, rules)
    if letter == "X":
        return _view(citizen, ref, "EXAM", last, rules, rules.exam_length)
    said = records.names[last.code]
    found = None if said == "OTHERS" else _view(citizen, ref, "MEETING", last, rules, rules.meeting_length)
    return found and replace(found, attends=said == "CITIZEN")


def _appointment(citizen: Citizen, ref: str, last: PlannedFact, rules: Rules) -> Visit | None:
    gone, service = _booked(citizen.records.names[last.code])
    if gone or last.kind in _LEAVES:
        return None
    seen = _view(citizen, ref, "APPOINTMENT", last, rules, rules.appointment_length)
    if service and seen:
        system, code, name = service
        before, after = rules.services.get((system, code), (0, 0))
        seen = replace(seen, before=before, after=after, service=name)
    return seen


@lru_cache(maxsize=4096)
def _booked(said: str) -> tuple[bool, list[str]]:
    """Whether it does not take place; code system, code and name of the service, see ``facts.py``."""
    status, *service = said.split("\x1f")
    return status in _GONE, service if len(service) == len(_SERVICE) else []


def _view(
    citizen: Citizen, ref: str, kind: str, last: PlannedFact, rules: Rules, length: int
) -> Visit | None:
    if last.start is None or last.institution is None:
        return None
    names = citizen.records.names
    institution = names[last.institution]
    place = rules.place_of(institution)
    start = instant_of(last.start)
    given = None if last.end is None else instant_of(last.end)
    confidence, sensitivity, protects = SCALES[last.marks]
    timed = confidence != DATE_ONLY
    if given is None or given <= start:
        end, confidence = start + length, confidence if not timed else DOUBTFUL
    else:
        end = given
    return Visit(
        ref, kind, names[last.agency], institution, place, start, end, given, timed, confidence,
        local_day(start, place.zone), sensitivity, protects,
    )  # fmt: skip


def _stay(citizen: Citizen, ref: str, facts: Sequence[PlannedFact], rules: Rules) -> Visit | None:
    """Only inpatient stays hold a citizen back from going elsewhere."""
    started = [fact for fact in facts if fact.kind == _STARTED]
    if not started:
        return None
    first = max(started, key=source_order)
    if citizen.records.names[first.code] != "INPATIENT":
        return None
    ended = [fact for fact in facts if fact.kind == _ENDED and fact.end is not None]
    found = _view(citizen, ref, "STAY", first, rules, rules.stay_length)
    if found is None:
        return None
    found = replace(found, away=_leaves(citizen, facts))
    if not ended:
        return found
    end = instant_of(cast("int", max(ended, key=source_order).end))
    if end <= found.start:
        return None
    return replace(found, end=end, given_end=end, confidence=confidence_of(first.marks))


def _leaves(citizen: Citizen, facts: Sequence[PlannedFact]) -> tuple[tuple[int, int], ...]:
    """Each leave from its start to the next return; open ones to the day they were expected back."""
    names = citizen.records.names
    steps = sorted(
        (
            instant_of(fact.start),
            names[fact.code] == "STARTED",
            -1 if fact.end is None else instant_of(fact.end),
        )
        for fact in facts
        if fact.kind == _ON_LEAVE and fact.start is not None
    )
    leaves = []
    for place, (at, begins, expected) in enumerate(steps):
        if begins:
            following = steps[place + 1][0] if place + 1 < len(steps) else expected
            if following > at:
                leaves.append((at, following))
    return tuple(leaves)


def schooling(citizen: Citizen, ref: str, rules: Rules) -> Schooling | None:
    """A pupil's time at a school, or None for others and for what has ended without a day."""
    facts = cast("Sequence[PlannedFact]", standing_facts(citizen.records, ref))
    if not facts:
        return None
    last = max(facts, key=source_order)
    names = citizen.records.names
    role, _, status = names[last.code].partition("|")
    if role != "PUPIL" or last.institution is None or (status == "ENDED" and last.end is None):
        return None
    institution = names[last.institution]
    return Schooling(
        ref, names[last.agency], institution, rules.place_of(institution),
        None if last.start is None else instant_of(last.start),
        None if last.end is None else instant_of(last.end) + DAY,
        sensitivity_of(last.marks), protection_of(last.marks),
    )  # fmt: skip


def protection(citizen: Citizen) -> int:
    """The citizen's own marking: the strongest of what each agency last said of the person."""
    strongest = 0
    for ref, facts in citizen.records.others.items():
        if ref[0] == "P":
            stand: Sequence[Fact] = standing_facts(citizen.records, ref) if len(facts) > 1 else facts
            if stand:
                strongest = max(strongest, protection_of(max(stand, key=source_order).marks))
    return strongest
