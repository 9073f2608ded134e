import json
import platform
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bench.figures import Figure, Goal, as_json, readable, rounded
from bench.machine import Machine, machine
from bench.report import table

SMALL = Machine(cores=2, memory_gib=24, python="CPython 3.11.7", system="Linux x86_64")


def test_the_median_is_the_middle_run_or_the_mean_of_the_two_middle_ones():
    assert Figure("a.b", "what", "s", (9.0, 1.0, 2.0)).median == 2.0
    assert Figure("a.b", "what", "s", (9.0, 1.0, 2.0, 4.0)).median == 3.0


def test_a_figure_without_a_run_is_refused():
    with pytest.raises(ValueError, match=r"a\.b: a figure needs a run"):
        Figure("a.b", "what", "s", ())


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (Goal(at_least=5000), 5000, True),
        (Goal(at_least=5000), 4999.9, False),
        (Goal(below=10), 10, False),
        (Goal(below=10), 9.99, True),
        (Goal(at_least=1, below=2), 2, False),
        (Goal(at_least=1, below=2), 0.5, False),
        (Goal(at_least=1, below=2), 1.5, True),
    ],
)
def test_a_goal_is_a_floor_that_counts_as_reached_or_a_ceiling_that_does_not(goal, value, met):
    assert goal.met(value) is met


def test_the_median_decides_and_not_the_best_run():
    assert Figure("a.b", "what", "s", (1.0, 1.0, 9000.0), Goal(at_least=5000)).met is False
    assert Figure("a.b", "what", "s", (1.0, 1.0, 9000.0)).met is None


def test_the_file_has_every_key_that_readers_of_it_use():
    figures = [
        Figure("hl7.messages", "parse", "messages/s", (4321.9, 6000.4, 5500.0), Goal(at_least=5000)),
        Figure("hl7.other", "parse", "ms", (0.123456,)),
    ]
    assert json.loads(as_json(figures, "make bench", SMALL)) == [
        {
            "name": "hl7.messages", "what": "parse", "unit": "messages/s",
            "runs": [4322.0, 6000.0, 5500.0], "min": 4322.0, "median": 5500.0, "max": 6000.0,
            "goal": "≥ 5,000", "met": True, "command": "make bench",
            "machine": {"cores": 2, "memory_gib": 24, "python": "CPython 3.11.7", "system": "Linux x86_64"},
        },
        {
            "name": "hl7.other", "what": "parse", "unit": "ms",
            "runs": [0.123], "min": 0.123, "median": 0.123, "max": 0.123,
            "goal": None, "met": None, "command": "make bench",
            "machine": {"cores": 2, "memory_gib": 24, "python": "CPython 3.11.7", "system": "Linux x86_64"},
        },
    ]  # fmt: skip


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=9))
def test_the_spread_is_in_order_and_within_a_two_hundredth_of_the_runs(runs):
    found = Figure("a.b", "what", "s", tuple(runs)).as_dict("make bench", SMALL)
    assert found["min"] <= found["median"] <= found["max"]
    assert found["min"] == pytest.approx(min(runs), rel=0.005)
    assert found["max"] == pytest.approx(max(runs), rel=0.005)


def test_people_read_three_digits_that_count_and_whole_thousands():
    assert [readable(value) for value in (12345.67, 999.4, 6.789, 0.01234, 120)] == [
        "12,346", "999", "6.79", "0.0123", "120",
    ]  # fmt: skip
    assert rounded(1234.5678) == 1235.0


def test_the_table_shows_the_spread_the_goal_and_whether_it_was_missed():
    console = Console(width=200, record=True, file=StringIO())
    console.print(table([Figure("a.b", "what it is", "ms", (3.0, 1.0, 2.0), Goal(below=1.5))], SMALL))
    shown = console.export_text()
    row = next(line for line in shown.splitlines() if "a.b" in line)
    assert row.split() == ["a.b", "what", "it", "is", "1", "2", "3", "ms", "<", "1.5", "missed"]
    assert "2 cores, 24 GiB memory, CPython 3.11.7, Linux x86_64" in shown


def test_the_machine_is_described_without_its_name():
    assert machine().cores >= 1
    assert machine().memory_gib >= 1
    assert platform.node() not in str(machine())
