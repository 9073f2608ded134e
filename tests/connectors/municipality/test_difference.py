"""The laws of the difference, held against a model of what stands on the bus."""

import random
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from connectors.kit import times
from connectors.kit.assembly import event_id
from connectors.kit.outcomes import Fact
from connectors.kit.pseudonyms import Pseudonyms
from connectors.municipality.difference import Change, Named, State, difference
from connectors.municipality.facts import CaseFact

PSEUDONYMS = Pseudonyms(b"k" * 32, "1")
NAMES = Named(
    "case-1", "sys", PSEUDONYMS.digest, lambda identity, content: event_id("a|sys", identity, content, 0)
)


def case_fact(slot: int, words: int, person: int = 0) -> CaseFact:
    """Facts of one slot differ in their words: they are versions of one event."""
    when = times.exact(1_000_000 * slot)
    fact = Fact(
        record="CaseStepCompleted",
        identifiers=({"system": "s", "pseudonym": f"1.{person}", "national": False},),
        occurred=when,
        recorded=when,
        body={"case": "1", "words": words},
    )
    return CaseFact(fact, f"slot-{slot}")


@dataclass
class Bus:
    """What a reader holds to be standing: duplicates dropped by id, corrected and withdrawn facts gone."""

    said: dict[str, Fact] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def hear(self, fact: Fact) -> None:
        own = event_id("a|sys", fact.identity, fact.content, 0)
        self.said.setdefault(own, fact)
        self.gone.update(filter(None, (fact.retracts, fact.supersedes)))

    def standing(self) -> list[str]:
        return sorted(
            str((fact.identifiers, fact.occurred, fact.body))
            for own, fact in self.said.items()
            if own not in self.gone and fact.record != "FactRetracted"
        )


def wanted(document: list[CaseFact]) -> list[str]:
    return sorted(str((item.fact.identifiers, item.fact.occurred, item.fact.body)) for item in document)


def compare(state: State, document: list[CaseFact]) -> Change:
    return difference(state, document, PSEUDONYMS.digest(str(document).encode()), 7, NAMES)


documents = st.lists(
    st.builds(case_fact, st.integers(0, 3), st.integers(0, 2), st.sampled_from([0, 0, 0, 1])), max_size=6
)


@given(documents)
def test_the_same_document_twice_says_nothing(document: list[CaseFact]) -> None:
    first = compare(State(), document)
    second = compare(first.state.confirmed(), document)
    assert second.facts == ()
    assert second.state.confirmed() == first.state.confirmed()


@given(st.lists(documents, min_size=1, max_size=8))
def test_after_any_documents_the_facts_of_the_last_one_stand(history: list[list[CaseFact]]) -> None:
    bus, state = Bus(), State()
    for document in history:
        change = compare(state, document)
        for fact in change.facts:
            bus.hear(fact)
        state = change.state.confirmed()
        assert bus.standing() == wanted(document)


@given(
    st.lists(st.tuples(documents, st.sampled_from(["all", "none", "some"])), max_size=8),
    documents,
    st.integers(),
)
def test_whatever_is_cut_off_the_facts_of_the_last_document_stand(
    history: list[tuple[list[CaseFact], str]], last: list[CaseFact], seed: int
) -> None:
    bus, state, draw = Bus(), State(), random.Random(seed)
    for document, arrives in history:
        change = compare(state, document)
        for fact in change.facts:
            if arrives == "all" or (arrives == "some" and draw.random() < 0.5):
                bus.hear(fact)
        # Cut off before the confirmation: even if all has arrived, the connector does not know.
        state = change.state if arrives != "all" or draw.random() < 0.5 else change.state.confirmed()
    for fact in compare(state, last).facts:
        bus.hear(fact)
    assert bus.standing() == wanted(last)


@given(documents, documents)
def test_a_repeated_attempt_says_the_same_again(before: list[CaseFact], after: list[CaseFact]) -> None:
    state = compare(State(), before).state.confirmed()
    first = compare(state, after)
    again = compare(first.state, after)
    assert sorted(map(str, first.facts)) == sorted(map(str, again.facts))


def test_a_changed_event_is_corrected_not_withdrawn() -> None:
    before = compare(State(), [case_fact(1, 0)])
    change = compare(before.state.confirmed(), [case_fact(1, 1)])
    (said,) = change.facts
    (first,) = before.state.entries.values()
    assert said.supersedes == first.event_id
    assert said.record == "CaseStepCompleted"


def test_a_vanished_event_is_withdrawn_under_the_key_it_was_said_under() -> None:
    before = compare(State(), [case_fact(1, 0, person=1)])
    (withdrawn,) = compare(before.state.confirmed(), []).facts
    (first,) = before.state.entries.values()
    assert withdrawn.record == "FactRetracted"
    assert withdrawn.retracts == first.event_id
    assert withdrawn.identifiers[0]["pseudonym"] == "1.1"


def test_another_person_means_withdrawing_from_the_one_and_telling_of_the_other() -> None:
    before = compare(State(), [case_fact(1, 0, person=1)])
    withdrawn, said = compare(before.state.confirmed(), [case_fact(1, 0, person=2)]).facts
    assert (withdrawn.record, withdrawn.identifiers[0]["pseudonym"]) == ("FactRetracted", "1.1")
    assert (said.supersedes, said.identifiers[0]["pseudonym"]) == (None, "1.2")


def test_what_comes_back_is_a_new_event() -> None:
    first = compare(State(), [case_fact(1, 0)])
    second = compare(first.state.confirmed(), [])
    third = compare(second.state.confirmed(), [case_fact(1, 0)])
    (one,), (again,) = first.state.entries.values(), third.state.entries.values()
    assert one.event_id != again.event_id


def test_two_equal_events_are_two_facts() -> None:
    twice = compare(State(), [case_fact(1, 0), case_fact(1, 0)])
    assert len({fact.identity for fact in twice.facts}) == 2
    (withdrawn,) = compare(twice.state.confirmed(), [case_fact(1, 0)]).facts
    assert withdrawn.record == "FactRetracted"


def test_revisions_count_documents_that_differ() -> None:
    first = compare(State(), [case_fact(1, 0)])
    assert first.state.revision == 1
    same = compare(first.state, [case_fact(1, 0)])
    assert same.state.revision == 1
    assert compare(same.state, [case_fact(2, 0)]).state.revision == 2


def test_a_correction_that_is_withdrawn_and_said_anew_does_not_keep_what_it_corrected() -> None:
    wrong, right = [case_fact(1, 1)], [case_fact(1, 0)]
    bus = Bus()
    first = compare(State(), wrong)
    for fact in first.facts:
        bus.hear(fact)
    never_came = compare(compare(first.state.confirmed(), right).state, []).state
    for fact in compare(never_came, right).facts:
        bus.hear(fact)
    assert bus.standing() == wanted(right)


def test_a_correction_that_never_came_does_not_keep_what_it_corrected() -> None:
    bus = Bus()
    first = compare(State(), [case_fact(1, 0)])
    for fact in first.facts:
        bus.hear(fact)
    cut_off = compare(first.state.confirmed(), [case_fact(1, 1)])  # nothing of it arrives
    for fact in compare(cut_off.state, []).facts:
        bus.hear(fact)
    assert bus.standing() == []
