"""How a state stands in the changelog and in the local store: an envelope around the stage's bytes. Pure.

A changelog key is a state's key with the state in full, or that key with `_SLOT` and a slot number in front,
with the difference to the state before. Every state in full is followed by at most `SLOTS` differences,
each in a slot of its own, so that log compaction, which keeps the last record of each key, keeps a state
in full and all differences that came after it. It may keep differences from before it as well; these are
skipped, because a difference names the number and the checksum of what it was made from.
"""

import struct
import zlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

from schemas.errors import FatalError

Change = tuple[bytes, bytes | None]
"""A changelog record: a key and its new value, None where it was forgotten."""

POSITIONS = b""
"""Changelog key of the input positions; records without a key never become state."""

SLOTS = 7
"""The most differences after a state in full: each costs time at a restore."""
LARGEST = 31_000
"""Bytes of the largest state that is written as a difference: deflate looks back 32 KiB."""

_FULL = 0xE1
_FULL_MARK = bytes((_FULL,))
_DIFFERENCE = 0xE2
_HEAD = struct.Struct("<BHBBq")
_NEVER = -(1 << 63)
_NEVER_BYTES = _NEVER.to_bytes(8, "little", signed=True)
_PLAIN = b"\x00" + _NEVER_BYTES
_WAKE = slice(_HEAD.size - 8, _HEAD.size)
_SLOTS_AND_WAKE = slice(_HEAD.size - 9, _HEAD.size)
_OWN = b"\xff"
"""First byte of the engine's own keys: no UTF-8 text, hence no state's key, has it."""
_SLOT = _OWN + b"d"
_SLOT_PREFIX = len(_SLOT) + 1
_NOTE = _OWN + b"n"
_WORTH = 4
"""A difference is written when it is at least so many times smaller."""
_LEVEL, _MEMORY = 1, 6
_LEAST_WINDOW, _LARGEST_WINDOW = 9, 15
_MARGIN = 300
"""What deflate's window must have beyond the base (262 bytes are its own)."""


class UnknownFormatError(FatalError):
    """A changelog or local store was written by a version that this one does not know."""


class Head(NamedTuple):
    """What the engine knows of a state without the stage."""

    version: int
    """Of the stage's format, from 0 to 65535."""
    differences: int = 0
    """How many followed since the last state in full."""
    slots: int = 0
    """How many slots of this key the changelog may still hold something in."""
    wake: int | None = None
    """When the state wants a tick: microseconds since the epoch, UTC; None for never."""


def pack(head: Head, body: bytes) -> bytes:
    """A state in full."""
    version, differences, slots, wake = head
    return _HEAD.pack(_FULL, version, differences, slots, _NEVER if wake is None else wake) + body


def head_of(value: bytes) -> Head:
    """What stands before the body. UnknownFormatError if it is not one of ours."""
    if len(value) < _HEAD.size or value[0] not in (_FULL, _DIFFERENCE):
        raise _unknown()
    _, version, differences, slots, wake = _HEAD.unpack_from(value)
    return Head(version, differences, slots, None if wake == _NEVER else wake)


def body_of(value: bytes) -> bytes:
    """The stage's own bytes in a state in full."""
    return value[_HEAD.size :]


def has_wake(value: bytes) -> bool:
    """Whether a state in full has a wake time."""
    return value[_WAKE] != _NEVER_BYTES


def is_plain(value: bytes) -> bool:
    """Whether a state in full has neither a wake time nor a slot in use, as most."""
    return value[_SLOTS_AND_WAKE] == _PLAIN


def slot_key(key: bytes, slot: int) -> bytes:
    """The changelog key of a difference."""
    return b"%b%c%b" % (_SLOT, slot, key)


def state_key(key: bytes) -> bytes:
    """Whose state a changelog record with this key is about; no state's key where it is about none."""
    return key[_SLOT_PREFIX:] if key.startswith(_SLOT) else key


def note_key(name: bytes) -> bytes:
    """The changelog key of an entry of the engine's own (`bus.engine.notes`)."""
    return _NOTE + name


def difference(base: bytes, head: Head, body: bytes) -> bytes | None:
    """The changelog value that makes a state from ``base``, one in full; None where it is not worth it.

    Deflate with the base as its dictionary: a changed state differs in several places, so cutting off what
    is the same at both ends leaves half of it, and this leaves a fiftieth for less time.
    """
    largest = max(len(base), len(body))
    if largest > LARGEST:
        return None
    window = max(_LEAST_WINDOW, min(_LARGEST_WINDOW, (largest + _MARGIN).bit_length()))
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, window, _MEMORY, zlib.Z_DEFAULT_STRATEGY, body_of(base))
    deflated = deflate.compress(body) + deflate.flush()
    if len(deflated) * _WORTH > len(body):
        return None
    version, differences, slots, wake = head
    return _HEAD.pack(_DIFFERENCE, version, differences, slots, _NEVER if wake is None else wake) + deflated


def advanced(base: bytes, change: bytes) -> bytes | None:
    """The state in full that ``change`` makes of ``base``; None if it was made from something else."""
    head = head_of(change)
    if head.differences != head_of(base).differences + 1:
        return None
    inflate = zlib.decompressobj(_LARGEST_WINDOW, body_of(base))
    try:  # zlib keeps a checksum of the dictionary and one of the result
        body = inflate.decompress(body_of(change))
    except zlib.error:
        return None
    return pack(head, body) if inflate.eof else None


class Replayed:
    """What changelog records make of the states that were there before them."""

    def __init__(self, before: Callable[[bytes], bytes | None]) -> None:
        """``before`` gives the state in full that a key had before the first record, None if none."""
        self._before = before
        self.states: dict[bytes, bytes | None] = {}
        """The last state in full of each key that was said anew, None where it was forgotten."""
        self._astray: set[bytes] = set()
        self.positions: bytes | None = None
        self.notes: dict[bytes, bytes | None] = {}
        """The engine's own entries by name, None where one was removed."""

    def take(self, records: Iterable[Change]) -> None:
        """Records in the order of the changelog. UnknownFormatError if one is not of ours."""
        states = self.states
        for key, value in records:
            if key[:1] == _OWN or key == POSITIONS:
                self._take_own(key, value)
            elif value is None or value[:1] == _FULL_MARK:
                states[key] = value
            else:
                raise _unknown()

    def _take_own(self, slot_or_positions: bytes, value: bytes | None) -> None:
        if slot_or_positions == POSITIONS:
            self.positions = value or b""
        elif slot_or_positions.startswith(_NOTE):
            self.notes[slot_or_positions[len(_NOTE) :]] = value
        elif not slot_or_positions.startswith(_SLOT):
            raise _unknown()
        elif value is not None:
            key = slot_or_positions[_SLOT_PREFIX:]
            base = self.states[key] if key in self.states else self._before(key)
            state = None if base is None else advanced(base, value)
            if state is not None:
                self.states[key] = state
            elif base is not None:
                self.states.pop(key, None)
                self._astray.add(key)

    @property
    def unfinished(self) -> set[bytes]:
        """Keys whose last record is a difference to a state that is not here: one in full has to follow."""
        return self._astray - self.states.keys()


def fold(records: Iterable[Change]) -> dict[bytes, bytes]:
    """The states in full that a whole changelog holds, by key."""
    replayed = Replayed(lambda _: None)
    replayed.take(records)
    return {key: value for key, value in replayed.states.items() if value is not None}


def _unknown() -> UnknownFormatError:
    return UnknownFormatError(
        "a record of a changelog or local store is of another format",
        fix="run the version that wrote it, or rebuild the state by a replay",
    )
