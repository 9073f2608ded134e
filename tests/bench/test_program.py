import json
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from bench import benchmarks
from bench import hl7 as hl7_benchmark
from bench.__main__ import app
from bench.benchmarks import BENCHMARKS, Benchmark
from bench.figures import Figure, Goal, WrongAnswerError
from bench.hl7_messages import Messages, own
from bench.plan import Plan

KEYS = {"name", "what", "unit", "runs", "min", "median", "max", "goal", "met", "command", "machine"}


@pytest.fixture
def made_up(monkeypatch):
    """Benchmarks of no work in the place of the real ones."""

    def wrong(plan):
        raise WrongAnswerError("3 facts are missing")

    def missed(plan):
        return [Figure("slow.rate", "slow work", "1/s", (1.0,) * plan.runs, Goal(at_least=2))]

    known = {"slow": Benchmark("is slow", missed), "wrong": Benchmark("is wrong", wrong)}
    monkeypatch.setattr(benchmarks, "BENCHMARKS", known)
    monkeypatch.setattr("bench.__main__.BENCHMARKS", known)


def test_list_names_the_benchmarks_of_the_goals(repository):
    listed = subprocess.run(
        [sys.executable, "-m", "bench", "--list"], cwd=repository, capture_output=True, text=True, check=True
    )
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    assert names == [
        "hl7",
        "codec",
        "mllp-1",
        "mllp-32",
        "router",
        "findings",
        "step",
        "engine",
        "waits",
        "growth",
        "pause",
        "plan",
        "restore",
        "memory",
        "volume",
        "broker-start",
    ]


def test_a_missed_goal_is_reported_and_no_error(made_up, tmp_path):
    answer = CliRunner().invoke(app, ["--only", "slow", "--json", str(tmp_path / "figures.json")])
    assert answer.exit_code == 0
    (figure,) = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figure.keys() == KEYS
    assert (figure["met"], figure["runs"]) == (False, [1.0, 1.0, 1.0])
    assert figure["command"] == 'make bench ARGS="--only slow"'


def test_a_wrong_answer_is_an_error_and_no_figure(made_up, tmp_path):
    answer = CliRunner().invoke(app, ["--json", str(tmp_path / "figures.json")])
    assert answer.exit_code == 1
    assert "wrong: wrong answer: 3 facts are missing" in answer.stderr
    assert not (tmp_path / "figures.json").exists()


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--runs", "2"], ["--scale", "0"]])
def test_what_cannot_be_measured_is_refused(arguments):
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_hl7_measures_ours_and_the_other_in_each_of_three_times_as_many_short_runs():
    told: list[str] = []
    figures = {figure.name: figure for figure in hl7_benchmark.run(Plan(3, 0.001, told.append))}
    assert figures.keys() == {"hl7.messages", "hl7.python_hl7", "hl7.ratio", "hl7.bookings"}
    assert all(len(figure.runs) == 9 for figure in figures.values())
    assert len(told) == 9


def test_hl7_says_when_a_message_became_something_else(monkeypatch):
    real = own()
    wrong = Messages("own messages", real.payloads, ("StayEnded", *real.records[1:]))
    monkeypatch.setattr(hl7_benchmark, "messages", lambda: wrong)
    with pytest.raises(WrongAnswerError, match="one StayEnded became"):
        hl7_benchmark.run(Plan(3, 0.001))


def test_own_messages_are_about_as_large_as_the_samples():
    sizes = [len(payload) for payload in own().payloads]
    assert all(4_000 < size < 5_000 for size in sizes)


def test_the_papers_name_a_command_for_each_benchmark(repository):
    text = (repository / "docs" / "performance.md").read_text(encoding="utf-8")
    named = set(re.findall(r'make bench ARGS="--only ([\w-]+)"', text))
    assert named == set(BENCHMARKS)


def test_make_bench_calls_this_program(repository):
    assert "python -m bench $(ARGS)" in (repository / "Makefile").read_text(encoding="utf-8")
