"""No record that the contract allows makes the core raise, or say what the contract does not allow."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.events import Event
from router.state import KINDS, Citizen
from router.step import step
from router.stored import dump, load
from schemas.catalogue import catalogue
from schemas.fast import fast_writer
from tests.router.building import CODEC, TOPIC_OF, encoded
from tests.router.world import RULES, moved
from tests.schemas.values import values

KEYS = ("N1", "L1", "L2")
FACTS = {record: values(catalogue().records[record].schema) for record in KINDS}
WRITE = {kind.short_name: write for kind in catalogue().record_types if (write := fast_writer(kind.schema))}


def test_every_fact_of_the_contract_has_a_number_here():
    assert set(TOPIC_OF) == set(KINDS)


@st.composite
def events(draw):
    record = draw(st.sampled_from(KINDS))
    value = draw(FACTS[record])
    key = draw(st.sampled_from(KEYS))
    value["meta"]["subject"]["key"] = key
    value["meta"]["event_id"] = draw(st.sampled_from(("e1", "e2", value["meta"]["event_id"])))
    for field in ("supersedes", "retracts"):
        value["meta"][field] = draw(st.sampled_from((None, "e1", "e2")))
    for identifier in value["meta"]["subject"]["identifiers"]:
        identifier["pseudonym"] = draw(st.sampled_from(KEYS))
    return Event(TOPIC_OF[record], key, record, value, CODEC.encode(record, value))


@settings(max_examples=200, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(events(), min_size=1, max_size=6))
def test_step_never_raises_and_says_only_what_the_contract_allows(given_events):
    states: dict[str, Citizen] = {}
    waiting = list(given_events)
    for _ in range(2000):
        if not waiting:
            break
        event = waiting.pop(0)
        before = states.get(event.key)
        data = dump(before) if before is not None else None
        state, outputs = step(event.key, before, event, RULES)
        again = step(event.key, load(data) if data is not None else None, event, RULES)
        assert outputs == again[1], "a state that was stored behaves like one that was not"
        if state is not None:
            states[event.key] = state
            assert again[0] is not None
            assert dump(state) == dump(again[0]) == dump(load(dump(state)))
        for output in outputs:
            written = WRITE[output.record](b"", output.value)  # raises for what only fastavro writes: slow
            assert encoded(output)[5:] == written
            if output.topic == "router.moves":
                waiting.append(moved(output))
    assert not waiting, "moves end"
