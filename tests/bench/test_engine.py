"""The comparison of engines: the work and its oracle, what is counted, and a try on a real broker."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from confluent_kafka import Producer
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.engine import growth, systems
from bench.engine.compare import _goals
from bench.engine.job import Job
from bench.engine.kafka import Kafka
from bench.engine.latency import Waits
from bench.engine.measure import Running, Sample
from bench.engine.offer import Offer, Phase
from bench.engine.ours import pace
from bench.engine.programs import NotHereError, Program, ours
from bench.engine.rows import HIGH, LOW, Row
from bench.engine.stage import BODY, HistoryStage, OverlapStage, reader
from bench.engine.systems import BY_HAND, OURS, SYSTEMS, Prepared, Window
from bench.engine.throughput import Bench, _add, preload
from bench.engine.work import (
    APPOINTMENT,
    APPOINTMENT_FRAME,
    OVERLAP,
    REMEMBERED,
    Appointments,
    Made,
    Oracle,
    read,
    write,
)
from bench.figures import WrongAnswerError
from bench.machine import Machine
from bench.plan import Plan
from bus.settings import load_settings
from schemas.errors import PoisonError

KEYS = {
    "system", "processes", "records_per_s", "cpu_s_per_100k", "rss_mb", "p50_ms", "p99_ms", "correct",
}  # fmt: skip
"""What readers of the file use; a row has more."""
SMALL = Machine(cores=2, memory_gib=24, python="CPython 3.11.7", system="Linux x86_64")
MADE = next(Appointments().some(1))
HOUR = 3_600_000_000


def appointment(name, agency, hour):
    value = {
        **MADE.value,
        "appointment": name,
        "agency": agency,
        "start": hour * HOUR,
        "end": (hour + 1) * HOUR,
    }
    return Made(b"citizen", value)


def through_the_stage(stage, made):
    """The answers of a stage whose states are written and read again after each record."""
    stored: dict[bytes, bytes] = {}
    answers = []
    for key, value in made:
        event = stage.decode("", key, write(APPOINTMENT, APPOINTMENT_FRAME, value))
        before = stage.load(stored[key], 1) if key in stored else None
        state, (output,) = stage.step(key.decode(), before, event)
        stored[key] = stage.dump(state)
        assert (output.topic, output.key) == ("answers", key)
        answers.append(output.value)
    return answers


def test_the_oracle_says_what_a_person_would():
    oracle = Oracle()
    said = [
        read(OVERLAP, oracle.answer(made))
        for made in (
            appointment("A1", "hospital", 9),
            appointment("A2", "hospital", 9),  # the same agency's
            appointment("A3", "school", 9),  # meets both, the latest is taken
            appointment("A4", "school", 10),  # begins when the others end
        )
    ]
    assert [one["other_appointment"] for one in said] == [None, None, "A2", None]
    assert [one["other_agency"] for one in said] == [None, None, "hospital", None]
    assert [one["appointment"] for one in said] == ["A1", "A2", "A3", "A4"]


def test_the_oracle_forgets_all_but_the_last_sixteen():
    def met(between):
        oracle = Oracle()
        oracle.answer(appointment("first", "school", 9))
        for number in range(between):
            oracle.answer(appointment(f"B{number}", "hospital", 100 + number))
        return read(OVERLAP, oracle.answer(appointment("last", "hospital", 9)))["other_appointment"]

    assert met(REMEMBERED - 1) == "first"
    assert met(REMEMBERED) is None


@settings(max_examples=25)
@given(st.integers(1, 2**32), st.integers(1, 30))
def test_the_stage_gives_the_oracles_answers(seed, citizens):
    made = list(Appointments(citizens, seed).some(60))
    oracle = Oracle()
    right = [oracle.answer(one) for one in made]
    for stage in (
        OverlapStage("x", "in", "answers"),
        OverlapStage("x", "in", "answers", unread=()),
        HistoryStage("x", "in", "answers"),
    ):
        assert through_the_stage(stage, made) == right


def test_records_have_the_size_and_the_overlaps_of_the_task():
    made = list(Appointments(200).some(8000))
    sizes = [len(write(APPOINTMENT, APPOINTMENT_FRAME, one.value)) for one in made]
    assert 225 < sum(sizes) / len(sizes) < 260
    oracle = Oracle()
    meeting = sum(read(OVERLAP, oracle.answer(one))["other_agency"] is not None for one in made)
    assert 0.08 < meeting / len(made) < 0.25


@pytest.mark.parametrize("cut", [0, 4, 30, 200])
def test_what_is_no_appointment_is_poison(cut):
    data = write(APPOINTMENT, APPOINTMENT_FRAME, MADE.value)
    with pytest.raises(PoisonError):
        OverlapStage("x", "in", "answers").decode("", b"k", data[:cut])
    assert reader()(data, BODY)["recorded"] == MADE.value["recorded"]


def test_a_job_and_an_offer_arrive_as_they_were_sent(monkeypatch, tmp_path):
    job = Job("localhost:1", "name", "in", "out", tmp_path, commit_ms=50, threads=2, variant="whole")
    for name, value in job.environment().items():
        monkeypatch.setenv(name, value)
    assert Job.from_environment() == job
    offer = Offer("localhost:1", "in", 20, (Phase(1000, 1.5, 2.0), Phase(10, 2.0, 4.0)))
    assert Offer.from_json(offer.as_json()) == offer
    assert offer.records == 520


@pytest.mark.parametrize(
    ("variant", "longest"), [("", 0.1), ("whole", 0.1), ("history", 0.1), ("steady", 0.1), ("own", 1.0)]
)
def test_ours_commits_as_often_as_the_others_whatever_its_load(variant, longest, tmp_path):
    job = Job("localhost:1", "name", "in", "out", tmp_path, variant=variant)
    engine = load_settings(engine=pace(job)).engine
    assert (engine.commit_interval_ms, engine.max_commit_interval_ms) == (100, longest * 1000)
    assert [system.name for system in SYSTEMS if system.variant == "own"] == [systems.OWN_PACE]


def watched(*samples):
    running = object.__new__(Running)
    running.samples = [Sample(*sample) for sample in samples]
    return running


def test_processor_time_between_two_samples_is_shared_out_by_time():
    running = watched((10, 1.0, 50), (20, 3.0, 90), (30, 3.0, 70))
    assert running.cpu_between(10, 20) == 2.0
    assert running.cpu_between(15, 25) == 1.0
    assert running.cpu_between(0, 99) == 2.0
    assert running.peak_mb == 90


def test_a_rate_is_what_came_after_the_windows_first_moment_until_its_last():
    stamps = [100.0] * 50 + [110.0] * 20 + [120.0] * 30  # a hundred answers in three batches
    row = Row("x")
    _add(row, Window("all", 0, 1), stamps, watched((100, 0, 1), (120, 10, 1)))
    assert row.rates == [50 / 20]
    assert row.cpu == [10 / 50 * 100_000]
    half = Row("x")
    _add(half, Window("half", 0.6, 1), stamps, watched((100, 0, 1), (120, 10, 1)))
    assert half.rates == [30 / 10]


def test_the_file_has_a_row_with_every_key_that_readers_of_it_use():
    row = Row(OURS, 2, work="some", rates=[3000.4, 1000, 2000], cpu=[2.5], resident=[99.94])
    row.p50[LOW], row.p99[LOW] = [20.0], [60.0]
    entry = json.loads(json.dumps(row.as_dict("make bench", SMALL)))
    assert entry.keys() > KEYS
    assert entry["records_per_s"] == {"min": 1000, "median": 2000, "max": 3000}
    assert (entry["system"], entry["processes"], entry["correct"]) == (OURS, 2, True)
    assert (entry["p50_ms"], entry["p99_ms"], entry["p50_ms_at_5000"]) == (20.0, 60.0, None)
    assert entry["not_run"] is None


def test_goals_are_ratios_round_by_round_and_leave_out_what_was_not_run():
    rows = {system: [Row(system.name, system.processes, work=window.what) for window in system.windows]
            for system in SYSTEMS}  # fmt: skip
    rows[SYSTEMS[4]][0].threads = 2
    for system, found in rows.items():
        for row in found:
            if system.name == systems.FAUST:
                row.not_run = "no such thing"
            else:
                fast = 4.0 if system.name == OURS else 2.0
                row.rates, row.cpu, row.resident = [fast, fast * 3, fast * 10], [1.0] * 3, [8 / fast] * 3
    ours = rows[SYSTEMS[0]][0]
    ours.p50[HIGH], rows[SYSTEMS[1]][0].p50[HIGH] = [60.0], [80.0]
    goals = {goal.name: goal for goal in _goals(rows, Row("pace", p50={LOW: [31.0], HIGH: []}))}
    assert goals["engine.streams"].runs == (2.0, 2.0, 2.0)
    assert goals["engine.streams"].met is True
    assert goals["engine.streams.cpu"].met is False
    assert goals["engine.quix"].met is False
    assert goals["engine.p50.5000"].runs == (0.75,)
    assert goals["engine.pace.p50"].met is False
    assert "engine.faust" not in goals
    assert "engine.p99.5000" not in goals


@pytest.fixture(scope="module")
def kafka(broker):
    made = Kafka(broker)
    yield made
    made.delete(made.prefix)


def test_a_reader_waits_for_records_whose_transaction_is_about_to_be_over(kafka):
    topic = kafka.name("open")
    kafka.create(topic)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topic})
    producer.init_transactions()
    producer.begin_transaction()
    for value in (b"first", b"second"):
        producer.produce(topic, key=b"k", value=value)
    producer.flush()
    with ThreadPoolExecutor() as threads:
        reading = threads.submit(lambda: [record.value for record in kafka.read(topic)])
        with pytest.raises(TimeoutError):
            reading.result(1)
        producer.commit_transaction()
        assert reading.result(30) == [b"first", b"second"]


@pytest.fixture(scope="module")
def filled(kafka):
    return preload(Plan(scale=0.005), kafka)


def one(name):
    return next(system for system in SYSTEMS if system.name == name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [OURS, BY_HAND])
def test_a_try_gives_the_oracles_answers_and_leaves_nothing(name, kafka, filled, tmp_path):
    system = one(name)
    rows = [Row(name, work=window.what) for window in system.windows]
    Bench(kafka, filled, tmp_path, Prepared()).run(system, rows)
    assert [(row.correct, row.not_run, len(row.resident)) for row in rows] == [(True, "", 1)] * len(rows)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_program_by_hand_answers_what_it_took_when_its_transaction_was_full(kafka, filled, tmp_path):
    code = (
        "import asyncio; import bench.engine.by_hand as b; b._SLICE, b._MOST = 20, 40; "
        "asyncio.run(b._run(b.Job.from_environment()))"
    )
    row = Row(BY_HAND)
    system = replace(one(BY_HAND), make=lambda: Program((sys.executable, "-c", code), {}))
    Bench(kafka, filled, tmp_path, Prepared()).run(system, [row])
    assert (row.correct, row.not_run, len(row.rates)) == (True, "", 1)


@pytest.mark.slow
def test_a_wrong_answer_of_ours_is_an_error(kafka, filled, tmp_path):
    wrong = replace(filled, answers={**filled.answers, next(iter(filled.answers)): []})
    system = one(OURS)
    with pytest.raises(WrongAnswerError, match="answers, not those of the oracle"):
        Bench(kafka, wrong, tmp_path, Prepared()).run(system, [Row(OURS) for _ in system.windows])


@pytest.mark.slow
def test_waits_are_measured_at_the_rates_that_were_offered(kafka, tmp_path):
    row, waits = Row(OURS), Waits(Plan(scale=0.01), kafka, tmp_path, Prepared())
    waits.run(replace(one(OURS), variant="steady"), (LOW, HIGH), row)
    assert row.correct
    for rate in (LOW, HIGH):
        assert 0 < row.p50[rate][0] <= row.p99[rate][0]
    assert (len(row.share[0]), len(row.share[LOW]), len(row.share[HIGH])) == (0, 1, 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_growth_keeps_state_over_restarts_and_gives_the_oracles_answers(broker, monkeypatch):
    monkeypatch.setenv("SAMBAND_BOOTSTRAP_SERVERS", broker)
    beside = replace(growth.STREAMS, make=ours)  # as what stands beside it, without Maven
    figures = {figure.name: figure for figure in growth.run(Plan(1, 0.0005), beside)}
    assert {"growth.core.10", "growth.rate.100", "growth.memory.1000", "growth.left"} <= figures.keys()
    assert {"growth.streams.core.10", "growth.streams.left", "growth.cpu"} <= figures.keys()
    assert all(len(figure.runs) == 1 for figure in figures.values())
    mine, theirs = (figures[f"growth{name}.core.1000"].median for name in ("", ".streams"))
    assert figures["growth.cpu"].median == pytest.approx(theirs / mine)


def test_a_system_that_is_not_here_is_reported_with_the_reason(kafka, filled, tmp_path):
    def missing():
        raise NotHereError("Maven is not on this machine")

    system, row = replace(one(systems.QUIX), make=missing), Row(systems.QUIX)
    Bench(kafka, filled, tmp_path, Prepared()).run(system, [row])
    assert row.not_run == "Maven is not on this machine"
    assert row.as_dict("make bench", SMALL)["records_per_s"]["median"] is None
