"""What a reader shows does not depend on the order in which the records came."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samband.citizen_view import Citizens, CitizenView, Keys
from tests.router.building import id_of
from tests.router.identity_oracle import Oracle
from tests.router.test_identity import cases, histories, kind_of
from tests.router.world import World


def entry(entry_id: str, at: int, revision: int = 1, *, citizen: str = "K") -> dict[str, Any]:
    return {
        "citizen": citizen,
        "entry_id": entry_id,
        "revision": revision,
        "at": {"instant": at, "source": "", "confidence": "EXACT"},
        "recorded": at,
        "sequence": None,
        "placed": None,
        "rank": 0,
    }


def moved(citizen: str, to: str, revision: int) -> dict[str, Any]:
    return {"citizen": citizen, "moved_to": to, "revision": revision, "cause": "e"}


def changed(entry_id: str, status: str, revision: int, by: str | None) -> dict[str, Any]:
    return {
        "citizen": "K", "entry_id": entry_id, "revision": revision, "status": status, "replaced_by": by,
        "moved_to": None,
    }  # fmt: skip


def finding(name: str, status: str, revision: int, start: int = 0) -> dict[str, Any]:
    party = {"start": {"instant": start, "source": "", "confidence": "EXACT"}}
    return {"citizen": "K", "finding_id": name, "status": status, "revision": revision, "parties": [party]}


def test_later_revision_replaces_and_an_older_one_does_not():
    view = CitizenView()
    assert view.add("TimelineEntry", entry("a", 10, 2))
    assert not view.add("TimelineEntry", entry("a", 99, 1))
    assert not view.add("TimelineEntry", entry("a", 99, 2))
    assert [each["at"]["instant"] for each in view.timeline()] == [10]


def test_closed_finding_is_not_shown():
    view = CitizenView()
    view.add("Finding", finding("f", "CLOSED", 2))
    view.add("Finding", finding("f", "OPEN", 1))
    view.add("Finding", finding("late", "OPEN", 1, start=9))
    view.add("Finding", finding("early", "OPEN", 1, start=3))
    assert [each["finding_id"] for each in view.open_findings()] == ["early", "late"]


def test_what_was_said_under_a_retired_key_is_shown_under_both():
    citizens = Citizens()
    citizens.add("TimelineEntry", entry("booked", 1, citizen="local"))
    citizens.add("TimelineEntry", entry("admitted", 2, citizen="national"))
    citizens.add("CitizenMoved", moved("local", "national", 3))
    for key in ("local", "national"):
        assert [each["entry_id"] for each in citizens.view(key).timeline()] == ["booked", "admitted"]


def test_chain_of_keys_ends_at_its_last():
    keys = Keys()
    keys.add("CitizenMoved", moved("a", "b", 2))
    keys.add("CitizenMoved", moved("b", "c", 3))
    assert keys.spoken_of("a") == "c"
    assert keys.members("b") == {"a", "b", "c"}


def test_key_that_stands_for_itself_again_is_left_alone():
    keys = Keys()
    keys.add("CitizenMoved", moved("a", "b", 2))
    keys.add("CitizenMoved", moved("a", "a", 3))
    assert keys.members("a") == {"a"}
    assert keys.members("b") == {"b"}


def test_keys_that_point_at_each_other_are_one_citizen_and_no_endless_loop():
    keys = Keys()
    keys.add("CitizenMoved", moved("a", "b", 2))
    keys.add("CitizenMoved", moved("b", "a", 2))
    assert keys.members("a") == {"a", "b"}


@given(st.data())
def test_order_of_records_does_not_matter(data: st.DataObject):
    ids = st.sampled_from(["a", "b", "c"])
    drawn = data.draw(
        st.lists(
            st.tuples(ids, st.integers(0, 5), st.integers(1, 4)), unique_by=lambda each: (each[0], each[2])
        )
    )
    records = [entry(name, at, revision) for name, at, revision in drawn]
    shuffled = data.draw(st.permutations(records))
    views = [CitizenView(), CitizenView()]
    for view, order in zip(views, (records, shuffled), strict=True):
        for record in order:
            view.add("TimelineEntry", record)
    expected = {name: max(r for n, _, r in drawn if n == name) for name, _, _ in drawn}
    assert {each["entry_id"]: each["revision"] for each in views[0].timeline()} == expected
    assert views[0].timeline() == views[1].timeline()


@given(st.permutations(["entry", "corrected", "stands"]))
def test_an_entry_shows_what_was_said_of_it_last_whatever_came_first(order):
    said = {
        "entry": ("TimelineEntry", {**entry("a", 10), "status": "CURRENT", "replaced_by": None}),
        "corrected": ("EntryChanged", changed("a", "CORRECTED", 2, "b")),
        "stands": ("EntryChanged", changed("a", "CURRENT", 3, None)),
    }
    for upto, wanted in ((("entry", "corrected"), ("CORRECTED", "b", 2)), (order, ("CURRENT", None, 3))):
        view = CitizenView()
        for name in order:
            if name in upto:
                view.add(*said[name])
        (shown,) = view.timeline()
        assert (shown["status"], shown["replaced_by"], shown["revision"]) == wanted


def test_a_correction_said_under_the_citizens_other_key_is_shown():
    citizens = Citizens()
    citizens.add("EntryChanged", {**changed("booked", "RETRACTED", 2, "b"), "citizen": "national"})
    citizens.add("TimelineEntry", {**entry("booked", 1, citizen="local"), "status": "CURRENT"})
    citizens.add("CitizenMoved", moved("local", "national", 3))
    assert [each["status"] for each in citizens.view("local").timeline()] == ["RETRACTED"]


@pytest.mark.parametrize("order", [("entry", "change"), ("change", "entry")])
def test_entry_that_was_withdrawn_is_shown_as_withdrawn_whichever_came_first(order):
    said = {
        "entry": ("TimelineEntry", {**entry("a", 1), "status": "CURRENT", "replaced_by": None}),
        "change": (
            "EntryChanged",
            changed("a", "RETRACTED", 2, "b"),
        ),
    }
    view = CitizenView()
    for name in order:
        assert view.add(*said[name])
    (shown,) = view.timeline()
    assert (shown["status"], shown["replaced_by"]) == ("RETRACTED", "b")


def case_status(revision: int, citizen: str = "K") -> dict[str, Any]:
    return {"citizen": citizen, "case": "S|c1", "revision": revision, "state": "OPEN"}


def case_withdrawn(revision: int, citizen: str = "K") -> dict[str, Any]:
    return {"citizen": citizen, "case": "S|c1", "revision": revision, "cause": "e"}


@given(st.permutations([1, 2, 3]))
def test_a_case_is_the_citizens_until_it_is_withdrawn_and_again_when_it_is_said_later(order):
    said = {
        1: ("CaseStatus", case_status(1)), 2: ("CaseWithdrawn", case_withdrawn(2)),
        3: ("CaseStatus", case_status(3)),
    }  # fmt: skip
    view, withdrawn = CitizenView(), CitizenView()
    for number in order:
        view.add(*said[number])
        if number < 3:
            withdrawn.add(*said[number])
    assert (list(view.cases), view.withdrawn) == (["S|c1"], 0)
    assert (list(withdrawn.cases), withdrawn.withdrawn) == ([], 1)


def test_an_entry_is_shown_to_whose_it_is_and_counted_where_it_stood():
    # N2 was booked for N2 and L1 at once; then L1 was told apart from N2 and is spoken of as N1.
    citizens = Citizens()
    citizens.add(
        "TimelineEntry", {**entry("both", 1, citizen="N2"), "status": "CURRENT", "replaced_by": None}
    )
    citizens.add("TimelineEntry", entry("own", 2, citizen="N2"))
    citizens.add("CitizenMoved", moved("L1", "N2", 1))
    assert {each["entry_id"] for each in citizens.view("L1").timeline()} == {"both", "own"}
    citizens.add("CitizenMoved", moved("L1", "N1", 2))
    citizens.add("EntryChanged", {**changed("both", "CURRENT", 2, None), "citizen": "N2", "moved_to": "L1"})
    for key in ("L1", "N1"):
        theirs = citizens.view(key)
        assert [each["entry_id"] for each in theirs.timeline()] == ["both"]
        assert theirs.withdrawn == 0
    left = citizens.view("N2")
    assert [each["entry_id"] for each in left.timeline()] == ["own"]
    assert left.withdrawn == 1
    assert citizens.keys.sources("N1") == {"L1", "N1", "N2"}
    citizens.add("EntryChanged", {**changed("both", "CURRENT", 3, None), "citizen": "N2"})
    assert [each["entry_id"] for each in citizens.view("N2").timeline()] == ["both", "own"]
    assert citizens.view("L1").timeline() == []


@settings(max_examples=150, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_everybody_is_shown_what_is_theirs_after_links_merges_and_unlinks(events, random):
    world = World(3)
    world.put(events)
    world.run(random.choice)
    shuffled = [output for output in world.outputs if output.topic in ("timeline", "coordination")]
    random.shuffle(shuffled)
    citizens = Citizens()
    for output in shuffled:
        citizens.add(output.record, output.value)
    oracle = Oracle(events, kind_of)
    theirs = {key: set(map(id_of, found)) for key, found in oracle.citizens().items()}
    for key in oracle.keys:
        view, now = citizens.view(key), oracle.citizen(key)
        assert citizens.keys.spoken_of(key) == now
        assert {each["entry_id"] for each in view.timeline()} == theirs.get(now, set())
        open_cases = {
            name.removeprefix("CASES|") for name, found in view.cases.items() if found["state"] == "OPEN"
        }
        assert open_cases == {name for citizen, name in cases(oracle) if citizen == now}
