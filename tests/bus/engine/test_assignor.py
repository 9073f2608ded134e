"""Who gets which partition: every one held once, evenly, and moved only as far as balance asks."""

from collections.abc import Mapping
from functools import partial
from types import SimpleNamespace

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from aiokafka.errors import UnknownTopicOrPartitionError
from hypothesis import given
from hypothesis import strategies as st

from bus.engine.assignor import Share, StickyAssignor, share_out

_numbers = st.lists(st.integers(0, 15), max_size=12, unique=True).map(tuple)
_members = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.builds(Share, _numbers, _numbers),
                           min_size=1, max_size=6)  # fmt: skip
_counts = st.integers(0, 16)
_standbys = st.integers(0, 3)


@given(_counts, _members, _standbys)
def test_every_partition_is_held_once_and_shares_differ_by_one(
    count: int, members: Mapping[str, Share], standbys: int
):
    shares = share_out(count, members, standbys)
    assert shares.keys() == members.keys()
    assert sorted(number for share in shares.values() for number in share.held) == list(range(count))
    sizes = [len(share.held) for share in shares.values()]
    assert max(sizes) - min(sizes) <= 1


@given(_counts, _members, _standbys)
def test_every_partition_is_followed_by_others_than_its_holder(
    count: int, members: Mapping[str, Share], standbys: int
):
    shares = share_out(count, members, standbys)
    wanted = min(standbys, len(members) - 1)
    for number in range(count):
        assert sum(number in share.followed for share in shares.values()) == wanted
    for share in shares.values():
        assert not set(share.held) & set(share.followed)
        assert len(set(share.followed)) == len(share.followed)


@given(_counts, _members, _standbys)
def test_shares_stand_still_while_the_members_are_the_same(
    count: int, members: Mapping[str, Share], standbys: int
):
    shares = share_out(count, members, standbys)
    assert {name: share.held for name, share in share_out(count, shares, standbys).items()} == {
        name: share.held for name, share in shares.items()
    }


@given(st.integers(1, 16), st.integers(1, 6))
def test_a_member_that_joins_takes_its_share_and_nothing_else_moves(count: int, before: int):
    shares = share_out(count, {f"m{number}": Share() for number in range(before)})
    after = share_out(count, {**shares, "new": Share()})
    for name, share in shares.items():
        assert set(after[name].held) <= set(share.held)


@given(st.integers(1, 16), st.integers(2, 6))
def test_what_a_member_leaves_behind_is_all_that_moves(count: int, before: int):
    shares = share_out(count, {f"m{number}": Share() for number in range(before)})
    left = {name: share for name, share in shares.items() if name != "m0"}
    after = share_out(count, left)
    for name, share in left.items():
        assert set(share.held) <= set(after[name].held)


@given(st.integers(2, 16), st.integers(2, 6))
def test_a_follower_takes_over_from_a_member_that_leaves(count: int, before: int):
    members = {f"m{number}": Share() for number in range(before)}
    shares = share_out(count, members, standbys=before - 1)
    warm = {"m0": shares["m0"], "m1": shares["m1"]}
    after = share_out(count, {"m1": warm["m1"], "cold": Share()}, standbys=1)
    # m1 follows all that it does not hold; it may take no more than its half of the whole
    assert len(after["m1"].held) in (count // 2, -(-count // 2))
    given_up = set(shares["m1"].held) - set(after["m1"].held)
    assert len(given_up) == max(0, len(shares["m1"].held) - len(after["m1"].held))


def test_what_moves_goes_first_to_those_that_follow_it():
    members = {"a": Share(held=(0, 1)), "b": Share(held=(2,), followed=(3,)), "c": Share(followed=(4, 5))}
    shares = share_out(6, members)
    assert shares == {"a": Share((0, 1)), "b": Share((2, 3)), "c": Share((4, 5))}


def test_the_larger_shares_stay_with_those_that_have_them():
    members = {"a": Share(held=(0,)), "b": Share(held=(1, 2))}
    assert share_out(3, members) == members


def test_what_somebody_follows_is_given_up_first():
    members = {"a": Share(held=(0, 1, 2, 3)), "b": Share(followed=(0, 2))}
    assert share_out(4, members) == {"a": Share((1, 3)), "b": Share((0, 2))}


def test_all_inputs_of_a_number_go_to_one_member_and_followers_hear_of_it():
    cluster = SimpleNamespace(partitions_for_topic=lambda _: {0, 1, 2})
    holds: dict[str, tuple[int, ...]] = {"a": (2,), "b": (0,)}
    assignors = {name: StickyAssignor(partial(holds.__getitem__, name), standbys=1) for name in holds}
    asked = {
        name: ConsumerProtocolMemberMetadata.decode(assignor.metadata({"t", "s"}).encode())
        for name, assignor in assignors.items()
    }
    answers = assignors["b"].assign(cluster, asked)
    for name, assignor in assignors.items():
        answer = ConsumerProtocolMemberAssignment.decode(answers[name].encode())
        held = dict(answer.assignment)
        assert held["s"] == held["t"]
        assert set(holds[name]) <= set(held["t"])
        assignor.on_assignment(answer)
        assert set(assignor.follow) == {0, 1, 2} - set(held["t"])


def test_a_member_that_says_nothing_of_itself_holds_nothing():
    cluster = SimpleNamespace(partitions_for_topic=lambda _: {0, 1})
    stranger = ConsumerProtocolMemberMetadata(0, ["t"], b"something else")
    assignor = StickyAssignor(lambda: (1,))
    answers = assignor.assign(cluster, {"a": stranger, "b": assignor.metadata(["t"])})
    assert dict(answers["b"].assignment) == {"t": [1]}
    assert dict(answers["a"].assignment) == {"t": [0]}


def test_of_a_topic_that_the_cluster_does_not_tell_nothing_is_shared_out():
    known = {"t": {0, 1}}
    cluster = SimpleNamespace(partitions_for_topic=known.get)
    assignor = StickyAssignor(tuple)
    with pytest.raises(UnknownTopicOrPartitionError, match=r": s$"):
        assignor.assign(cluster, {"a": assignor.metadata(["s", "t"])})
