"""Figures on their way into the page: each in its place, with its goal, and of whole runs alone."""

import pytest

from bench.engine.rows import Row
from bench.figures import Figure, Goal
from bench.machine import Machine
from bench.paper import PAGE, written

PAPER = """# Speed

| figure | what | goal | min | median | max | unit | command |
|---|---|---|---:|---:|---:|---|---|
| `hl7.messages` | old | ≥ 1 (met) | 1 | 2 | 3 | messages/s | `make bench ARGS="--only hl7"` |
| `step.simple` | stays |  | 1 | 2 | 3 | µs | `make bench ARGS="--only step"` |

Text.

| system | processes, threads | records |
|---|---|---|
| old | 1, 1 | all |

More text.
"""
HL7 = '`make bench ARGS="--only hl7"` |'
MACHINE = Machine(2, 24, "CPython 3.11.2", "Linux x86_64")


def _entry(figure: Figure, command: str = 'make bench ARGS="--only hl7"'):
    return figure.as_dict(command, MACHINE)


def test_a_row_is_replaced_and_a_new_one_stands_beside_its_own():
    better = _entry(
        Figure("hl7.messages", "parse", "messages/s", (4321.9, 6000.4, 5500.0), Goal(at_least=6000))
    )
    new = _entry(Figure("hl7.ratio", "to the other", "times", (0.123456,)))
    assert written(PAPER, [better, new]).splitlines()[3:8] == [
        "|---|---|---|---:|---:|---:|---|---|",
        f"| `hl7.messages` | parse | ≥ 6,000 (**missed**) | 4,322 | 5,500 | 6,000 | messages/s | {HL7}",
        f"| `hl7.ratio` | to the other |  | 0.123 | 0.123 | 0.123 | times | {HL7}",
        '| `step.simple` | stays |  | 1 | 2 | 3 | µs | `make bench ARGS="--only step"` |',
        "",
    ]


def test_systems_take_the_place_of_those_before_with_their_goals_in_the_other_table():
    ours = Row("samband", 2, 1, "all", rates=[1000.0, 3000.0, 2000.0], cpu=[1.234], resident=[99.96])
    ours.p50[1000], ours.p99[1000] = [25.0], [70.0]
    ours.share[1000] = [12.5]
    ours.goals = [Figure("engine.quix", "to Quix", "times", (4.0,), Goal(at_least=4))]
    other = Row("quix", not_run="no network")
    lines = written(
        PAPER, [row.as_dict('make bench ARGS="--only engine"', MACHINE) for row in (ours, other)]
    ).splitlines()
    at = lines.index("| system | processes, threads | records |")
    assert lines[at + 2 : at + 6] == [
        "| samband | 2, 1 | all | 1,000, 2,000, 3,000 | 1.23 | 100 | 25 / 70 | - | -, 12.5, - | 3 | right |",
        "| quix | 1, 1 |  | - | - | - | - | - | - | 0 | not run: no network |",
        "",
        "More text.",
    ]
    assert (
        '| `engine.quix` | to Quix | ≥ 4 (met) | 4 | 4 | 4 | times | `make bench ARGS="--only engine"` |'
        in lines
    )


@pytest.mark.parametrize(
    "command",
    ["make bench", 'make bench ARGS="--only hl7 --scale 0.1"', 'make bench ARGS="--only hl7 --only step"'],
)
def test_a_try_is_refused(command):
    with pytest.raises(ValueError, match=r"hl7\.messages"):
        written(PAPER, [_entry(Figure("hl7.messages", "parse", "messages/s", (1.0,)), command)])


def test_the_page_has_both_tables():
    page = PAGE.read_text(encoding="utf-8")
    row = Row("samband").as_dict('make bench ARGS="--only engine"', MACHINE)
    assert "| samband | 1, 1 |  | - |" in written(page, [row])
