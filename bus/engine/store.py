"""One partition's state: RocksDB on disk, decoded values in memory for as long as they are hot.

The store on disk only ever holds committed state. Each write carries the changelog offset up to which it
stands (the checkpoint) in the same atomic write batch, so that whatever happened, replaying the changelog
from there gives the present. Nothing here is durable by itself: the folder may be deleted at any time.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import msgspec
from rocksdict import BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, WriteBatch

from bus.errors import LocalStoreError

S = TypeVar("S")

FORMAT = 1
MAX_AGE_SECONDS = 12 * 3600
"""An older local store is rebuilt: compaction keeps deletions for a day, so it could miss some."""
POSITIONS = b""
"""Changelog key of the input positions; records without a key never become state."""

_STATE = b"s"
_POSITIONS = b"p"
_CHECKPOINT = b"c"
_WRITE_BUFFER = 4 * 1024 * 1024
_CACHE = Cache(32 * 1024 * 1024)
"""Shared by all stores of a process."""

Change = tuple[bytes, bytes | None]
"""A key and its new state, None where it was forgotten."""


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
_positions = msgspec.msgpack.Decoder(dict[str, int])


class Store(Generic[S]):
    """State by key for one partition. Not for use from several tasks at once."""

    def __init__(
        self, path: Path, dump: Callable[[S], bytes], load: Callable[[bytes], S], hot_limit: int
    ) -> None:
        """``path`` is a folder of its own; ``hot_limit`` bounds the decoded values in memory."""
        self._path = path
        self._dump = dump
        self._load = load
        self._hot_limit = hot_limit
        self._hot: dict[bytes, S | None] = {}
        self._dirty: dict[bytes, None] = {}
        self._db: Rdict | None = None
        self._broken = False

    def open(self, end_offset: int) -> Opened:
        """Open what an earlier owner left, unless it is damaged, old, or ahead of the changelog."""
        self.close()
        try:
            if self._broken:
                raise _Unusable("failed")
            offset = self._open(end_offset)
        except _Unusable as problem:
            self.discard()
            with self._guarded():
                self._db = Rdict(str(self._path), _options())
            self._broken = False
            return Opened(0, str(problem))
        return Opened(offset, "")

    def _open(self, end_offset: int) -> int:
        fresh = not self._path.exists()
        self._path.mkdir(parents=True, exist_ok=True)
        try:
            self._db = Rdict(str(self._path), _options())
            found = self._db.get(_CHECKPOINT)
        except Exception as error:  # rocksdict raises bare Exception for every corruption
            raise _Unusable("damaged") from error
        if found is None:
            if fresh:
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
    def _open_db(self) -> Rdict:
        if self._db is None:
            raise RuntimeError("the store is not open")
        return self._db

    def get(self, key: bytes) -> S | None:
        """The state of ``key`` with this transaction's changes; None if there is none."""
        hot = self._hot
        if key in hot:
            return hot[key]
        with self._guarded():
            data = self._open_db.get(_STATE + key)
        if data is None:
            return None
        state = hot[key] = self._load(data)
        return state

    def put(self, key: bytes, state: S | None) -> None:
        """Change ``key`` within the running transaction."""
        self._hot[key] = state
        self._dirty[key] = None

    def changes(self) -> list[Change]:
        """What the running transaction changed, encoded, once per key."""
        hot, dump = self._hot, self._dump
        return [(key, None if (state := hot[key]) is None else dump(state)) for key in self._dirty]

    def committed(self, changes: Iterable[Change], positions: bytes, offset: int) -> None:
        """Write what a transaction committed; the store now stands at changelog ``offset``."""
        self.apply([*changes, (POSITIONS, positions)], offset)
        hot = self._hot
        for key in self._dirty:
            state = hot.pop(key)
            if state is not None:
                hot[key] = state  # to the young end
        self._dirty.clear()
        for key in list(islice(hot, max(0, len(hot) - self._hot_limit))):
            del hot[key]

    def rollback(self) -> None:
        """Forget what was not committed, and every decoded value with it."""
        self._dirty.clear()
        self._hot.clear()

    def apply(self, records: Iterable[Change], offset: int) -> None:
        """Write changelog records and the checkpoint ``offset`` in one atomic batch."""
        batch = WriteBatch(raw_mode=True)
        for key, value in records:
            if key == POSITIONS:
                batch.put(_POSITIONS, value or b"")
            elif value is None:
                batch.delete(_STATE + key)
            else:
                batch.put(_STATE + key, value)
        batch.put(_CHECKPOINT, msgspec.msgpack.encode(Checkpoint(offset, time.time())))
        with self._guarded():
            self._open_db.write(batch)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """A store that fails is not believed again: the next `open` throws it away."""
        try:
            yield
        except Exception as error:  # rocksdict raises bare Exception for corruption and a full disk alike
            self._broken = True
            raise LocalStoreError(
                "a local state store failed",
                fix="check that the disk of the state folder has space and is sound",
            ) from error

    def positions(self) -> dict[str, int] | None:
        """The input positions that belong to this state (next offset by logical topic); None before any."""
        data = self._open_db.get(_POSITIONS)
        return None if not data else _positions.decode(data)

    def estimate(self) -> int:
        """About how many states there are."""
        return max(0, (self._open_db.property_int_value("rocksdb.estimate-num-keys") or 0) - 2)

    def items(self) -> Iterable[tuple[bytes, bytes]]:
        """All committed states, encoded, in key order."""
        for key, value in self._open_db.items(from_key=_STATE):
            if isinstance(key, bytes) and key.startswith(_STATE):
                yield key[1:], value

    def discard(self) -> None:
        """Delete the local store."""
        self.close()
        shutil.rmtree(self._path, ignore_errors=True)
        self._path.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """Close the files; what is not committed is forgotten."""
        self.rollback()
        db, self._db = self._db, None
        if db is not None:
            try:
                db.close()
            except Exception:  # noqa: BLE001 - rocksdict raises bare Exception, e.g. on a full disk
                self._broken = True  # what it could not write is in the changelog


class _Unusable(Exception):  # noqa: N818 - never leaves this module
    """A local store cannot be used; the text is a code for the log."""


def encode_positions(positions: dict[str, int]) -> bytes:
    """Input positions as the changelog holds them."""
    return msgspec.msgpack.encode(positions)


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)  # noqa: FBT003 - positional in the library
    options.set_write_buffer_size(_WRITE_BUFFER)
    options.set_max_write_buffer_number(2)
    options.set_keep_log_file_num(1)
    options.set_compression_type(DBCompressionType.lz4())
    table = BlockBasedOptions()
    table.set_block_cache(_CACHE)
    table.set_bloom_filter(10, False)  # noqa: FBT003 - positional in the library
    options.set_block_based_table_factory(table)
    return options
