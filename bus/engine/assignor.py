"""Shares the partition numbers of a stage out among the members of its group.

All inputs of one number go to one member, numbers stay where their state is as far as balance allows, and
what has to move goes first to members that follow its changelog. Each member says in its request to join
which numbers it holds and follows; the group's leader answers with what each holds and follows from now on.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from aiokafka.errors import UnknownTopicOrPartitionError

_VERSION = 0


class Share(NamedTuple):
    """Partition numbers of one member, ascending."""

    held: tuple[int, ...] = ()
    """Those that it works on."""
    followed: tuple[int, ...] = ()
    """Those whose state it keeps up to date, to take them over quickly."""


_share = msgspec.msgpack.Decoder(tuple[tuple[int, ...], tuple[int, ...]])
_numbers = msgspec.msgpack.Decoder(tuple[int, ...])


def share_out(count: int, members: Mapping[str, Share], standbys: int = 0) -> dict[str, Share]:
    """The next share of each member, from what each has now.

    Every number below ``count`` is held once, shares differ by one at most, and no member gives up more
    than balance asks of it. Each number is followed by ``standbys`` members other than its holder, or by
    all others if there are fewer.
    """
    held = _hold(count, members)
    followed = _follow(count, members, held, standbys)
    return {name: Share(tuple(sorted(held[name])), tuple(sorted(followed[name]))) for name in members}


def _hold(count: int, members: Mapping[str, Share]) -> dict[str, list[int]]:
    claims = _claims(count, members)
    least, larger = divmod(count, len(members))
    by_claims = sorted(members, key=lambda name: (-len(claims[name]), name))
    room = {name: least + (place < larger) for place, name in enumerate(by_claims)}
    followers = {number for share in members.values() for number in share.followed}
    held: dict[str, list[int]] = {}
    for name in by_claims:
        # What somebody follows is the first to go.
        held[name] = sorted(claims[name], key=lambda number: (number in followers, number))[: room[name]]
    kept = {number for numbers in held.values() for number in numbers}
    for number in sorted(set(range(count)) - kept):
        free = [name for name in by_claims if len(held[name]) < room[name]]
        chosen = min(free, key=lambda name: (number not in members[name].followed, len(held[name]), name))
        held[chosen].append(number)
    return held


def _claims(count: int, members: Mapping[str, Share]) -> dict[str, list[int]]:
    """What each member holds. What two say they hold is one's: the other was away and does not know yet."""
    owner: dict[int, str] = {}
    for name in sorted(members):
        for number in members[name].held:
            if 0 <= number < count:
                owner.setdefault(number, name)
    claims: dict[str, list[int]] = {name: [] for name in members}
    for number, name in owner.items():
        claims[name].append(number)
    return claims


def _follow(
    count: int, members: Mapping[str, Share], held: Mapping[str, list[int]], standbys: int
) -> dict[str, list[int]]:
    followed: dict[str, list[int]] = {name: [] for name in members}
    most = -(-count * standbys // len(members))
    for _ in range(min(standbys, len(members) - 1)):
        for number in range(count):
            free = [n for n in members if number not in held[n] and number not in followed[n]]

            def cost(name: str, number: int = number) -> tuple[bool, bool, int, str]:
                warm = number in members[name].followed or number in members[name].held
                return len(followed[name]) >= most, not warm, len(followed[name]), name

            followed[min(free, key=cost)].append(number)
    return followed


class StickyAssignor(AbstractPartitionAssignor):  # type: ignore[misc]  # the client has no types
    """`share_out` as the Kafka client wants it; one object for each member."""

    name = "samband-sticky"

    def __init__(
        self,
        held: Callable[[], Iterable[int]],
        followed: Callable[[], Iterable[int]] = tuple,
        standbys: int = 0,
    ) -> None:
        """``held`` and ``followed`` tell what this member has when it asks to join."""
        self._held = held
        self._followed = followed
        self._standbys = standbys
        self.follow: tuple[int, ...] = ()
        """What this member is to follow, by the last assignment."""

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """What this member asks to join with."""
        has = (tuple(sorted(self._held())), tuple(sorted(self._followed())))
        return ConsumerProtocolMemberMetadata(_VERSION, sorted(topics), msgspec.msgpack.encode(has))

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """What each member gets; called where this member leads the group.

        KafkaError if the cluster does not tell of each topic how many partitions it has: shared out by what
        is known, the rest would be nobody's until somebody joins or leaves.
        """
        topics = {topic for metadata in members.values() for topic in metadata.subscription}
        counts = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        if unknown := sorted(topic for topic, known in counts.items() if not known):
            raise UnknownTopicOrPartitionError(f"not known to this member: {', '.join(unknown)}")
        count = max(counts.values(), default=0)
        shares = share_out(
            count, {name: _read(metadata.user_data) for name, metadata in members.items()}, self._standbys
        )
        return {
            name: ConsumerProtocolMemberAssignment(
                _VERSION,
                [(topic, list(shares[name].held)) for topic in sorted(metadata.subscription)],
                msgspec.msgpack.encode(shares[name].followed),
            )
            for name, metadata in members.items()
        }

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Take in what the leader decided."""
        try:
            self.follow = _numbers.decode(assignment.user_data or b"\x90")
        except msgspec.MsgspecError:
            self.follow = ()


def _read(data: bytes | None) -> Share:
    """What a member has; nothing if it does not say so in our way."""
    try:
        return Share(*_share.decode(data or b""))
    except msgspec.MsgspecError:
        return Share()
