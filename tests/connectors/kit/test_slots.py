"""Whole sets of slots: what is said of them, whatever is cut off, to a reader that believes all it reads."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.kit import times
from connectors.kit.outcomes import Fact
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.slot_sets import SlotSets
from connectors.kit.slots import Change, Offer, SlotSet, check, difference
from connectors.kit.testing import MemoryBus, memory_publisher
from schemas.errors import FatalError, PoisonError, RetriableError

NOW = 1_772_450_000_000_000
HOUR = 3_600_000_000


def offer(slot: str, shelf: int = 0, start: int = 1, place: str | None = None) -> Offer:
    begin = NOW + start * HOUR
    return Offer(
        {"system": "urn:x", "id": f"I{shelf}", "department": None},
        {"code": "PHYS", "system": "sys", "mapped": ""},
        {
            "id": slot, "start": times.exact(begin), "end": times.exact(begin + HOUR),
            "resource": None, "place": place, "valid_until": None,
        },
    )  # fmt: skip


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def compared(known: SlotSet, offers: Sequence[Offer], at: int = NOW) -> Change:
    return difference(known, offers, digest(repr(offers).encode()), times.exact(at), digest)


class Reader:
    """What stands by the facts: nothing but the last word on each slot of each shelf."""

    def __init__(self) -> None:
        self.standing: dict[tuple[str, str], str | None] = {}

    def read(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if fact.record == "SlotWithdrawn":
                self.standing.pop((fact.key, fact.body["slot"]), None)
            for slot in fact.body.get("slots", ()):
                self.standing[fact.key, slot["id"]] = slot["place"]


def shown(offers: Sequence[Offer]) -> dict[tuple[str, str], str | None]:
    return {
        (f"slots|urn:x|{each.institution['id']}||sys:PHYS", each.slot["id"]): each.slot["place"]
        for each in offers
    }


sets = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.builds(lambda shelf, place: (shelf, place), st.integers(0, 1), st.sampled_from([None, "P1", "P2"])),
).map(lambda chosen: [offer(slot, shelf, place=place) for slot, (shelf, place) in chosen.items()])


@settings(deadline=None)
@given(st.lists(st.tuples(sets, st.integers(0, 6) | st.none()), max_size=8), sets)
def test_after_any_sets_some_cut_off_the_last_one_stands(
    earlier: list[tuple[list[Offer], int | None]], last: list[Offer]
) -> None:
    reader, known = Reader(), SlotSet()
    for offers, cut in [*earlier, (last, None)]:
        change = compared(known, offers)
        reader.read(change.facts[:cut])
        known = change.after if cut is None else change.during
    assert reader.standing == shown(last)
    assert compared(known, last).facts == ()


@settings(deadline=None)
@given(sets, sets)
def test_one_that_is_cut_off_says_the_same_again(first: list[Offer], second: list[Offer]) -> None:
    known = compared(SlotSet(), first).after
    change = compared(known, second)
    again = compared(change.during, second)
    assert again.facts == change.facts
    assert again.after == change.after


def test_what_is_said_of_a_set() -> None:
    before = compared(SlotSet(), [offer("a"), offer("b"), offer("c")]).after
    change = compared(before, [offer("a"), offer("b", shelf=1), offer("d")])
    assert [(fact.record, fact.key[-16:]) for fact in change.facts] == [
        ("SlotWithdrawn", "urn:x|I0||sys:PHYS"[-16:]),
        ("SlotWithdrawn", "urn:x|I0||sys:PHYS"[-16:]),
        ("SlotsOffered", "urn:x|I1||sys:PHYS"[-16:]),
        ("SlotsOffered", "urn:x|I0||sys:PHYS"[-16:]),
    ]
    reasons = {fact.body["slot"]: fact.body["reason"]["mapped"] for fact in change.facts[:2]}
    assert reasons == {"b": "MOVED", "c": "UNKNOWN"}
    assert [slot["id"] for fact in change.facts[2:] for slot in fact.body["slots"]] == ["b", "d"]
    assert {fact.sensitivity for fact in change.facts} == {"INTERNAL"}


def test_a_slot_whose_time_has_come_ends_by_itself() -> None:
    before = compared(SlotSet(), [offer("a", start=1), offer("b", start=9)]).after
    change = compared(before, [], at=NOW + HOUR)
    assert [fact.body["slot"] for fact in change.facts] == ["b"]
    assert change.after.slots == {}


def test_many_slots_are_offered_in_several_facts() -> None:
    change = compared(SlotSet(), [offer(str(number)) for number in range(450)])
    assert [len(fact.body["slots"]) for fact in change.facts] == [200, 200, 50]


@pytest.mark.parametrize(
    ("end", "reason"), [(1, "slot.length"), (0, "slot.length"), (26, "slot.length"), (25, "")]
)
def test_a_slot_ends_after_it_starts_and_within_a_day(end: int, reason: str) -> None:
    one = offer("a", start=1)
    one.slot["end"] = times.exact(NOW + end * HOUR)
    if not reason:
        check([one], ["row 2"])
        return
    with pytest.raises(PoisonError) as refused:
        check([one], ["row 2"])
    assert (refused.value.reason, refused.value.where) == (reason, "row 2")


def test_an_id_stands_once_in_a_set() -> None:
    with pytest.raises(PoisonError) as refused:
        check([offer("a"), offer("b"), offer("a", shelf=1)], ["2", "3", "4"])
    assert (refused.value.reason, refused.value.where) == ("slot.repeated", "4")


async def test_a_set_is_kept_over_a_crash_at_any_moment(tmp_path: Path) -> None:
    async def take(offers: list[Offer], payload: bytes, *, name: str = "") -> str:
        slots = SlotSets(memory_publisher(bus), Pseudonyms(b"x" * 32, "1"), tmp_path / "slots")
        outcome = await slots.take(name, offers, payload, system="sys", at=times.exact(NOW), received=NOW)
        return f"{outcome['outcome']} {outcome['reason']}".strip()

    bus = MemoryBus()
    assert await take([offer("a"), offer("b", shelf=1)], b"1") == "PUBLISHED"
    assert await take([offer("z")], b"1", name="another set") == "PUBLISHED"
    bus.fail_after = 1
    with pytest.raises(RetriableError):
        await take([offer("c")], b"2")
    bus.fail_after = None
    assert await take([], b"3") == "PUBLISHED"
    withdrawn = [fact.value["slot"] for fact in bus.on("slot") if fact.record == "SlotWithdrawn"]
    assert sorted(set(withdrawn)) == ["a", "b", "c"]
    assert await take([], b"4") == "IGNORED unchanged"
    assert await take([], b"4") == "IGNORED duplicate"
    assert {fact.value["meta"]["subject"]["key"] == fact.key for fact in bus.on("slot")} == {True}

    for file in (tmp_path / "slots").iterdir():
        file.write_bytes(b"{")
    with pytest.raises(FatalError, match="damaged"):
        await take([], b"4")
