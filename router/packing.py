"""Packs rows that never change again into a block, and unpacks them.

Ids cannot be compressed: they stand beside what can, joined, and a withdrawal names a fact of its block by
its place. Times are differences: when a row was recorded to the row before it, an end to its start.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from router.state import Block, Fact, FactId, PlannedFact, Records, Withdrawal

_LEVEL = 6
_ID = 16
_SECONDS = 1 << 32
"""Compact instants below this are whole seconds, see ``state.compact``; no other is below its double."""
_PLACE = 2
_MOST_PLACES = 1 << 15

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Records).decode


def pack(records: Records) -> Block:
    """Names, rows and withdrawals as a block. ``records`` stay as they are."""
    ids = [row.id for rows in _all_rows(records) for row in rows]
    places = {each: place for place, each in enumerate(ids[:_MOST_PLACES])}
    packed = Records(
        names=records.names,
        plans={ref: [replace(row) for row in rows] for ref, rows in records.plans.items()},
        cases={ref: [replace(row) for row in rows] for ref, rows in records.cases.items()},
        others={ref: [replace(row) for row in rows] for ref, rows in records.others.items()},
        withdrawals={
            target: [Withdrawal(_place(places.get(one.by), one.by), one.retracts) for one in entries]
            for target, entries in records.withdrawals.items()
        },
    )
    before = 0
    for rows in _all_rows(packed):
        for row in rows:
            row.id = b""
            recorded, row.recorded = row.recorded, apart(row.recorded, before)
            before = _seconds(recorded)
            if isinstance(row, PlannedFact) and row.end is not None:
                row.end = apart(row.end, _seconds(row.start))
    joined = b"".join(ids) if all(len(each) == _ID for each in ids) else ids
    return Block(joined, zlib.compress(_encode(packed), _LEVEL))


def unpack(block: Block) -> Records:
    """What ``pack`` took. Raises msgspec.DecodeError, zlib.error or LookupError for what it did not write."""
    records = _decode(zlib.decompress(block.rows))
    ids = block.ids if isinstance(block.ids, list) else _split(block.ids)
    place = before = 0
    for rows in _all_rows(records):
        for row in rows:
            row.id = ids[place]
            row.recorded = together(row.recorded, before)
            before = _seconds(row.recorded)
            place += 1
            if isinstance(row, PlannedFact) and row.end is not None:
                row.end = together(row.end, _seconds(row.start))
    for entries in records.withdrawals.values():
        for entry in entries:
            entry.by = _id_at(entry.by, ids)
    return records


def apart(instant: int, base: int) -> int:
    """How far a compact instant is from a whole second: even after it, odd before it. Others stay."""
    if not 0 <= instant < _SECONDS:
        return instant
    return 2 * (instant - base) if instant >= base else 2 * (base - instant) - 1


def together(number: int, base: int) -> int:
    """The compact instant that ``apart`` took."""
    if not 0 <= number < 2 * _SECONDS:
        return number
    return base - (number + 1 >> 1) if number & 1 else base + (number >> 1)


def _seconds(instant: int | None) -> int:
    """A compact instant to count from: 0 for those that are no whole second."""
    return instant if instant is not None and 0 <= instant < _SECONDS else 0


def _all_rows(records: Records) -> Iterator[Sequence[Fact]]:
    families: tuple[Mapping[str, Sequence[Fact]], ...] = records.plans, records.cases, records.others
    return (rows for family in families for rows in family.values())


def _split(joined: bytes) -> list[FactId]:
    return [joined[at : at + _ID] for at in range(0, len(joined), _ID)]


def _place(place: int | None, stored: FactId) -> bytes:
    """A row's place instead of its id: two bytes, the last below 128, while a short id ends with 255."""
    return stored if place is None else bytes((place >> 7, place & 127))


def _id_at(named: bytes, ids: Sequence[FactId]) -> FactId:
    """The id for which ``_place`` stands."""
    if len(named) == _PLACE and named[1] < 128:  # noqa: PLR2004 - see _place
        return ids[named[0] << 7 | named[1]]
    return named
