"""Made-up facts of all families: the contract's examples, varied by citizen, thing and time."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple
from uuid import UUID

import schemas
from schemas.catalogue import catalogue
from schemas.codec import Codec
from schemas.examples import from_json, load_examples

WEIGHTS: Final = {
    "AppointmentScheduled": 55,
    "AppointmentRescheduled": 6,
    "AppointmentModified": 6,
    "AppointmentCancelled": 5,
    "AppointmentMissed": 1,
    "StayStarted": 5,
    "StayEnded": 5,
    "CaseOpened": 3,
    "CaseStepCompleted": 5,
    "DecisionMade": 1,
    "InformationRequested": 1,
    "MeetingInvited": 2,
    "EnrollmentChanged": 2,
    "ExamScheduled": 2,
    "AbsenceReported": 1,
}
"""Of a hundred facts."""
_BASE = 1_772_438_400_000_000
_MINUTE = 60_000_000
_YEAR_OF_SLOTS = 365 * 18
_SLOT = 30 * _MINUTE
_SLOTS_A_DAY = 18
_DAY = 24 * 60 * _MINUTE
_HOSPITALS = ("hospital.east", "hospital.west", "dentist.public")
_INSTITUTIONS = ("974631768", "974631776", "974631784", "974631792")
_NEEDS_EARLIER = (
    "AppointmentRescheduled",
    "AppointmentModified",
    "AppointmentCancelled",
    "AppointmentMissed",
)

Value = dict[str, Any]


class Made(NamedTuple):
    """A fact, encoded."""

    topic: str
    key: bytes
    record: str
    data: bytes


class Traffic:
    """Facts about ``citizens`` citizens, the same for the same seed."""

    def __init__(self, citizens: int, seed: int = 1) -> None:
        self._citizens = citizens
        self._random = Random(seed)
        self._codec = Codec()
        self._templates = _templates()
        self._number = 0
        self._booked: dict[int, str] = {}
        self._stays: dict[int, str] = {}

    def facts(self, count: int) -> Iterator[Made]:
        """``count`` facts in the mix of ``WEIGHTS``, about citizens at random."""
        kinds = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count)
        for kind in kinds:
            yield self.fact(kind, self._random.randrange(self._citizens))

    def one_each(self, record: str) -> Iterator[Made]:
        """One fact about each citizen."""
        for citizen in range(self._citizens):
            yield self.fact(record, citizen)

    def fact(self, record: str, citizen: int) -> Made:
        """The next fact: of that type, or the one that has to come before it."""
        if record in _NEEDS_EARLIER and citizen not in self._booked:
            record = "AppointmentScheduled"
        if record == "StayEnded" and citizen not in self._stays:
            record = "StayStarted"
        self._number += 1
        key = _key(citizen, "N")
        value = self._varied(record, citizen)
        topic = catalogue().records[record].topics[0]
        return Made(topic, key.encode(), record, self._codec.encode(record, value))

    def _varied(self, record: str, citizen: int) -> Value:
        template = self._templates[record]
        value = {**template, "meta": self._meta(template["meta"], citizen), **self._thing(record, citizen)}
        if "start" in value:
            day, slot = divmod(self._random.randrange(_YEAR_OF_SLOTS), _SLOTS_A_DAY)
            start = _BASE + day * _DAY + slot * _SLOT
            value["start"] = {**value["start"], "instant": start}
            if value.get("end"):
                value["end"] = {**value["end"], "instant": start + 45 * _MINUTE}
        if "institution" in value:
            value["institution"] = {**value["institution"], "id": self._random.choice(_INSTITUTIONS)}
        return value

    def _thing(self, record: str, citizen: int) -> Value:
        """What the fact is about: a new thing where it begins one, else the citizen's last one."""
        if record.startswith("Appointment"):
            if record == "AppointmentScheduled":
                self._booked[citizen] = f"A{self._number}"
            return {"appointment": {"system": "BENCH", "id": self._booked[citizen]}}
        if record.startswith("Stay"):
            if record == "StayStarted":
                self._stays[citizen] = f"V{self._number}"
            ended = _BASE + self._number * _MINUTE + 3 * _DAY
            end = (
                {"end": {**self._templates["StayEnded"]["end"], "instant": ended}}
                if record == "StayEnded"
                else {}
            )
            return {"stay": {"system": "BENCH", "id": self._stays[citizen]}, **end}
        template = self._templates[record]
        if "case" in template:
            thing = {"case": {**template["case"], "id": f"C{citizen}", "part": None}}
            return {**thing, "meeting": f"M{self._number}"} if "meeting" in template else thing
        name = next(name for name in ("enrollment", "exam", "absence") if name in template)
        return {name: f"{name}{self._number}"}

    def _meta(self, template: Value, citizen: int) -> Value:
        at = _BASE + self._number * 1_000_000
        time = {**template["recorded"], "instant": at, "confidence": "EXACT"}
        agency = template["source"]["agency"]
        hospital = agency.startswith("hospital")
        key = _key(citizen, "N")
        own = (
            [_identifier(_key(citizen, "H"), "urn:samband:hospital:mrn", national=False)] if hospital else []
        )
        return {
            **template,
            "event_id": str(UUID(int=self._random.getrandbits(128), version=4)),
            "occurred": time,
            "recorded": time,
            "source": {
                **template["source"],
                "agency": self._random.choice(_HOSPITALS) if hospital else agency,
            },
            "subject": {
                "key": key,
                "identifiers": [_identifier(key, "urn:oid:2.16.578.1.12.4.1.4.1", national=True), *own],
            },
        }


def _key(citizen: int, letter: str) -> str:
    return f"1.{letter}{citizen:021}"


def _identifier(pseudonym: str, system: str, *, national: bool) -> Value:
    return {"system": system, "pseudonym": pseudonym, "national": national}


def _templates() -> Mapping[str, Value]:
    """The first example of the latest version of each record type."""
    known = catalogue().records
    found: dict[str, Value] = {}
    for example in load_examples(Path(schemas.__file__).parent):
        if example.record in WEIGHTS and example.version == known[example.record].version:
            found.setdefault(example.record, from_json(known[example.record].schema, example.document))
    return found
