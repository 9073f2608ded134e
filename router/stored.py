"""How a citizen's records are stored: one byte for the format, then msgpack of the structures as arrays.

Facts are only ever added, so of a long history nothing changes but its end. As soon as ``BLOCK`` rows are in
no block yet, they become one: packed and compressed once (``packing.py``), then copied as it is. When that
happens, and in which order the rows stand, follows from the facts alone, not from when a state is written or
read. docs/adr/0008-router-state.md says why.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from router import packing
from router.state import Citizen, Records
from schemas.errors import PoisonError

FORMAT = 3
_WITHOUT_BLOCKS = 2
"""Format 3 without its last field."""
BLOCK = 64

_R = TypeVar("_R")
_K = TypeVar("_K", str, bytes)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Records).decode


def dump(citizen: Citizen) -> bytes:
    """The state as bytes."""
    return bytes((FORMAT,)) + _encode(_not_in_blocks(citizen))


def load(data: bytes) -> Citizen:
    """The state that ``dump`` wrote, of this format or the one before.

    Raises:
        PoisonError: it is not a state, or of a format that this version does not know.
    """
    if not data or data[0] not in (FORMAT, _WITHOUT_BLOCKS):
        message = f"state of format {data[0] if data else 'none'}, this version knows {FORMAT}"
        raise PoisonError(message, reason="state.format", where="/0")
    try:
        stored = _decode(memoryview(data)[1:])
        return _whole(stored) if stored.blocks else Citizen(stored, loose=count_rows(stored))
    except (msgspec.DecodeError, zlib.error, ValueError, LookupError):
        message = "not a state"
        raise PoisonError(message, reason="state.invalid", where="/1") from None


def count_rows(records: Records) -> int:
    """How many rows of facts there are."""
    families: tuple[Mapping[str, Sequence[object]], ...] = records.plans, records.cases, records.others
    return sum(len(rows) for family in families for rows in family.values())


def make_block(citizen: Citizen) -> None:
    """Put everything into a block that is in none."""
    records = citizen.records
    records.blocks += (packing.pack(_not_in_blocks(citizen)),)
    citizen.first_loose, citizen.names_in_blocks, citizen.loose = {}, len(records.names), 0


def _not_in_blocks(citizen: Citizen) -> Records:
    """The records without the names, rows and withdrawals that are in blocks."""
    records, first = citizen.records, citizen.first_loose
    if first is None:
        return records
    return replace(
        records,
        names=records.names[citizen.names_in_blocks :],
        plans=_from(records.plans, first),
        cases=_from(records.cases, first),
        others=_from(records.others, first),
        withdrawals=_from(records.withdrawals, first),
    )


def _from(family: dict[_K, list[_R]], first: Mapping[str | bytes, int]) -> dict[_K, list[_R]]:
    return {about: family[about][place:] for about, place in first.items() if about in family}


def _whole(stored: Records) -> Citizen:
    """The records with all that is in blocks; what was stored beside them comes last, as it did."""
    whole = replace(stored, names=[], plans={}, cases={}, others={}, withdrawals={})
    for block in stored.blocks:
        _add(whole, packing.unpack(block))
    names = len(whole.names)
    known = {about: len(rows) for family in _families(whole) for about, rows in family.items()}
    first = {about: known.get(about, 0) for family in _families(stored) for about in family}
    _add(whole, stored)
    return Citizen(whole, loose=count_rows(stored), first_loose=first, names_in_blocks=names)


def _families(records: Records) -> tuple[dict[Any, list[Any]], ...]:
    """Everything that is only ever added to: rows by what they are about, withdrawals by the fact."""
    return records.plans, records.cases, records.others, records.withdrawals


def _add(whole: Records, part: Records) -> None:
    whole.names.extend(part.names)
    for family, added in zip(_families(whole), _families(part), strict=True):
        for about, rows in added.items():
            family.setdefault(about, []).extend(rows)
