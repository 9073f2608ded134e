"""After every fact, correction and cancellation, in any order: what stands is what all pairs say."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router.events import Event
from router.state import Citizen
from router.step import step
from router.stored import dump, load
from tests.router.building import (
    appointment,
    at,
    cancelled,
    case,
    code,
    exam,
    place,
    pupil,
    retracted,
    stay,
    time,
)
from tests.router.conflict_oracle import Found, conflicts
from tests.router.test_worked_examples import RULES
from tests.router.world import Reader

KEY = "N1"
DAYS = ("2026-03-02", "2026-03-04", "2026-03-06", "2026-03-11", "2026-03-20", "2026-04-02", "2026-05-01")
PLACES = ("hospital", "hospital", "clinic", "physio", "island", "dentist", "finland", "school", "nowhere")
GASTROSCOPY = {"code": "GASTROSCOPY", "system": "hospital.services", "mapped": "UNKNOWN"}
MINUTE = 60_000_000


@st.composite
def instants(draw: st.DrawFn, days: list[str]) -> int:
    """Few days and few hours, so that things meet; now and then by seconds."""
    hour = draw(st.sampled_from(("00:30", "08:00", "09:00", "10:00", "10:20", "13:45", "23:40")))
    seconds = draw(st.sampled_from((0, 0, 0, 1, 59)))
    return at(f"{draw(st.sampled_from(days))} {hour}") + seconds * 1_000_000


@st.composite
def facts(draw: st.DrawFn, number: int, days: list[str]) -> Event:  # noqa: PLR0911 - one return for each kind of fact
    recorded = at("2026-03-01 08:00") + (draw(st.integers(0, 3)) * 100 + number) * 1_000_000  # no ties
    more: dict[str, Any] = {"recorded": recorded, "id": f"00000000-0000-5000-8000-{number:012d}"}
    name = draw(st.sampled_from(("t", "u", "v", "w", "x", "y", "z")))
    start = draw(instants(days))
    end = draw(st.sampled_from((None, 10, 30, 45, 400, 2000, -5)))
    until = None if end is None else start + end * MINUTE
    kind = draw(st.integers(0, 16))
    if kind <= 8:
        record = draw(st.sampled_from(("Scheduled", "Scheduled", "Rescheduled", "Modified")))
        where = place(draw(st.sampled_from(PLACES)))
        if draw(st.integers(0, 8)) == 0:
            where = place("sweden", system="HSA")
        more["confidence"] = draw(st.sampled_from(("EXACT", "EXACT", "EXACT", "NO_ZONE", "DATE_ONLY")))
        more["service"] = draw(st.sampled_from((None, None, GASTROSCOPY)))
        return appointment(KEY, name, start, until, where=where, record=f"Appointment{record}", **more)
    if kind == 9:
        return cancelled(KEY, name, draw(st.sampled_from(("CANCELLED", "ENTERED_IN_ERROR"))), **more)
    if kind == 10:
        mapped = draw(st.sampled_from(("INPATIENT", "INPATIENT", "OUTPATIENT")))
        return stay(
            "StayStarted",
            KEY,
            f"stay-{name}",
            {"start": time(start), "kind": code(mapped), "ward": None},
            **more,
        )
    if kind == 11:
        return stay("StayEnded", KEY, f"stay-{name}", {"end": time(start), "disposition": None}, **more)
    if kind == 12:
        phase = draw(st.sampled_from(("STARTED", "ENDED")))
        body = {"at": time(start), "phase": phase, "expected_return": None}
        return stay("StayOnLeave", KEY, f"stay-{name}", body, **more)
    if kind == 13:
        correction = draw(st.sampled_from(("ADMISSION_CANCELLED", "DISCHARGE_CANCELLED")))
        return stay(
            "StayCorrected", KEY, f"stay-{name}", {"correction": correction, "other_key": None}, **more
        )
    if kind == 14:
        kinds = draw(st.sampled_from((("CITIZEN",), ("GUARDIAN", "PROFESSIONAL"), ("PROFESSIONAL",))))
        invited = [{"kind": kind_, "person": None, "institution": None} for kind_ in kinds]
        body = {"meeting": name, "start": time(start), "end": time(until) if until else None, "place": None}
        return case("MeetingInvited", KEY, "c", {**body, "invited": invited}, **more)
    if kind == 15:
        return pupil(KEY, name, status=draw(st.sampled_from(("ACTIVE", "ACTIVE", "ENDED"))), **more)
    event = exam(
        KEY, name, "2026-03-04 09:00", confidence=draw(st.sampled_from(("EXACT", "DATE_ONLY"))), **more
    )
    event.value["start"]["instant"] = start
    return event


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Facts, corrections of some of them, retractions of some of those, some read twice: in any order."""
    days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=3, unique=True))
    events = [draw(facts(number, days)) for number in range(draw(st.integers(2, 14)))]
    for number in range(draw(st.integers(0, 3))):
        target = draw(st.sampled_from(events))
        events.append(retracted(KEY, target.record, target, id=f"00000000-0000-5000-9000-{number:012d}"))
    if draw(st.booleans()):
        one, other = events[draw(st.integers(1, len(events) - 1))], events[0]
        if one.value["meta"]["retracts"] is None:
            one.value["meta"]["supersedes"] = other.value["meta"]["event_id"]
    events += draw(st.lists(st.sampled_from(events), max_size=2))
    return draw(st.permutations(events))


def standing(reader: Reader) -> dict[str, Found]:
    """Open findings by their id, as the oracle writes them."""
    return {
        value["finding_id"]: Found(
            value["kind"],
            frozenset(party["reference"] for party in value["parties"]),
            value["severity"],
            value["reason"],
            frozenset(value["numbers"].items()),
            value["confidence"],
        )
        for value in reader.open_findings()
    }


@settings(max_examples=250, deadline=None)
@given(histories(), st.integers(1, 4))
def test_what_stands_after_each_fact_is_what_all_pairs_say(events: list[Event], stored_every: int) -> None:
    reader, state = Reader(), None
    told: list[tuple[str, dict[str, Any]]] = []
    known: dict[tuple[str, frozenset[str]], str] = {}
    for number, event in enumerate(events):
        state = _stored(state) if number % stored_every == 0 else state
        state, said = step(KEY, state, event, RULES)
        for output in said:
            reader.read(output)
        told.append((event.record, dict(event.value)))
        found = standing(reader)
        assert set(found.values()) == conflicts(told)
        assert len(found) == len(set(found.values()))
        ids = {
            (one.kind, one.parties): finding
            for finding, one in found.items()
            if one.kind not in {"BURDEN", "BUSY_DAY", "CLOSED_DAY"}  # another day is another cause
        }
        assert all(ids.get(cause, finding) == finding for cause, finding in known.items())
        known |= ids


def _stored(state: Citizen | None) -> Citizen | None:
    return load(dump(state)) if state else None
