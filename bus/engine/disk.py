"""A partition's committed states on disk, in RocksDB, with the changelog offset up to which they stand."""

import shutil
import struct
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import msgspec
from rocksdict import Rdict, WriteBatch

from bus.engine.tables import UNLOGGED, database
from bus.engine.unwritten import MOST_BYTES, Unwritten
from bus.engine.value import head_of
from bus.errors import LocalStoreError

FORMAT = 2
MAX_AGE_SECONDS = 12 * 3600
"""An older local store is rebuilt: compaction keeps deletions for a day, so it could miss some."""

FLUSH_SECONDS = 600.0
"""How old a crash may leave a store in which little is written."""

_STATE = b"s"
_WAKE = b"w"
_NOTE = b"n"
_POSITIONS = b"p"
_CHECKPOINT = b"c"
_TIME = struct.Struct(">Q")
_TIME_OFFSET = 1 << 63
"""Makes instants sort as bytes, those before 1970 too."""
_WAKE_KEY = len(_WAKE) + _TIME.size
_TABLE = 1024 * 1024
"""What has so many bytes becomes a table at once; less waits in RocksDB's write buffer for more."""
_NO_NOTES: Mapping[bytes, bytes | None] = {}
_LOCKED = "lock"
"""What RocksDB's error says when another process has the folder; the library has no type for it."""

Waking = tuple[int, bytes]
"""An instant in microseconds and the key that wants a tick then."""


class Wakes(NamedTuple):
    """Wake times that change with a write."""

    gone: list[Waking]
    come: list[Waking]


_NO_WAKES = Wakes([], [])


class Checkpoint(msgspec.Struct, array_like=True):
    """Up to where a local store stands."""

    offset: int
    """The next changelog offset to apply."""
    at: float
    """When it was written, in seconds since the epoch."""
    format: int = FORMAT


class Opened(NamedTuple):
    """How a local store was found."""

    offset: int
    """The changelog offset to go on from."""
    discarded: str
    """Why what was there was thrown away; empty if it was not."""


_checkpoints = msgspec.msgpack.Decoder(Checkpoint)


class InUseError(LocalStoreError):
    """Another process has a local store open; no two processes should share a state folder."""


