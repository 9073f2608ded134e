"""Merges and un-merges as agencies say them, each followed by hand."""

from tests.router.building import (
    SCHOOL,
    appointment,
    identifier,
    linked,
    merged,
    person,
    step_done,
    unlinked,
)
from tests.router.world import World


def told(*events, partitions=3):
    world = World(partitions)
    for event in events:
        world.put([event])
        world.run()
    return world


def shown(world, key):
    """The texts of the entries that are a citizen's, in their order."""
    now = world.reader.citizen(key)
    return [entry["text"] for entry in world.reader.timeline() if entry["citizen"] == now]


D_NUMBER = [
    person("D1", recorded="2026-03-01 08:00"),
    appointment("D1", "a1", "2026-03-05 10:00", "2026-03-05 11:00", recorded="2026-03-01 08:01"),
]
NATIONAL = [
    step_done("N1", "c1", "RECEIVED", recorded="2026-03-01 09:00"),
    appointment("N1", "a2", "2026-03-05 10:30", "2026-03-05 11:30", recorded="2026-03-01 09:01"),
]
HISTORY = ["person.registered", "appointment.scheduled", "case.step.received", "appointment.scheduled"]


def test_a_d_number_with_a_history_becomes_a_national_number_with_another():
    merge = merged("N1", "D1", retired_national=True, recorded="2026-03-01 10:00")
    world = told(*D_NUMBER, *NATIONAL)
    assert shown(world, "D1") == HISTORY[:2]
    assert world.reader.open_findings() == []
    for order in ([*D_NUMBER, *NATIONAL, merge], [merge, *NATIONAL, *D_NUMBER]):
        world = told(*order)
        assert world.reader.citizen("D1") == world.reader.citizen("N1") == "N1"
        assert shown(world, "D1") == [*HISTORY, "identity.merged"]
        (finding,) = world.reader.open_findings()
        assert (finding["kind"], finding["citizen"]) == ("OVERLAP", "N1")
        assert world.reader.open_refusals() == set()


def test_taking_the_merge_back_gives_both_what_was_theirs():
    merge = merged("N1", "D1", retired_national=True, recorded="2026-03-01 10:00")
    apart = unlinked("N1", "D1", other_national=True, recorded="2026-03-01 11:00")
    later = appointment("D1", "a3", "2026-03-07 10:00", recorded="2026-03-01 12:00")
    world = told(*D_NUMBER, *NATIONAL, merge, apart, later)
    assert [world.reader.citizen(key) for key in ("D1", "N1")] == ["D1", "N1"]
    assert shown(world, "D1") == [*HISTORY[:2], "appointment.scheduled"]
    assert shown(world, "N1") == [*HISTORY[2:], "identity.merged", "identity.unlinked"]
    assert world.reader.open_findings() == []
    assert set(world.reader.case_statuses()) == {("N1", "CASES|c1")}


def test_a_hospital_number_that_changed_is_given_up_for_the_new_one():
    # A47: the same patient, now under L2. What still comes under L1 is theirs too.
    before = appointment("L1", "a1", "2026-03-05 10:00", national=False)
    change = merged("L2", "L1", national=False, recorded="2026-03-01 10:00")
    after = appointment("L1", "a2", "2026-03-06 10:00", national=False, recorded="2026-03-01 11:00")
    world = told(before, change, after)
    assert world.reader.citizen("L1") == "L2"
    assert shown(world, "L2") == ["appointment.scheduled", "identity.merged", "appointment.scheduled"]


def test_a_chain_of_numbers_ends_at_its_last():
    chain = [
        merged("L1", "L2", national=False, recorded="2026-03-01 08:00"),
        merged("D1", "L1", recorded="2026-03-01 08:01"),
        merged("N1", "D1", retired_national=True, recorded="2026-03-01 08:02"),
        appointment("L2", "a1", "2026-03-05 10:00", national=False, recorded="2026-03-01 08:03"),
    ]
    for order in (chain, chain[::-1]):
        world = told(*order)
        assert {world.reader.citizen(key) for key in ("N1", "D1", "L1", "L2")} == {"N1"}
        assert len(shown(world, "L2")) == 4


def test_two_agencies_that_disagree_whose_a_number_is_keep_two_citizens_and_say_so():
    # The hospital has L1 as N1's since eight; the school has it as N2's since nine.
    first = person("N1", also=(identifier("L1"),), recorded="2026-03-01 08:00")
    other = person("N2", also=(identifier("L1"),), source=SCHOOL, recorded="2026-03-01 09:00")
    for order in ((first, other), (other, first)):
        world = told(*order)
        assert world.reader.citizen("L1") == "N1"
        assert shown(world, "N1") == shown(world, "N2") == ["person.registered"]
        assert world.reader.open_refusals() == {("identity.two_national_numbers", "L1", "N2")}
        # An operator finds out that both are one person: it is over.
        world.put([linked("N1", "N2", other_national=True, reason="CONFIRMED", recorded="2026-03-02 09:00")])
        world.run()
        assert world.reader.open_refusals() == set()
        assert len(shown(world, "N2")) == 3


def test_a_circle_of_merges_joins_and_gives_up_nothing_more_and_says_so():
    circle = [
        merged("L2", "L1", national=False, recorded="2026-03-01 08:00"),
        merged("L3", "L2", national=False, recorded="2026-03-01 08:01"),
        merged("L1", "L3", national=False, recorded="2026-03-01 08:02"),
    ]
    for order in (circle, circle[::-1]):
        world = told(*order)
        assert {world.reader.citizen(key) for key in ("L1", "L2", "L3")} == {"L3"}
        assert world.reader.open_refusals() == {("identity.cycle", "L1", "L3")}
