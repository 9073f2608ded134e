"""Shelves by hand, and against an oracle that keeps every word ever said and sorts it when it is asked."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.rules import load_rules
from router.shelf import MOST_SLOTS, MOST_WATCHERS, Shelf, dump, load, step, tick, wake
from router.stage import CitizenStage
from schemas.errors import PoisonError
from tests.router.building import CODEC, appointment, at, encoded
from tests.router.slots import SHELF, asked, offered, slot, watched, withdrawn

HOUR = 3_600_000_000
NINE, TEN = "2026-03-09 09:00", "2026-03-09 10:00"
ALWAYS = (at("2026-01-01 00:00"), at("2027-01-01 00:00"))


def after(*events):
    shelf, said = None, []
    for event in events:
        shelf, outputs = step(shelf, event)
        said += outputs
    for output in said:
        encoded(output)
    return shelf, said


def found(shelf, *span, **more):
    _, (answer,) = step(shelf, asked(*(span or ALWAYS), **more))
    encoded(answer)
    assert answer.key == answer.value["citizen"] == "N1"
    assert answer.value["round"] == 7
    return [each["id"] for each in answer.value["slots"]]


def test_a_shelf_answers_with_the_earliest_slots_that_fit():
    shelf, _ = after(
        offered([slot("s3", "2026-03-10 09:00", "2026-03-10 09:30"), slot("s1", NINE, TEN)]),
        offered([slot("s2", TEN, "2026-03-09 11:00", until="2026-03-05 12:00")]),
    )
    assert found(shelf) == ["s1", "s2", "s3"]
    assert found(shelf, most=2) == ["s1", "s2"]
    assert found(shelf, at(NINE), at(TEN)) == ["s1"]
    assert found(shelf, after=at("2026-03-05 12:00")) == ["s1", "s3"]
    assert found(shelf, most=0) == []


def test_near_a_time_comes_before_early():
    days = [slot(f"s{day}", f"2026-03-{day:02} 09:00", f"2026-03-{day:02} 09:30") for day in range(9, 20)]
    shelf, _ = after(offered(days))
    near = [at("2026-03-12 10:00"), at("2026-03-18 08:00")]
    assert found(shelf, near=near, most=4) == ["s12", "s13", "s17", "s18"]


def test_what_is_wrong_is_refused_with_its_reason_and_the_rest_is_kept():
    bad = {
        "slot.unnamed": slot("", NINE, TEN),
        "slot.untimed": {
            **slot("b", NINE, TEN),
            "end": {**slot("b", NINE, TEN)["end"], "confidence": "DATE_ONLY"},
        },
        "slot.ends_before_start": slot("c", NINE, NINE),
        "slot.too_long": slot("d", NINE, "2026-03-10 09:01"),
        "slot.past": slot("e", "2026-03-01 08:00", "2026-03-01 08:30"),
        "slot.too_far": slot("f", "2030-03-09 09:00", "2030-03-09 10:00"),
        "slot.expired": slot("g", NINE, TEN, until="2026-03-01 08:00"),
    }
    shelf, said = after(offered([*bad.values(), slot("s1", NINE, "2026-03-10 09:00")]))
    assert found(shelf) == ["s1"]
    assert [output.topic for output in said] == ["refusals"] * len(bad)
    assert {output.value["reason"]: output.value["reference"] for output in said} == {
        reason: each["id"] for reason, each in bad.items()
    }
    assert {output.value["subject"] for output in said} == {SHELF}


def test_time_is_also_what_the_shelf_has_seen_of_it():
    shelf, _ = after(offered([slot("s1", "2026-03-20 09:00", "2026-03-20 10:00")]))
    assert shelf
    shelf = tick(shelf, at("2026-03-10 00:00"))
    shelf, (refused,) = step(shelf, offered([slot("s2", NINE, TEN)]))
    assert refused.value["reason"] == "slot.past"
    assert found(shelf) == ["s1"]


def test_the_last_word_of_a_slot_counts_whatever_came_first():
    first = offered([slot("s1", NINE, TEN)], recorded="2026-03-01 08:00")
    gone = withdrawn("s1", recorded="2026-03-01 09:00")
    again = offered([slot("s1", TEN, "2026-03-09 11:00")], recorded="2026-03-01 10:00")
    assert found(after(first, gone)[0]) == found(after(gone, first)[0]) == []
    for order in ((first, gone, again), (again, gone, first), (gone, again, first)):
        assert found(after(*order)[0], at(TEN), ALWAYS[1]) == ["s1"]


def test_a_full_shelf_refuses_more_and_goes_on():
    start = at(NINE)
    many = [
        slot(f"s{number}", start + number * HOUR, start + number * HOUR + 1)
        for number in range(MOST_SLOTS + 1)
    ]
    shelf, (refused,) = after(offered(many))
    assert (refused.value["reason"], refused.value["reference"]) == ("slot.too_many", f"s{MOST_SLOTS}")
    shelf, said = step(shelf, offered([slot("s0", start, start + 2)], recorded="2026-03-02 08:00"))
    assert not said
    _, (refused,) = step(shelf, withdrawn("unheard-of"))
    assert refused.value["reason"] == "slot.too_many"


def test_who_watches_a_slot_hears_that_it_is_lost_once():
    shelf, said = after(
        offered([slot("s1", NINE, TEN), slot("s2", TEN, "2026-03-09 11:00")]), watched("s1", "s2")
    )
    assert said == []
    shelf, said = step(
        shelf, offered([slot("s1", NINE, TEN, until="2026-03-05 12:00")], recorded="2026-03-02 08:00")
    )
    assert said == [], "it is still to be had"
    shelf, (lost,) = step(shelf, offered([slot("s1", NINE, "2026-03-09 09:45")], recorded="2026-03-03 08:00"))
    assert (lost.key, lost.record, lost.value["slot"]) == ("N1", "SlotLost", "s1")
    shelf, (lost,) = step(shelf, withdrawn("s2", recorded="2026-03-03 08:00"))
    assert lost.value == {"citizen": "N1", "shelf": SHELF, "proposal_id": "p1", "slot": "s2", "hops": 0}
    shelf, said = step(shelf, withdrawn("s2", recorded="2026-03-04 08:00"))
    assert said == []
    _, (lost,) = step(shelf, watched("s2", proposal="p2"))
    assert lost.value["proposal_id"] == "p2", "it was gone before anybody watched it"


def test_a_crowd_that_watches_is_bounded():
    shelf, _ = after(offered([slot("s1", NINE, TEN)]), *(watched("s1", proposal=f"p{n}") for n in range(30)))
    _, lost = step(shelf, withdrawn("s1", recorded="2026-03-02 08:00"))
    assert [each.value["proposal_id"] for each in lost] == [f"p{n}" for n in range(30 - MOST_WATCHERS, 30)]


def test_slots_lie_under_the_key_that_their_service_and_institution_give():
    stage, event = CitizenStage(CODEC, load_rules()), offered([slot("s1", NINE, TEN)])
    read = stage.decode("slot", SHELF.encode(), event.data)
    shelf, said = stage.step(SHELF, None, read)
    assert isinstance(shelf, Shelf)
    assert not said
    assert stage.load(stage.dump(shelf), stage.state_version) == shelf
    assert stage.wake(shelf) == at("2026-03-09 10:00")
    assert stage.tick(SHELF, shelf, at("2026-03-09 10:00")) == (None, ())
    question = stage.decode("router.moves", SHELF.encode(), asked(*ALWAYS).data)
    _, (answer,) = stage.step(SHELF, shelf, question)
    assert (answer.topic, answer.key) == ("router.moves", b"N1")
    misplaced = appointment(SHELF, "a1", NINE)
    for topic, key, data in (
        ("slot", b"slots|elsewhere", event.data),
        ("slot", b"N1", event.data),
        ("appointment", SHELF.encode(), misplaced.data),
    ):
        with pytest.raises(PoisonError) as raised:
            stage.decode(topic, key, data)
        assert raised.value.reason == "key.mismatch"


def test_a_damaged_shelf_is_not_taken_for_one():
    with pytest.raises(PoisonError):
        load(b"\x81\xff")


@dataclass
class Oracle:
    """Every word that was said, in the order of arrival, and the last tick."""

    offers: list[Any] = field(default_factory=list)
    now: int = 0

    def hear(self, event):
        meta = event.value["meta"]
        sequence = meta["source"]["sequence"]
        said = (meta["recorded"]["instant"], -1 if sequence is None else sequence, meta["event_id"])
        if event.record == "SlotWithdrawn":
            if said[0] + 48 * HOUR > self.now:
                self.offers.append((event.value["slot"], said, None, said[0] + 48 * HOUR))
            return
        for each in event.value["slots"]:
            start, end = each["start"]["instant"], each["end"]["instant"]
            until = min(start, each["valid_until"]["instant"]) if each["valid_until"] else start
            present = max(said[0], self.now)
            if start < end <= start + 24 * HOUR and start > present and until > present:
                self.offers.append((each["id"], said, (start, end), until))

    def tick(self, minute):
        """Forgets a slot when what was said last of it is over."""
        last = self.last()
        over = {name for name, (_, _, until) in last.items() if until <= minute}
        self.offers = [each for each in self.offers if each[0] not in over]
        self.now = minute

    def last(self):
        last: dict[str, Any] = {}
        for name, said, span, until in self.offers:
            if name not in last or last[name][0] < said:
                last[name] = said, span, until
        return last

    def free(self, begin, end, now):
        fitting = [
            (span[0], name)
            for name, (_, span, until) in self.last().items()
            if span and begin <= span[0] and span[1] <= end and until > now
        ]
        return [name for _, name in sorted(fitting)]


BASE = at("2026-03-02 00:00")
hours = st.integers(0, 96).map(lambda hour: BASE + hour * HOUR)
names = st.sampled_from(("s1", "s2", "s3"))


@st.composite
def words(draw):
    more = {"recorded": draw(hours), "sequence": draw(st.sampled_from((None, 1, 2)))}
    if draw(st.booleans()):
        return withdrawn(draw(names), **more)
    slots = [
        slot(
            name,
            start := draw(hours),
            start + draw(st.sampled_from((0, 1, 24, 25))) * HOUR,
            until=draw(st.none() | hours),
        )
        for name in draw(st.lists(names, max_size=3, unique=True))
    ]
    return offered(slots, **more)


@settings(max_examples=300, deadline=None)
@given(st.lists(words() | hours, max_size=25), st.sets(st.integers(0, 24)))
def test_a_shelf_holds_what_the_oracle_says_and_a_restart_changes_nothing(story, restarts):
    shelf, twin, oracle = None, None, Oracle()
    for number, happens in enumerate(story):
        if isinstance(happens, int):
            minute = max(happens, oracle.now)
            oracle.tick(minute)
            shelf = shelf and tick(shelf, minute)
            twin = twin and tick(twin, minute)
        else:
            oracle.now = shelf.now if shelf else 0
            oracle.hear(happens)
            shelf, said = step(shelf, happens)
            twin, again = step(twin, happens)
            assert said == again
        if number in restarts and twin is not None:
            twin = load(dump(twin))
        assert (shelf and dump(shelf)) == (twin and dump(twin))
        assert found(shelf, *ALWAYS, after=oracle.now) == oracle.free(*ALWAYS, oracle.now)
        if shelf:
            assert (wake(shelf) or 0) > min(slot.until for slot in shelf.slots.values())


@settings(max_examples=200, deadline=None)
@given(st.lists(words(), max_size=8, unique_by=lambda event: event.value["meta"]["event_id"]), st.randoms())
def test_the_order_of_words_between_two_ticks_means_nothing(story, random):
    one, _ = after(*story)
    random.shuffle(story)
    other, _ = after(*story)
    assert (one.slots if one else {}) == (other.slots if other else {})


def test_an_empty_shelf_is_no_state():
    assert step(None, asked(*ALWAYS))[0] is None
    shelf, _ = after(offered([slot("s1", NINE, TEN)]))
    assert shelf == Shelf(shelf.slots)
    assert tick(shelf, at(NINE)) is None
