"""The fields that the router's reader leaves out are fields that a step never looks at."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.rules import load_rules
from router.stage import UNREAD, CitizenStage
from router.state import KINDS, Citizen
from router.step import step
from router.stored import dump
from schemas.catalogue import catalogue
from tests.router.building import CODEC
from tests.router.test_totality import events
from tests.router.world import RULES
from tests.schemas.test_fast_codec import paths_of

STAGE = CitizenStage(CODEC, load_rules())


def test_each_is_a_field_of_some_fact():
    known = {path for record in KINDS for path in paths_of(catalogue().records[record].schema)}
    assert set(UNREAD) <= known


@settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(events(), min_size=1, max_size=6))
def test_a_step_does_the_same_without_them(given_events):
    whole: dict[str, Citizen | None] = {}
    lean: dict[str, Citizen | None] = {}
    for event in given_events:
        key = event.key
        read = STAGE.decode(event.topic, key.encode(), event.data)
        assert "hops" in event.value["meta"]
        assert "hops" not in read.value["meta"]
        whole[key], said = step(key, whole.get(key), event, RULES)
        lean[key], said_lean = step(key, lean.get(key), read, RULES)
        assert said == said_lean
        first, second = whole[key], lean[key]
        assert (first and dump(first)) == (second and dump(second))
