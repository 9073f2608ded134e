"""What a reader shows does not depend on the order in which the records came."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samband.citizen_view import Citizens, CitizenView, Keys


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
    keys.add(moved("a", "b", 2))
    keys.add(moved("b", "c", 3))
    assert keys.spoken_of("a") == "c"
    assert keys.members("b") == {"a", "b", "c"}


def test_key_that_stands_for_itself_again_is_left_alone():
    keys = Keys()
    keys.add(moved("a", "b", 2))
    keys.add(moved("a", "a", 3))
    assert keys.members("a") == {"a"}
    assert keys.members("b") == {"b"}


def test_keys_that_point_at_each_other_are_one_citizen_and_no_endless_loop():
    keys = Keys()
    keys.add(moved("a", "b", 2))
    keys.add(moved("b", "a", 2))
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
            {"citizen": "K", "entry_id": "a", "revision": 2, "status": "RETRACTED", "replaced_by": "b"},
        ),
    }
    view = CitizenView()
    for name in order:
        assert view.add(*said[name])
    (shown,) = view.timeline()
    assert (shown["status"], shown["replaced_by"]) == ("RETRACTED", "b")
