"""Works out what carries a place of a given size, and what of the last size breaks first there.

Everything here is arithmetic on `Place`, `Measured` and `Limits`: no measurement, no clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from bench.capacity.measured import Measured

YEAR_SECONDS: Final = 365.25 * 86_400


@dataclass(frozen=True, slots=True)
class Place:
    """People whose agencies share one system."""

    name: str
    citizens: int
    connectors: int
    """Agencies' systems, one connector process each; they run where the agencies are."""


PLACES: Final = (
    Place("a municipality", 30_000, 4),
    Place("a region", 500_000, 60),
    Place("Norway", 5_600_000, 800),
    Place("the Nordics", 28_000_000, 4_000),
    Place("Europe", 450_000_000, 60_000),
)

APPOINTMENTS_PER_CITIZEN: Final = 60 / 5.6
"""A year, in Norway."""
CASE_FACTS_PER_CITIZEN: Final = 100 / 5.6
"""A year, in Norway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What we allow ourselves. Each is a choice, and said on the page."""

    facts_per_appointment: float = 3
    """Booked, changed once, held."""
    peak: float = 10
    """The morning's rate, in means."""
    load: float = 0.4
    """Part of a process's rate that is used at the peak; the rest is for the loss of another process."""
    years_kept: float = 2
    """The unified topics' and the timeline's retention."""
    replicas: int = 3
    broker_disk_gb: float = 4_000
    process_disk_gb: float = 500
    restore_minutes: float = 10
    """Longest rebuild of a lost local store without a standby."""
    replay_hours: float = 24
    """Longest rebuild of everything, e.g. after a change of rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a place asks for."""

    place: Place
    facts_per_year: float
    mean_per_second: float
    peak_per_second: float
    state_gb: float
    kafka_gb: float
    """All replicas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What carries a place."""

    partitions: int
    processes: int
    brokers: int
    replayers: int
    """Processes that share a replay, by partition; as many as partitions at most."""


SMALLEST: Final = Setup(partitions=8, processes=2, brokers=3, replayers=1)
"""No process and no broker whose loss is an outage."""

RATE, RESTORE, REPLAY, STATE, LOGS = (
    "facts a second at the peak",
    "rebuilding a lost local store",
    "replaying everything",
    "the router's disks",
    "Kafka's disks",
)


@dataclass(frozen=True, slots=True)
class Strain:
    """How much of one resource a need takes of a set-up: above 1 it breaks."""

    resource: str
    part: float


def need(place: Place, measured: Measured, limits: Limits) -> Need:
    """What ``place`` asks for."""
    yearly = place.citizens * (
        APPOINTMENTS_PER_CITIZEN * limits.facts_per_appointment + CASE_FACTS_PER_CITIZEN
    )
    kept = yearly * limits.years_kept * (measured.unified_bytes + measured.router_bytes)
    state = place.citizens * measured.state_bytes
    return Need(
        place=place,
        facts_per_year=yearly,
        mean_per_second=yearly / YEAR_SECONDS,
        peak_per_second=yearly / YEAR_SECONDS * limits.peak,
        state_gb=state / 1e9,
        kafka_gb=(kept + state) * limits.replicas / 1e9,
    )


def strains(wanted: Need, setup: Setup, measured: Measured, limits: Limits) -> tuple[Strain, ...]:
    """How ``setup`` bears ``wanted``, the greatest strain first."""
    rate = setup.processes * measured.facts_per_second * limits.load
    found = (
        Strain(RATE, wanted.peak_per_second / rate),
        Strain(RESTORE, restore_minutes(wanted, setup, measured) / limits.restore_minutes),
        Strain(REPLAY, replay_hours(wanted, setup, measured, limits) / limits.replay_hours),
        Strain(STATE, wanted.state_gb / setup.processes / limits.process_disk_gb),
        Strain(LOGS, wanted.kafka_gb / (setup.brokers * limits.broker_disk_gb)),
    )
    return tuple(sorted(found, key=lambda strain: -strain.part))


def restore_minutes(wanted: Need, setup: Setup, measured: Measured) -> float:
    """Rebuilding the store of one process that lost its disk and has no standby."""
    return wanted.place.citizens / setup.processes / measured.restored_per_second / 60


def replay_hours(wanted: Need, setup: Setup, measured: Measured, limits: Limits) -> float:
    """Replaying all facts that are kept."""
    kept = wanted.facts_per_year * limits.years_kept
    return kept / (setup.replayers * measured.facts_per_second) / 3600


def setup(wanted: Need, measured: Measured, limits: Limits) -> Setup:
    """The smallest set-up that bears ``wanted``: powers of two, no part of it alone."""
    found = SMALLEST
    while worst := [
        strain.resource for strain in strains(wanted, found, measured, limits) if strain.part > 1
    ]:
        found = _mended(found, worst[0])
    return found


def _mended(found: Setup, resource: str) -> Setup:
    """``found`` with more of what ``resource`` needs; four partitions at least to a process."""
    if resource == LOGS:
        return replace(found, brokers=found.brokers + 1)
    if resource == REPLAY:
        replayers = found.replayers * 2
        return replace(found, replayers=replayers, partitions=max(found.partitions, replayers))
    processes = found.processes * 2
    return replace(found, processes=processes, partitions=max(found.partitions, processes * 4))


def first_to_break(measured: Measured, limits: Limits) -> Iterator[tuple[Need, Setup, Strain]]:
    """For each place after the first: what of the last place's set-up breaks there first."""
    needs = [need(place, measured, limits) for place in PLACES]
    for smaller, larger in pairwise(needs):
        before = setup(smaller, measured, limits)
        yield larger, before, strains(larger, before, measured, limits)[0]
