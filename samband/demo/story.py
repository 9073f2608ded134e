"""Emil's story, nine years old: three days at one hospital become one, and nobody had to telephone.

Three departments call him in within four days, one of them in the middle of an exam, and his parents have
applied for respite care. The hospital has free times; what is made of them is for the router to find out.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from samband.demo.acts import Booking, CaseAct, HospitalAct, at
from samband.demo.people import Person

NEUROLOGY = Booking(
    number="NEVR-4711",
    department="NEVR",
    title="Epilepsy follow-up",
    start=at(8, 9),
    minutes=45,
    service="EPI",
)
HABILITATION = Booking(
    number="HABI-0815", department="HABI", title="Motor skills assessment", start=at(9, 10, 30), minutes=60,
    service="MOTOR",
)  # fmt: skip
ORTHOPAEDICS = Booking(
    number="ORTO-1234", department="ORTO", title="Orthosis fitting", start=at(11, 13), minutes=45,
    service="ORTHOSIS",
)  # fmt: skip
FREE_TIMES = (
    replace(NEUROLOGY, number="NEVR-F1", start=at(10, 9)),
    replace(NEUROLOGY, number="NEVR-F2", start=at(15, 9)),
    replace(HABILITATION, number="HABI-F1", start=at(8, 10, 30)),
    replace(HABILITATION, number="HABI-F2", start=at(14, 13)),
    replace(ORTHOPAEDICS, number="ORTO-F1", start=at(8, 12, 30)),
    replace(ORTHOPAEDICS, number="ORTO-F2", start=at(10, 14)),
)
"""On Tuesday all three departments can see him; the other times are no better than what he has."""
ASKED = at(5, 9)
"""On Saturday morning something better is proposed."""


def hospital_acts(child: Person) -> Iterator[HospitalAct]:
    """Three bookings, made by people who do not know of each other, and the free times of the hospital."""
    yield HospitalAct(at=at(0, 8, 30), trigger="S12", person=child, booking=NEUROLOGY, national=False)
    yield HospitalAct(at=at(0, 14, 10), trigger="A31", person=child)
    yield HospitalAct(at=at(1, 9, 40), trigger="S12", person=child, booking=HABILITATION)
    yield HospitalAct(at=at(2, 11, 15), trigger="S12", person=child, booking=ORTHOPAEDICS, national=False)
    for number, free in enumerate(FREE_TIMES):
        yield HospitalAct(at=at(3, 8, number), trigger="S24", person=child, free=free)


def respite_care(child: Person, parents: tuple[Person, ...]) -> Iterator[CaseAct]:
    """The application for respite care, from its arrival to the meeting."""

    def act(when: datetime, **event: object) -> CaseAct:
        stamped: dict[str, object] = {"hendelsestidspunkt": when.isoformat(timespec="milliseconds"), **event}
        return CaseAct(at=when, case="avlastning-2026-17", person=child, event=stamped, kind="AVLASTNING")

    yield act(at(0, 9, 12), type="soknadsStatus", status="MOTTATT")
    yield act(at(0, 10, 5), type="soknadLest")
    yield act(
        at(0, 11),
        type="foresporselSendt",
        tjeneste="SPESIALISTVURDERING",
        mottaker="FJORDHEIM",
        svarfrist=at(14, 15).isoformat(),
    )
    guardians = [{"rolle": "FORESATT", "fnr": parent.national_id} for parent in parents]
    listed = [
        {"rolle": "SOKER"},
        *guardians,
        {"rolle": "INSTITUSJON", "institusjon": "FJORDHEIM"},
        {"rolle": "INSTITUSJON", "institusjon": "GRANVIK-SKOLE"},
    ]
    yield act(
        at(1, 12),
        type="moteinnkalling",
        moteid="M-2026-31",
        start=at(11, 14).isoformat(),
        slutt=at(11, 15).isoformat(),
        sted="RADHUSET",
        tittel="Interdisciplinary meeting",
        deltakere=listed,
    )
