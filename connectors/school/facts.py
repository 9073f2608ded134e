"""What a set says that the bus has not been told yet. Pure.

Persons come first, then enrolments, then exams, each sorted by pseudonym, so that the order of files and rows
in the set makes no difference.
"""

from dataclasses import dataclass

import msgspec

from connectors.kit.outcomes import Fact
from connectors.school import vocabulary
from connectors.school.facts_exams import exams
from connectors.school.facts_people import people
from connectors.school.merge import Merged, RosterContext
from connectors.school.occasion import Occasion, institution
from connectors.school.state import Enrollment, State


@dataclass(frozen=True, slots=True)
class Told:
    """The facts of a set, and the state once they are published."""

    facts: tuple[Fact, ...]
    state: State
    retracted: int


def facts(old: State, merged: Merged, context: RosterContext, label: str) -> Told:
    """All facts of the set; raises SetRefusedError when an exam has no day that can be read."""
    occasion = Occasion(context, merged.state, old.sequence + 1)
    persons, told_people = people(old, merged, occasion)
    enrolled = _enrollments(old, merged, occasion)
    tested, told_exams = exams(old, merged, occasion)
    state = msgspec.structs.replace(
        merged.state, sequence=old.sequence + 1, label=label, people=told_people, exams=told_exams
    )
    retracted = sum(fact.record == "FactRetracted" for fact in tested)
    return Told((*persons, *enrolled, *tested), state, retracted)


def _enrollments(old: State, merged: Merged, occasion: Occasion) -> list[Fact]:
    current = merged.state.enrollments
    begun = (*merged.enrollments.added, *merged.enrollments.changed)
    made = [(row, current[row], current[row].status) for row in begun]
    made += [(row, old.enrollments[row], "tobedeleted") for row in merged.enrollments.removed]
    return [
        _enrollment(row, value, status, occasion) for row, value, status in sorted(made, key=lambda m: m[0])
    ]


def _enrollment(row: str, value: Enrollment, status: str, occasion: Occasion) -> Fact:
    user = occasion.user(value.user)
    recorded, remarks = occasion.recorded(value.recorded)
    begin, end = occasion.day(value.begin), occasion.day(value.end)
    if (value.begin and begin is None) or (value.end and end is None):
        remarks.append(vocabulary.UNREADABLE_TIME)
    role = vocabulary.enrollment_role(value.role)
    if role["mapped"] == "UNKNOWN" or not vocabulary.is_standard_status(status):
        remarks.append(vocabulary.UNKNOWN_CODE)
    known_class = occasion.state.classes.get(value.class_id)
    return Fact(
        record="EnrollmentChanged",
        identifiers=user.identifiers,
        occurred=recorded,
        recorded=recorded,
        body={
            "enrollment": row,
            "school": institution(occasion, value.school or (known_class.school if known_class else "")),
            "class_id": value.class_id or None,
            "role": role,
            "status": vocabulary.enrollment_status(status),
            "begin": begin,
            "end": end,
            "details": {"title": known_class.title or None, "text": None} if known_class else None,
        },
        sensitivity="PERSONAL",
        protection=user.protection,
        remarks=tuple(remarks),
        identity=occasion.identity("enrollments", row),
        content=occasion.context.digest(value.digest, status),
    )
