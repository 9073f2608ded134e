"""Capacity against values worked out by hand, and the simulated morning against queueing by pencil."""

import pytest

from bench.capacity.measured import Measured
from bench.capacity.model import (
    LOGS,
    PLACES,
    RATE,
    REPLAY,
    SMALLEST,
    Limits,
    Setup,
    first_to_break,
    need,
    setup,
    strains,
)
from bench.capacity.page import PAGE, written
from bench.capacity.simulation import Morning, Simulation

NORWAY = next(place for place in PLACES if place.name == "Norway")
MEASURED = Measured(
    facts_per_second=10_000,
    restored_per_second=200_000,
    unified_bytes=600,
    router_bytes=900,
    state_bytes=3_000,
    connector_mb=85,
)


def test_what_norway_needs() -> None:
    # 60 million appointments of three facts and 100 million case facts a year
    wanted = need(NORWAY, MEASURED, Limits())
    assert wanted.facts_per_year == pytest.approx(280e6)
    assert wanted.mean_per_second == pytest.approx(8.87, abs=0.01)  # 280e6 / 31,557,600
    assert wanted.peak_per_second == pytest.approx(88.7, abs=0.1)
    assert wanted.state_gb == pytest.approx(16.8)  # 5.6e6 citizens of 3,000 bytes
    assert wanted.kafka_gb == pytest.approx(2_570.4)  # (560e6 facts of 1,500 bytes + the state) three times


def test_strains_are_parts_of_the_limits() -> None:
    wanted = need(NORWAY, MEASURED, Limits())
    found = {strain.resource: strain.part for strain in strains(wanted, SMALLEST, MEASURED, Limits())}
    assert found[RATE] == pytest.approx(88.7 / 8_000, abs=1e-4)  # two processes at four tenths
    assert found[LOGS] == pytest.approx(2_570.4 / 12_000)
    assert found[REPLAY] == pytest.approx(560e6 / 10_000 / 3_600 / 24)


def test_the_set_up_bears_what_it_is_for() -> None:
    for place in PLACES:
        wanted = need(place, MEASURED, Limits())
        chosen = setup(wanted, MEASURED, Limits())
        assert strains(wanted, chosen, MEASURED, Limits())[0].part <= 1
        assert chosen.partitions >= 4 * chosen.processes


def test_a_slow_router_is_given_more_processes() -> None:
    # 88.7 facts a second at four tenths of 20 a second: 11.09 processes, so 16
    slow = Measured(
        facts_per_second=20,
        restored_per_second=200_000,
        unified_bytes=1,
        router_bytes=1,
        state_bytes=1,
        connector_mb=1,
    )
    patient = Limits(replay_hours=1e6)
    wanted = Setup(partitions=64, processes=16, brokers=3, replayers=1)
    assert setup(need(NORWAY, slow, patient), slow, patient) == wanted


def test_what_breaks_first_is_said_for_each_place_but_the_first() -> None:
    assert [wanted.place for wanted, _, _ in first_to_break(MEASURED, Limits())] == list(PLACES[1:])


def test_a_quiet_morning_makes_nobody_wait() -> None:
    outcome = Simulation(
        Morning(per_second=300, processes=3, facts_per_second=1_000, lost_at=1e9, takeover_seconds=5)
    ).run()
    assert outcome.facts == pytest.approx(300 * 1800, rel=0.01)
    assert outcome.longest == 0
    assert outcome.drained_after == 0


def test_a_lost_process_makes_its_part_wait_and_no_other() -> None:
    # A third of 300/s stands still for 10 s: 1,000 facts, which two processes that have 200/s to spare,
    # of which the lost one's own new facts take 100, work off in 10 s more.
    outcome = Simulation(
        Morning(per_second=300, processes=3, facts_per_second=200, lost_at=600, takeover_seconds=10)
    ).run()
    assert outcome.longest == pytest.approx(10, abs=0.3)
    assert outcome.most_waiting == pytest.approx(1_000, rel=0.1)
    assert outcome.drained_after == pytest.approx(20, rel=0.15)
    assert outcome.p50 == 0


def test_too_much_for_all_is_seen() -> None:
    # 400/s for 1,800 s, worked off at 300/s: the queue grows to 180,000 and the last fact waits 600 s.
    outcome = Simulation(
        Morning(per_second=400, processes=2, facts_per_second=150, lost_at=1e9, takeover_seconds=5)
    ).run()
    assert outcome.most_waiting == pytest.approx(180_000, rel=0.02)
    assert outcome.longest == pytest.approx(600, rel=0.02)


def test_figures_come_from_the_table_of_the_performance_page() -> None:
    names = ("router.facts", "restore.values", "volume.unified", "volume.router", "volume.state")
    page = "".join(
        f"| `{name}` | what |  | 1 | {number},000.5 | 9 | unit | command |\n"
        for number, name in enumerate((*names, "memory.connector"), 1)
    )
    found = Measured.read(page)
    assert found.facts_per_second == 1_000.5
    assert found.state_bytes == 5_000.5
    assert found.connector_mb == 6_000.5


def test_the_page_is_fresh() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page, Measured.read()), "run `python -m bench.capacity`"
