"""The same facts end in the same picture and the same state, whatever order they came in and how often."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router.evidence import origin_of
from router.state import Records
from tests.router.building import (
    appointment,
    at,
    cancelled,
    case,
    code,
    exam,
    holder,
    person,
    place,
    pupil,
    retracted,
    stay,
    step_done,
    time,
)
from tests.router.world import World

KEY = "N1"
DAYS = ("2026-03-02", "2026-03-03", "2026-03-05", "2026-03-11")


@st.composite
def facts(draw, number):  # noqa: PLR0911 - one return for each kind of fact
    """A fact about one of few things, at one of few times, so that facts meet, tie and contradict."""
    recorded = at("2026-03-01 08:00") + draw(st.integers(0, 3)) * 1_000_000
    more = {"recorded": recorded, "occurred": recorded - draw(st.integers(0, 1)) * 1_000_000}
    more["sequence"] = draw(st.sampled_from((None, 1, 2)))
    more["id"] = f"00000000-0000-5000-8000-{number:012d}"
    name = draw(st.sampled_from(("x", "y", "z")))
    day = draw(st.sampled_from(DAYS))
    hour = draw(st.sampled_from(("08:00", "10:00", "10:15", "13:45")))
    start = f"{day} {hour}"
    where = place(draw(st.sampled_from(("hospital", "clinic"))))
    kind = draw(st.integers(0, 10))
    if kind <= 2:
        record = draw(
            st.sampled_from(("AppointmentScheduled", "AppointmentRescheduled", "AppointmentModified"))
        )
        confidence = draw(st.sampled_from(("EXACT", "NO_ZONE", "DATE_ONLY")))
        return appointment(KEY, name, start, where=where, record=record, confidence=confidence, **more)
    if kind == 3:
        return cancelled(KEY, name, draw(st.sampled_from(("CANCELLED", "ENTERED_IN_ERROR"))), **more)
    if kind == 4:
        return stay(
            "StayStarted", KEY, name, {"start": time(start), "kind": code("INPATIENT"), "ward": None}, **more
        )
    if kind == 5:
        correction = draw(st.sampled_from(("ADMISSION_CANCELLED", "DISCHARGE_CANCELLED", "MOVED_AWAY")))
        return stay("StayCorrected", KEY, name, {"correction": correction, "other_key": None}, **more)
    if kind == 6:
        return stay("StayEnded", KEY, name, {"end": time(start), "disposition": None}, **more)
    if kind == 7:
        part = draw(st.sampled_from((None, "SAK1", "SAK2")))
        if draw(st.booleans()):
            return case("DecisionMade", KEY, name, {"outcome": code("GRANTED")}, part=part, **more)
        more["holder"] = draw(
            st.sampled_from((None, holder("CITIZEN"), holder("AGENCY", place("municipality"))))
        )
        more["closes"] = draw(st.booleans())
        return step_done(KEY, name, draw(st.sampled_from(("READ", "FINISHED"))), part=part, **more)
    if kind == 8:
        return pupil(KEY, name, status=draw(st.sampled_from(("ACTIVE", "ENDED"))), **more)
    if kind == 9:
        return exam(KEY, name, start, confidence=draw(st.sampled_from(("EXACT", "DATE_ONLY"))), **more)
    return person(KEY, protection=draw(st.sampled_from(("NONE", "CONFIDENTIAL_ADDRESS"))), **more)


@st.composite
def histories(draw):
    events = [draw(facts(number)) for number in range(draw(st.integers(1, 8)))]
    for number in range(draw(st.integers(0, 3))):
        target = draw(st.sampled_from(events))
        more = {"id": f"00000000-0000-5000-9000-{number:012d}"}
        events.append(retracted(KEY, target.record, target, **more))
    if len(events) > 1 and draw(st.booleans()):
        one, other = draw(st.sampled_from(events)), draw(st.sampled_from(events))
        if one is not other and not one.value["meta"]["retracts"]:
            one.value["meta"]["supersedes"] = other.value["meta"]["event_id"]
    return events


def meaning(records: Records) -> dict[str, Any]:
    """What a state says, without the order of arrival, the numbers of texts and the revisions."""
    names = records.names

    def row(fact):
        fields = {field: getattr(fact, field) for field in fact.__struct_fields__}
        fields["agency"] = names[fact.agency]
        fields["origin"] = origin_of(records, fact.origin)
        for field in ("code", "institution", "part", "holder", "next_step"):
            if fields.get(field) is not None:
                fields[field] = names[fields[field]]
        return fields

    families = (records.plans, records.cases, records.others)
    return {
        "facts": {
            ref: sorted((row(fact) for fact in facts_), key=lambda row_: row_["id"])
            for family in families
            for ref, facts_ in family.items()
        },
        "withdrawals": {
            target: sorted((entry.by, entry.retracts) for entry in entries)
            for target, entries in records.withdrawals.items()
        },
        "fallen": {stored: (mark.status, mark.by) for stored, mark in records.marks.items() if mark.status},
        "open": {finding for finding, revision in records.findings.items() if revision > 0},
        "members": records.members,
    }


def outcome(events):
    world = World()
    for event in events:
        world.put([event])
        world.run()
    state = world.state(KEY)
    assert state is not None
    return meaning(state.records), world.reader.picture()


@settings(max_examples=300, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(events, random):
    shuffled = events + random.sample(events, random.randint(0, len(events)))
    random.shuffle(shuffled)
    assert outcome(shuffled) == outcome(events)
