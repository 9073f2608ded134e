"""What the engine runs: a pure function from a key's state and an event to its next state and outputs."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import msgspec

S = TypeVar("S")
E = TypeVar("E")


class Output(msgspec.Struct, frozen=True, gc=False):
    """A record that a step writes. ``topic`` is a logical name; the partition follows from the key.

    A struct, since one or two are made for each record: a named tuple takes more than twice as long.
    """

    topic: str
    key: bytes
    value: bytes | None
    """None deletes what a compacted topic has under the key."""
    headers: Sequence[tuple[str, bytes]] = ()


class Stage(Protocol[S, E]):
    """One stateful step of the way.

    Everything here is pure: same arguments, same answer. The engine may call it again with the same
    record after a failure, and the first call then never happened.
    """

    name: str
    """Names the consumer group, the transactional ids and the changelog topic ``<name>.changelog``,
    e.g. ``router.citizen``. Changing it makes a new stage with no state."""

    inputs: tuple[str, ...]
    """Logical names of the topics that are read; all with the same number of partitions and the same keys."""

    def decode(self, topic: str, key: bytes, value: bytes) -> E:
        """The event in a record of the logical ``topic``.

        Raises PoisonError if it can never be read: the record is dead-lettered in the same transaction.
        """

    def step(self, key: str, state: S | None, event: E) -> tuple[S | None, Sequence[Output]]:
        """The next state of ``key`` (None forgets it) and what to write.

        The old state is not used again, so it may be changed in place. Raises PoisonError for an event
        that does not fit, before it has changed the state. Any other error parks the key where the stage
        is one that `Parks`, and stops the worker where it is not; a FatalError always stops it.
        """

    state_version: int
    """Of the format that `dump` writes, from 0 to 65535. It grows with each change that an older `load`
    could not read."""

    def dump(self, state: S) -> bytes:
        """The state as bytes, for the changelog and the local store."""

    def load(self, data: bytes, version: int) -> S:
        """The state that the `dump` of ``version`` wrote, this one's or an older one's.

        States of an older version are brought up as they are met and written anew when they change. What a
        newer version wrote is never asked for: the engine stops with a NewerStateError.
        """

    def wake(self, state: S) -> int | None:
        """When the state wants a tick, in microseconds since the epoch (UTC); None for never."""


@runtime_checkable
class Parks(Protocol):
    """What a stage says whose keys can do without each other: a key that fails is parked, the rest goes on.

    It needs the topics ``<name>.operations`` and ``<name>.parked``. Its step must give the same state when it
    is called again with the same records, since that is how a state is made anew that a failed step broke.
    """

    parks: bool


@runtime_checkable
class Timed(Protocol[S]):
    """What a stage has that lives in time: it is called when a state's `Stage.wake` has come.

    It needs the topic ``<name>.ticks``, which the engine writes: a record for each partition and minute.
    """

    def tick(self, key: str, state: S, minute: int) -> tuple[S | None, Sequence[Output]]:
        """The next state of ``key`` and what to write, as `Stage.step` gives them.

        ``minute`` is the first full minute (microseconds since the epoch, UTC) at or after the wake time that
        reaches the key. A state that wants a tick at or before it afterwards gets the next minute's.
        """


def parks(stage: Stage[Any, Any]) -> bool:
    """Whether a key that fails is parked."""
    return isinstance(stage, Parks) and stage.parks
