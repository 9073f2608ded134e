"""No slot, question, answer or time that the contract allows makes a shelf or a citizen's planning raise."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.events import MOVES, SLOTS, Event
from router.rules import load_rules
from schemas.catalogue import catalogue
from tests.router.building import appointment, at, fact
from tests.router.planning.village import MINUTE, Village
from tests.router.slots import PHYSIO, SHELF, offered, slot
from tests.schemas.values import values

RULES = load_rules(inboxes=["hospital.innlandet"])
ASIDE = {
    record: values(catalogue().records[record].schema)
    for record in ("SlotsOffered", "SlotWithdrawn", "SlotsAsked", "SlotsWatched", "SlotsFound", "SlotLost")
}
NOW = at("2026-03-02 12:00")
INSTANTS = st.one_of(
    st.sampled_from((-(1 << 63), -1, 0, 1 << 62, (1 << 63) - 1)),
    st.integers(0, 4000).map(lambda quarter: NOW + quarter * 15 * MINUTE),
)


@st.composite
def messages(draw):
    record = draw(st.sampled_from(sorted(ASIDE)))
    value = draw(ASIDE[record])
    key = "N1" if record in {"SlotsFound", "SlotLost"} else SHELF
    if "citizen" in value:
        value["citizen"] = "N1"
    if record == "SlotsFound":
        value["round"] = draw(st.integers(0, 3))
        value["shelf"] = SHELF
        for each in value["slots"]:
            each["start"], each["end"], each["valid_until"] = (draw(INSTANTS) for _ in range(3))
    return Event(SLOTS if record.startswith("Slot") else MOVES, key, record, value, b"")


@st.composite
def facts(draw):
    kind = draw(st.sampled_from(("visit", "visit", "offer", "matters", "time")))
    if kind == "visit":
        name, start = draw(st.sampled_from("abcdefghij")), draw(INSTANTS)
        return appointment("N1", name, start, draw(INSTANTS), service=PHYSIO, recorded=draw(INSTANTS))
    if kind == "offer":
        slots = [
            slot(str(n), draw(INSTANTS), draw(INSTANTS), until=draw(st.none() | INSTANTS)) for n in range(4)
        ]
        return offered(slots, recorded=draw(INSTANTS))
    if kind == "matters":
        schema = catalogue().records["MattersStated"].schema
        matters = draw(values(schema))["matters"]
        return fact("MattersStated", "N1", {"matters": matters, "details": None}, recorded=draw(INSTANTS))
    return draw(st.integers(1, 3000))


@settings(max_examples=200, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(facts() | messages(), max_size=20))
def test_nothing_raises_and_everything_said_is_of_the_contract(story):
    village, twin, now = Village(RULES), Village(RULES, lambda: True), NOW
    for happens in story:
        for each in (village, twin):
            if isinstance(happens, int):
                each.tick(now + happens * MINUTE, every=happens * MINUTE)
            else:
                each.hear(happens)
        now = village.now or now
        assert village.bytes_of() == twin.bytes_of()
    assert village.said == twin.said
