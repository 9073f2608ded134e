"""What happens in Granvik in one week, as each legacy system would have it.

Pure data, drawn from a seed: the simulated systems turn it into HL7 messages, OneRoster sets and
Digisos documents. The story in the middle is Emil's (``story.py``).
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from samband.demo.acts import DEPARTMENTS, MONDAY, Booking, CaseAct, Flaw, HospitalAct, SchoolAct, at
from samband.demo.people import Family, Person, Registrar, families
from samband.demo.story import hospital_acts, respite_care

CLASSES = ("1A", "2A", "3A", "4A", "5A", "6A", "7A")


@dataclass(frozen=True, slots=True)
class Week:
    """Everything that the three agencies send, each in the order of its time."""

    child: Person
    parents: tuple[Person, ...]
    town: tuple[Family, ...]
    hospital: list[HospitalAct] = field(default_factory=list)
    school: list[SchoolAct] = field(default_factory=list)
    municipality: list[CaseAct] = field(default_factory=list)

    def pupils(self) -> Iterator[tuple[Person, str]]:
        """Each child of the town with its class, by age."""
        for family in self.town:
            for child in family.children:
                yield child, class_of(child)


def class_of(child: Person) -> str:
    """Children start school in the year in which they turn six."""
    return CLASSES[min(max(MONDAY.year - child.born.year - 6, 0), len(CLASSES) - 1)]


def plan(seed: int = 1, family_count: int = 60) -> Week:
    """The week; the same seed gives the same week."""
    draw = random.Random(seed)  # noqa: S311 - a made-up town needs a repeatable draw, not a secret
    registrar = Registrar()
    child = registrar.register("Emil", "Solbakken", date(2017, 5, 14))
    parents = (
        registrar.register("Ingrid", "Solbakken", date(1988, 2, 3)),
        registrar.register("Tor", "Solbakken", date(1985, 9, 21)),
    )
    town = (Family(parents, (child,)), *families(registrar, family_count, draw, MONDAY))
    week = Week(child, parents, town)
    week.hospital.extend(sorted([*hospital_acts(child), *_hospital(town[1:], draw)], key=_when))
    week.school.extend(_school(town, child))
    week.municipality.extend(sorted([*respite_care(child, parents), *_cases(town[1:], draw)], key=_when))
    return week


def _when(act: HospitalAct | CaseAct) -> datetime:
    return act.at


def _hospital(town: tuple[Family, ...], draw: random.Random) -> Iterator[HospitalAct]:
    everybody = [person for family in town for person in (*family.parents, *family.children)]
    for number, person in enumerate(draw.sample(everybody, len(everybody) // 2)):
        yield from _bookings_of(person, number, draw)
    for number, person in enumerate(draw.sample(everybody, 12)):
        yield from _stay_of(person, number, draw)
    odd = draw.sample(everybody, 4)
    yield HospitalAct(at=at(1, 7, 5), trigger="R01", person=odd[0], flaw=Flaw.LAB_RESULT)
    yield HospitalAct(at=at(2, 7, 6), trigger="R01", person=odd[1], flaw=Flaw.LAB_RESULT)
    yield HospitalAct(at=at(3, 13, 1), trigger="S12", person=odd[2], flaw=Flaw.NOT_HL7)
    nameless = _booking("", draw)
    yield HospitalAct(
        at=at(3, 9, 2), trigger="S12", person=odd[3], booking=nameless, flaw=Flaw.NO_APPOINTMENT_ID
    )


def _booking(number: str, draw: random.Random) -> Booking:
    start = at(draw.randrange(7, 12), draw.randrange(8, 15), draw.choice((0, 15, 30, 45)))
    department = draw.choice(list(DEPARTMENTS))
    return Booking(
        number=number,
        department=department,
        title=f"{DEPARTMENTS[department]} check-up",
        start=start,
        minutes=draw.choice((20, 30, 45)),
    )


def _bookings_of(person: Person, number: int, draw: random.Random) -> Iterator[HospitalAct]:
    booked = at(draw.randrange(4), draw.randrange(8, 15), draw.randrange(60))
    booking = _booking(f"GEN-{number:05}", draw)
    flaw = Flaw.SENT_TWICE if number % 9 == 0 else None
    yield HospitalAct(
        at=booked, trigger="S12", person=person, booking=booking, national=number % 3 > 0, flaw=flaw
    )
    what_happens = number % 5
    if what_happens == 1:
        moved = Booking(
            number=booking.number, department=booking.department, title=booking.title,
            start=booking.start + timedelta(days=1), minutes=booking.minutes,
        )  # fmt: skip
        yield HospitalAct(at=booked + timedelta(hours=3), trigger="S13", person=person, booking=moved)
    elif what_happens == 2:  # noqa: PLR2004 - every fifth booking is cancelled
        yield HospitalAct(at=booked + timedelta(hours=20), trigger="S15", person=person, booking=booking)
    if number % 3 == 0:
        yield HospitalAct(at=booked + timedelta(minutes=40), trigger="A31", person=person)


def _stay_of(person: Person, number: int, draw: random.Random) -> Iterator[HospitalAct]:
    admitted = at(draw.randrange(3), draw.randrange(24), draw.randrange(60))
    visit = f"V{number:04}"
    yield HospitalAct(at=admitted, trigger="A01", person=person, visit=visit)
    if number % 4 == 0:
        yield HospitalAct(at=admitted + timedelta(minutes=20), trigger="A11", person=person, visit=visit)
    else:
        yield HospitalAct(at=admitted + timedelta(hours=30), trigger="A03", person=person, visit=visit)


def _school(town: tuple[Family, ...], child: Person) -> Iterator[SchoolAct]:
    exams = {class_of(child): MONDAY + timedelta(days=9)}
    more_exams = {**exams, "7A": MONDAY + timedelta(days=10)}
    leaver = frozenset({town[-1].children[0].national_id})
    yield SchoolAct(at=at(0, 6), exams=exams)
    yield SchoolAct(at=at(2, 6), exams=more_exams, left=leaver)
    yield SchoolAct(at=at(2, 7), exams=more_exams, left=leaver, same_as_before=True)
    yield SchoolAct(at=at(3, 12), exams=more_exams, broken=True)


def _cases(town: tuple[Family, ...], draw: random.Random) -> Iterator[CaseAct]:
    for number, family in enumerate(draw.sample(town, 18)):
        yield from _social_assistance(f"sosial-2026-{number:03}", family.parents[0], number, draw)
    broken = CaseAct(
        at=at(2, 15, 30), case="sosial-2026-900", person=town[0].parents[0], event={}, broken=True
    )
    yield broken


def _social_assistance(case: str, person: Person, number: int, draw: random.Random) -> Iterator[CaseAct]:
    when = at(draw.randrange(2), draw.randrange(8, 12), draw.randrange(60))
    steps: list[dict[str, object]] = [
        {"type": "soknadsStatus", "status": "MOTTATT"},
        {"type": "tildeltNavKontor", "navKontor": "0314"},
        {"type": "soknadsStatus", "status": "UNDER_BEHANDLING"},
    ]
    if number % 3 == 0:
        wanted = [{"dokumenttype": "Bank statement", "innsendelsesfrist": at(10, 12).isoformat()}]
        steps.append({"type": "dokumentasjonEtterspurt", "dokumenter": wanted})
    if number % 7 == 0:
        steps.append({"type": "sakKopiertTilArkiv"})
    if number % 2 == 0:
        steps += [
            {
                "type": "vedtakFattet",
                "referanse": "SAK1",
                "utfall": {"utfall": draw.choice(("INNVILGET", "AVSLATT"))},
            },
            {"type": "soknadsStatus", "status": "FERDIGBEHANDLET"},
        ]
    for step in steps:
        stamp = when.isoformat(timespec="milliseconds")
        yield CaseAct(at=when, case=case, person=person, event={"hendelsestidspunkt": stamp, **step})
        when += timedelta(minutes=draw.randrange(20, 400))
