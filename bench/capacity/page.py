"""Writes the tables of `docs/capacity.md`; what stands between them is written by hand."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from bench.capacity.measured import Measured
from bench.capacity.model import (
    PLACES,
    Limits,
    first_to_break,
    need,
    replay_hours,
    restore_minutes,
    setup,
)
from bench.capacity.simulation import Morning, Simulation
from bench.figures import readable

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "capacity.md"
_BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(^<!-- end -->$)", re.MULTILINE | re.DOTALL)
_TAKEOVER_SECONDS = 5.0
_LOST_AT = 600.0


def written(page: str, measured: Measured) -> str:
    """``page`` with its tables made anew from ``measured``."""
    return _BLOCK.sub(lambda found: found[1] + TABLES[found[2]](measured) + found[3], page)


def _needs(measured: Measured) -> str:
    limits = Limits()
    rows = []
    for place in PLACES:
        wanted = need(place, measured, limits)
        rows.append(
            [
                place.name,
                f"{place.citizens:,}",
                f"{place.connectors:,}",
                _rounded(wanted.facts_per_year / 1e6),
                _rounded(wanted.mean_per_second),
                _rounded(wanted.peak_per_second),
                _rounded(wanted.state_gb),
                _rounded(wanted.kafka_gb / 1000),
            ]
        )
    heads = "place|citizens|connectors|facts a year, millions|facts/s, mean|facts/s, peak|state, GB|Kafka, TB"
    return _table(heads.split("|"), rows)


def _setups(measured: Measured) -> str:
    limits = Limits()
    rows = []
    for place in PLACES:
        wanted = need(place, measured, limits)
        chosen = setup(wanted, measured, limits)
        rows.append(
            [
                place.name,
                str(chosen.partitions),
                str(chosen.processes),
                str(chosen.brokers),
                str(chosen.replayers),
                _rounded(100 * wanted.peak_per_second / (chosen.processes * measured.facts_per_second)),
                _rounded(restore_minutes(wanted, chosen, measured)),
                _rounded(replay_hours(wanted, chosen, measured, limits)),
                _rounded(place.connectors * measured.connector_mb / 1000),
            ]
        )
    heads = (
        "place|partitions|router processes|brokers|processes of a replay|load at the peak, %|"
        "rebuild a lost store, min|replay two years, h|connectors' memory in all, GB"
    )
    return _table(heads.split("|"), rows)


def _breaks(measured: Measured) -> str:
    rows = []
    for wanted, before, strain in first_to_break(measured, Limits()):
        having = f"{before.partitions} partitions, {before.processes} processes, {before.brokers} brokers"
        rows.append([wanted.place.name, having, strain.resource, _rounded(100 * strain.part)])
    return _table(["to carry", "with what carried the last", "under most strain", "of its limit, %"], rows)


def _mornings(measured: Measured) -> str:
    limits = Limits()
    rows = []
    for place in PLACES:
        wanted = need(place, measured, limits)
        chosen = setup(wanted, measured, limits)
        outcome = Simulation(
            Morning(
                per_second=wanted.peak_per_second,
                processes=chosen.processes,
                facts_per_second=measured.facts_per_second,
                lost_at=_LOST_AT,
                takeover_seconds=_TAKEOVER_SECONDS,
            )
        ).run()
        waits = (outcome.p50, outcome.p99, outcome.longest, outcome.drained_after)
        seconds = [f"{value:.1f}" for value in waits]
        rows.append([place.name, f"{outcome.facts:,}", *seconds, f"{outcome.most_waiting:,}"])
    heads = "place|facts in half an hour|p50, s|p99, s|longest wait, s|caught up after, s|most waiting"
    return _table(heads.split("|"), rows)


TABLES: Final[dict[str, Callable[[Measured], str]]] = {
    "needs": _needs,
    "setups": _setups,
    "breaks": _breaks,
    "mornings": _mornings,
}


def _rounded(value: float) -> str:
    return readable(value) if value >= 1 else f"{value:.2g}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
