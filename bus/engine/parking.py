"""Keys whose record a stage failed on: that record and all later ones of the key wait in order. Pure.

What waits is held as notes, which are durable with the states (`bus.engine.notes`). Each waiting record is a
note of its own, so that nothing grows with their number but the number of notes, and none is ever let go of
because there are many. Only one small entry for each parked key is kept in memory.
"""

from collections.abc import Callable, Iterable, Iterator
from struct import Struct
from typing import NamedTuple, Protocol

import msgspec

from schemas.records import ParkedDecision, ParkedStatus

_KEY = b"p"
_RECORD = b"w"
_NUMBER = Struct(">Q")


class Waiting(msgspec.Struct, array_like=True, frozen=True):
    """A record that waits, whole."""

    topic: str
    """Logical name."""
    offset: int
    timestamp: int
    """Milliseconds since the epoch, of the record."""
    value: bytes | None


class Parked(msgspec.Struct, array_like=True, frozen=True):
    """A parked key. Its first waiting record is the one that the stage failed on."""

    topic: str
    offset: int
    error: str
    """Class name."""
    since: int
    """Timestamp of the record with which the waiting began, in milliseconds."""
    first: int
    """Number of the first waiting record; they are numbered without gaps."""
    end: int
    """Number that the next one will get."""
    tried: int
    """Where the breaker stood."""

    @property
    def waiting(self) -> int:
        """How many records wait."""
        return self.end - self.first


class Durable(Protocol):
    """What is asked of `bus.engine.notes.Notes`."""

    def get(self, name: bytes) -> bytes | None:
        """An entry, with what the running transaction did to it."""

    def put(self, name: bytes, value: bytes | None) -> None:
        """Write an entry within the running transaction; None removes it."""

    def committed(self, prefix: bytes) -> Iterable[tuple[bytes, bytes]]:
        """All committed entries whose name begins with ``prefix``."""


class Hands(NamedTuple):
    """What a decision does with waiting records."""

    apply: Callable[[bytes, Waiting], str | None]
    """Carry one of a key through the stage; the class of the error if it failed again."""
    discard: Callable[[bytes, Waiting, str], None]
    """Make one of a key a dead letter; the text says after which error."""


Tell = Callable[[bytes, ParkedStatus], None]

_parked = msgspec.msgpack.Decoder(Parked)
_waiting = msgspec.msgpack.Decoder(Waiting)
_encode = msgspec.msgpack.Encoder().encode


class Parking:
    """The parked keys of one partition."""

    def __init__(self, notes: Durable, partition: int, tell: Tell) -> None:
        """``tell`` hears how a key stands after each change."""
        self._notes = notes
        self._partition = partition
        self._tell = tell
        self.keys: dict[bytes, Parked] = {}

    @property
    def waiting(self) -> int:
        """How many records wait over all keys."""
        return sum(parked.waiting for parked in self.keys.values())

    def begin(self) -> None:
        """Take up what is committed, e.g. after a restart or a doubtful transaction."""
        self.keys = {name[len(_KEY) :]: _parked.decode(value) for name, value in self._notes.committed(_KEY)}

    def park(self, key: bytes, record: Waiting, error: str, tried: int) -> None:
        """The stage failed on ``record`` of a key that was not parked."""
        self._add(key, 0, record)
        self._set(key, Parked(record.topic, record.offset, error, record.timestamp, 0, 1, tried))
        self._say(key)

    def wait(self, key: bytes, record: Waiting) -> None:
        """A later record of a parked key."""
        parked = self.keys[key]
        self._add(key, parked.end, record)
        self._set(key, msgspec.structs.replace(parked, end=parked.end + 1))
        self._say(key)

    def carry_out(self, key: bytes, decision: ParkedDecision, hands: Hands) -> Iterator[None]:
        """Do what an operator decided about ``key``, and tell. A step for each record, to be run to the end.

        A decision about a record that is not the first to wait any more has come too late and changes
        nothing: two operators, or one who sends twice, have their effect once.
        """
        parked = self.keys.get(key)
        applied = discarded = 0
        if parked and (parked.topic, parked.offset) == (decision["topic"], decision["offset"]):
            discard = {"REPLAY": 0, "DISCARD_FIRST": 1, "DISCARD_ALL": parked.waiting}[decision["action"]]
            for number in range(parked.first, parked.end):
                record = self._record(key, number)
                if discarded < discard:
                    hands.discard(key, record, parked.error)
                    discarded += 1
                elif error := hands.apply(key, record):
                    self._set(
                        key,
                        msgspec.structs.replace(
                            parked, topic=record.topic, offset=record.offset, error=error, first=number
                        ),
                    )
                    break
                else:
                    applied += 1
                self._notes.put(_name(key, number), None)
                yield
            else:
                del self.keys[key]
                self._notes.put(_KEY + key, None)
        self._answer(key, decision, applied, discarded)

    def _record(self, key: bytes, number: int) -> Waiting:
        data = self._notes.get(_name(key, number))
        if data is None:
            raise LookupError("a waiting record is gone")
        return _waiting.decode(data)

    def _add(self, key: bytes, number: int, record: Waiting) -> None:
        self._notes.put(_name(key, number), _encode(record))

    def _set(self, key: bytes, parked: Parked) -> None:
        self.keys[key] = parked
        self._notes.put(_KEY + key, _encode(parked))

    def _say(self, key: bytes) -> None:
        self._tell(key, self._status(self.keys[key]))

    def _answer(self, key: bytes, decision: ParkedDecision, applied: int, discarded: int) -> None:
        parked = self.keys.get(key)
        if parked is None:  # as the operator saw it
            parked = Parked(decision["topic"], decision["offset"], "", decision["at"] // 1000, 0, 0, 0)
        status = self._status(parked)
        status["decision_id"] = decision["decision_id"]
        status["applied"], status["discarded"] = applied, discarded
        self._tell(key, status)

    def _status(self, parked: Parked) -> ParkedStatus:
        return {
            "topic": parked.topic,
            "partition": self._partition,
            "offset": parked.offset,
            "error": parked.error,
            "since": parked.since * 1000,
            "waiting": parked.waiting,
            "decision_id": None,
            "applied": 0,
            "discarded": 0,
        }


def _name(key: bytes, number: int) -> bytes:
    return _RECORD + _NUMBER.pack(number) + key