class Disk:
    """One folder with one RocksDB in it. Whatever goes wrong with it, the next `open` begins anew.

    Changes wait in memory until there are enough of them, as they would in RocksDB's own write buffer, which
    would keep what was overwritten too.
    """

    def __init__(self, path: Path, unwritten_bytes: int = MOST_BYTES) -> None:
        """``path`` is a folder of its own; ``unwritten_bytes`` bounds what waits in memory (`Unwritten`)."""
        self._path = path
        self._db: Rdict | None = None
        self._broken = False
        self._unwritten = Unwritten(unwritten_bytes)
        self._checkpoint: Checkpoint | None = None
        self._flushed = 0.0

    def open(self, end_offset: int, *, seize: bool = True) -> Opened:
        """Open what an earlier owner left, unless it is damaged, old, or ahead of the changelog.

        One that another process has open is thrown away as well: that process was fenced, and may be frozen.
        If it is not to be seized, InUseError is raised instead.
        """
        self.close()
        try:
            if self._broken:
                raise _Unusable("failed")
            offset = self._open(end_offset)
        except _Unusable as problem:
            if not seize and _LOCKED in str(problem.__cause__):
                raise InUseError("another process has this local store open") from problem
            self.discard()
            with self._guarded():
                self._db = database(self._path)
            self._broken = False
            return Opened(0, str(problem))
        return Opened(offset, "")

    def _open(self, end_offset: int) -> int:
        fresh = not self._path.exists()
        self._path.mkdir(parents=True, exist_ok=True)
        try:
            self._db = database(self._path)
            found = self._db.get(_CHECKPOINT)
        except Exception as error:  # rocksdict raises bare Exception for every corruption
            raise _Unusable("damaged") from error
        if found is None:
            if fresh or next(iter(self._db.keys()), None) is None:
                return 0
            raise _Unusable("incomplete")
        try:
            checkpoint = _checkpoints.decode(found)
        except msgspec.MsgspecError as error:
            raise _Unusable("damaged") from error
        if checkpoint.format != FORMAT:
            raise _Unusable("other_format")
        if checkpoint.offset > end_offset:
            raise _Unusable("ahead_of_changelog")
        if not 0 <= time.time() - checkpoint.at < MAX_AGE_SECONDS:
            raise _Unusable("too_old")
        return checkpoint.offset

    @property
    def _opened(self) -> Rdict:
        if self._db is None:
            raise RuntimeError("the store is not open")
        return self._db

    def get(self, key: bytes) -> bytes | None:
        """The committed state of ``key`` in full; None if there is none."""
        unwritten = self._unwritten.states
        if key in unwritten:
            return unwritten[key]
        try:  # by hand, since this is asked for each record: `_guarded` takes six times as long as the look
            return self._opened.get(_STATE + key)
        except Exception as error:
            raise self._failure() from error

    def write(
        self,
        states: Mapping[bytes, bytes | None],
        positions: bytes | None,
        offset: int,
        wakes: Wakes = _NO_WAKES,
        notes: Mapping[bytes, bytes | None] = _NO_NOTES,
    ) -> None:
        """Take states and notes in full (None deletes), with the positions and the offset they belong to.

        ``wakes``: of these states, and those that no longer hold as far as the caller knows; the rest is
        found out when it is due.

        RocksDB gets them later, in one atomic batch with all that was taken since the last one. Its own log
        is left out: the changelog is the log. A crash leaves what had reached the tables by then, with its
        checkpoint; that is at most `FLUSH_SECONDS`, or what `Unwritten` and a write buffer hold, behind.
        """
        others = dict.fromkeys(map(_wake_key, wakes.gone))
        others.update(dict.fromkeys(map(_wake_key, wakes.come), b""))
        others.update((_NOTE + name, note) for name, note in notes.items())
        if positions is not None:
            others[_POSITIONS] = positions
        now = time.time()
        self._checkpoint = Checkpoint(offset, now)
        self._unwritten.take(states, others)
        if self._unwritten.is_full() or now - self._flushed > FLUSH_SECONDS:
            self._hand_over()

    def _hand_over(self) -> None:
        """Let RocksDB have what it was not given yet."""
        checkpoint, unwritten = self._checkpoint, self._unwritten
        if checkpoint is None:
            return
        batch = WriteBatch(raw_mode=True)
        states = ((_STATE + key, value) for key, value in sorted(unwritten.states.items()))
        for key, value in chain(states, unwritten.others.items()):  # in order, each finds its place at once
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(_CHECKPOINT, msgspec.msgpack.encode(checkpoint))
        with self._guarded():
            self._opened.write(batch, UNLOGGED)
            if unwritten.size >= _TABLE or checkpoint.at - self._flushed > FLUSH_SECONDS:
                self._opened.flush(wait=False)
                self._flushed = checkpoint.at
        self._forget()

    def _forget(self) -> None:
        self._unwritten.clear()
        self._checkpoint = None

    def positions(self) -> bytes | None:
        """What was last written as positions."""
        return self._entry(_POSITIONS)

    def note(self, name: bytes) -> bytes | None:
        """A committed entry of the engine's own; None if there is none."""
        return self._entry(_NOTE + name)

    def _entry(self, key: bytes) -> bytes | None:
        unwritten = self._unwritten.others
        if key in unwritten:
            return unwritten[key]
        with self._guarded():
            return self._opened.get(key)

    def notes(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The committed entries whose name begins with ``prefix``, in the order of their names."""
        self._hand_over()
        with self._guarded():
            for name, value in self._opened.items(from_key=_NOTE + prefix):
                if not isinstance(name, bytes) or not name.startswith(_NOTE + prefix):
                    break
                yield name[len(_NOTE) :], value

    def waking(self) -> Generator[Waking, None, None]:
        """All wake times that hold, in order. Those that turn out to be outdated are deleted on the way."""
        self._hand_over()
        outdated = WriteBatch(raw_mode=True)
        try:
            with self._guarded():
                for entry in self._opened.keys(from_key=_WAKE):
                    if not isinstance(entry, bytes) or not entry.startswith(_WAKE):
                        break
                    key = entry[_WAKE_KEY:]
                    wake = _TIME.unpack_from(entry, len(_WAKE))[0] - _TIME_OFFSET
                    value = self._opened.get(_STATE + key)
                    if value is not None and head_of(value).wake == wake:
                        yield wake, key
                    else:
                        outdated.delete(entry)
        finally:
            if not outdated.is_empty():
                with self._guarded():
                    self._opened.write(outdated)

    def estimate(self) -> int:
        """About how many states there are."""
        self._hand_over()
        return max(0, (self._opened.property_int_value("rocksdb.estimate-num-keys") or 0) - 2)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All states in full, in key order."""
        self._hand_over()
        for key, value in self._opened.items(from_key=_STATE):
            if not isinstance(key, bytes) or not key.startswith(_STATE):
                break
            yield key[len(_STATE) :], value

    def distrust(self) -> None:
        """What was read cannot be right: the next `open` throws everything away."""
        self._broken = True

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Around what asks RocksDB, which raises bare Exception for corruption and a full disk alike."""
        try:
            yield
        except Exception as error:
            raise self._failure() from error

    def _failure(self) -> LocalStoreError:
        """A store that fails is not believed again."""
        self._broken = True
        return LocalStoreError(
            "a local state store failed",
            fix="check that the disk of the state folder has space and is sound",
        )

    def discard(self) -> None:
        """Delete the local store."""
        self._forget()
        self.close()
        shutil.rmtree(self._path, ignore_errors=True)
        self._path.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """Close the files."""
        db = self._db
        try:
            if db is not None and not self._broken:
                self._hand_over()
        except LocalStoreError:
            pass  # what it could not write is in the changelog; it is not believed again
        self._forget()
        self._db = None
        self._flushed = time.time()
        if db is not None:
            try:
                db.close()
            except Exception:  # noqa: BLE001 - rocksdict raises bare Exception, e.g. on a full disk
                self._broken = True  # what it could not write is in the changelog


class _Unusable(Exception):  # noqa: N818 - never leaves this module
    """A local store cannot be used; the text is a code for the log."""


def _wake_key(waking: Waking) -> bytes:
    wake, key = waking
    return _WAKE + _TIME.pack(wake + _TIME_OFFSET) + key
