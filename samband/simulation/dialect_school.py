"""How the schools' system tells it: OneRoster sets with everybody in them, morning by morning."""

from collections.abc import Iterator
from datetime import time

from connectors.school.testing import (
    SetWriter,
    category,
    clock,
    enrollment,
    line_item,
    school,
    school_class,
    user,
)
from samband.simulation.history import Exam, Sitting, Town
from samband.simulation.places import TOWN_SCHOOLS
from samband.simulation.population import Household

SYSTEM = "granvik-sis"
_FORMS = range(1, 11)


def roster(town: Town, export: int) -> dict[str, bytes]:
    """The files of the ``export``th set."""
    writer = SetWriter(system_code=SYSTEM)
    for place in TOWN_SCHOOLS:
        writer.add("orgs", school(place.sourced_id, place.sourced_id, place.organisation_number))
        writer.add(
            "classes",
            *(school_class(name, f"Class {name}", place.sourced_id) for name in map(place.class_of, _FORMS)),
        )
    writer.add("categories", category("exam", "Eksamen"))
    for table in ("users", "enrollments", "lineItems"):
        writer.add(table)
    pupils = {each.person.sequence for each in town.attendances if each.since <= export}
    for household in town.households:
        _household(writer, household, pupils)
    for each in town.attendances:
        if each.since <= export and (each.until is None or export < each.until):
            row = enrollment(
                pupil_id(each.person.sequence), each.class_name, each.school.sourced_id,
                beginDate=each.begin.isoformat(),
            )  # fmt: skip
            writer.add("enrollments", row)
    for exam, sitting in exams_at(town, export):
        hours = {} if sitting.hours is None else clock(*map(_clock, sitting.hours))
        writer.add(
            "lineItems",
            line_item(exam.id, "Written exam", exam.class_name, "exam", sitting.day.isoformat(), **hours),
        )
    return writer.files()


def exams_at(town: Town, export: int) -> Iterator[tuple[Exam, Sitting]]:
    """The exams as they are known at an export."""
    for exam in town.exams:
        known = [sitting for sitting in exam.sittings if sitting.since <= export]
        if known:
            yield exam, known[-1]


def pupil_id(sequence: int) -> str:
    """A pupil's id in the schools' system."""
    return f"pupil-{sequence}"


def guardian_id(sequence: int) -> str:
    """A guardian's id in the schools' system."""
    return f"guardian-{sequence}"


def _household(writer: SetWriter, household: Household, pupils: set[int]) -> None:
    children = [child for child in household.children if child.sequence in pupils]
    if not children:
        return
    place = household.school.sourced_id
    for adult in household.adults:
        names = adult.given_name, adult.family_name
        listed = ",".join(pupil_id(child.sequence) for child in children)
        writer.add("users", user(
            guardian_id(adult.sequence), "parent", names, place,
            identifier=adult.national_id, agentSourcedIds=listed,
        ))  # fmt: skip
    guardians = ",".join(guardian_id(adult.sequence) for adult in household.adults)
    for child in children:
        writer.add("users", user(
            pupil_id(child.sequence), "student", (child.given_name, child.family_name), place,
            identifier=child.national_id, agentSourcedIds=guardians,
        ))  # fmt: skip


def _clock(at: time) -> str:
    return at.isoformat(timespec="minutes")
