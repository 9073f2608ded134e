"""Reading and writing Avro on one core: the compiled codec beside fastavro, on the same facts."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any, NamedTuple

import fastavro

from bench.figures import Figure, Goal, WrongAnswerError
from bench.plan import Plan
from bench.traffic import Traffic
from bus.process import search_garbage_rarely
from schemas.catalogue import catalogue
from schemas.codec import parse
from schemas.fast import Read, Write, fast_reader, fast_writer
from schemas.sources import Schema

_FACTS, _CITIZENS = 20_000, 4_000
_FRAME = 5
_RUNS_EACH = 3
"""Runs are short here, so there are more of them."""
_GOAL = Goal(at_least=5)


class Works(NamedTuple):
    """What reads and writes the records of one type."""

    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]


def run(plan: Plan) -> list[Figure]:
    """Microseconds a fact, by turns, and how many times our time fastavro takes to read and write it."""
    search_garbage_rarely()  # as the processes do
    made = list(Traffic(plan.count(_CITIZENS)).facts(plan.count(_FACTS)))
    facts = [(fact.record, fact.data[_FRAME:]) for fact in made]
    systems = {"ours": _ours(), "fastavro": _fastavro()}
    _check(systems, facts)
    size = sum(len(data) for _, data in facts) // len(facts)
    times: dict[str, list[float]] = {}
    for _ in replace(plan, runs=_RUNS_EACH * plan.runs).each_run(f"Facts of {size} bytes on average"):
        for who, works in systems.items():
            read, written = _micros(works, facts)
            times.setdefault(f"read.{who}", []).append(read)
            times.setdefault(f"write.{who}", []).append(written)
    both = {who: map(sum, zip(times[f"read.{who}"], times[f"write.{who}"], strict=True)) for who in systems}
    ratios = tuple(slow / fast for slow, fast in zip(both["fastavro"], both["ours"], strict=True))
    said = f"facts of all families, {size} bytes on average"
    return [
        *(Figure(f"codec.{name}", f"{name.replace('.', ', ')}: {said}", "µs/fact", tuple(taken))
          for name, taken in times.items()),
        Figure("codec.ratio", "fastavro's time to ours, reading and writing", "times", ratios, _GOAL),
    ]  # fmt: skip


def _ours() -> dict[str, Works]:
    def read_all(read: Read, data: bytes) -> Any:
        return read(data, 0)

    def made(read: Read | None, write: Write | None) -> Works:
        if read is None or write is None:
            raise WrongAnswerError("a record of the catalogue cannot be read and written by compiled code")
        return Works(partial(read_all, read), partial(write, b""))

    return {
        kind.short_name: made(fast_reader(kind.schema), fast_writer(kind.schema))
        for kind in catalogue().record_types
    }


def _fastavro() -> dict[str, Works]:
    def read(schema: Schema, data: bytes) -> Any:
        return fastavro.schemaless_reader(BytesIO(data), schema, None)

    def write(schema: Schema, value: Any) -> bytes:
        buffer = BytesIO()
        fastavro.schemaless_writer(buffer, schema, value)
        return buffer.getvalue()

    schemas = {kind.short_name: parse(kind.schema) for kind in catalogue().record_types}
    return {name: Works(partial(read, schema), partial(write, schema)) for name, schema in schemas.items()}


def _check(systems: dict[str, dict[str, Works]], facts: Sequence[tuple[str, bytes]]) -> None:
    for record, data in facts:
        ours, theirs = (works[record] for works in systems.values())
        value = theirs.read(data)
        if ours.read(data) != value or ours.write(value) != theirs.write(value):
            raise WrongAnswerError(f"a {record} was not read or written as fastavro does it")


def _micros(works: dict[str, Works], facts: Sequence[tuple[str, bytes]]) -> tuple[float, float]:
    """For reading a fact and for writing it again, each while it is in the processor's caches."""
    reading = writing = 0.0
    now = time.process_time
    for begin in range(0, len(facts), 100):
        chunk = [(works[record], data) for record, data in facts[begin : begin + 100]]
        began = now()
        values = [work.read(data) for work, data in chunk]
        between = now()
        for (work, _), value in zip(chunk, values, strict=True):
            work.write(value)
        reading += between - began
        writing += now() - between
    return reading / len(facts) * 1e6, writing / len(facts) * 1e6
