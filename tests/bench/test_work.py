"""The work that is measured, at a size at which it takes no time: what it does, never how fast it is."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from bench import mllp
from bench.mllp_load import Load, send
from bench.plan import Plan
from bench.router_replay import PARTS, Answer, Replay
from bench.traffic import WEIGHTS, Traffic
from connectors.hospital.mllp import frame
from schemas.catalogue import catalogue
from schemas.codec import Codec


def test_traffic_is_the_same_for_the_same_seed_and_fits_the_contract():
    facts = list(Traffic(20, seed=7).facts(300))
    assert facts == list(Traffic(20, seed=7).facts(300))
    assert facts != list(Traffic(20, seed=8).facts(300))
    codec = Codec()
    for fact in facts:
        decoded = codec.decode(fact.data)
        assert decoded.record == fact.record
        assert decoded.value["meta"]["subject"]["key"].encode() == fact.key
        assert catalogue().records[fact.record].topics == (fact.topic,)


def test_traffic_is_appointments_mostly_and_has_all_families():
    topics = Counter(fact.topic for fact in Traffic(200).facts(2000))
    assert topics.keys() == {"appointment", "stay", "case", "education"}
    assert 0.65 < topics["appointment"] / 2000 < 0.8
    assert sum(WEIGHTS.values()) == 100


def test_one_each_is_about_every_citizen_once():
    keys = [fact.key for fact in Traffic(50).one_each("AppointmentScheduled")]
    assert len(keys) == len(set(keys)) == 50


def test_the_replay_times_each_part_and_gives_each_fact_an_entry():
    facts = list(Traffic(20).facts(200))
    replay = Replay()
    parts = replay.run(facts)
    assert set(parts) == set(PARTS)
    assert all(value > 0 for value in parts.values())
    assert replay.answer.entries == {Codec().decode(fact.data).value["meta"]["event_id"] for fact in facts}


def test_only_findings_that_stand_in_the_end_are_compared():
    answer = Answer()
    answer.take("Finding", {"finding_id": "a", "status": "OPEN"})
    answer.take("Finding", {"finding_id": "b", "status": "OPEN"})
    answer.take("Finding", {"finding_id": "a", "status": "CLOSED"})
    assert answer.open_findings == {"b"}


@asynccontextmanager
async def _listener(answers):
    """The address of a listener that gives these answers (MSA-1) in order and then closes the connection."""
    left = list(answers)
    ended = asyncio.Event()

    async def serve(reader, writer):
        while left and (await reader.read(65_536)):
            writer.write(frame(f"MSH|^~\\&|\rMSA|{left.pop(0)}|X\r".encode()))
        await reader.read(65_536)
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield "{}:{}".format(*server.sockets[0].getsockname())
        await ended.wait()


async def test_the_load_generator_counts_what_is_acknowledged():
    async with _listener(["AA"] * 5) as address:
        outcome = await send(Load(address, connections=1, messages=5, first=0))
    assert outcome.acknowledged == len(outcome.waits_ms) == 5
    assert outcome.seconds > 0


@pytest.mark.parametrize(
    ("answers", "problem"), [(["AA", "AR"], "not accepted"), (["AA"], "closed the connection")]
)
async def test_a_load_that_is_not_taken_is_an_error(answers, problem):
    async with _listener(answers) as address:
        with pytest.raises(ConnectionError, match=problem):
            await send(Load(address, connections=1, messages=3, first=0))


@pytest.mark.slow
def test_mllp_counts_what_lies_on_the_topics(broker, monkeypatch):
    monkeypatch.setenv("SAMBAND_BOOTSTRAP_SERVERS", broker)
    figures = {figure.name: figure for figure in mllp.many_connections(Plan(3, 0.001))}
    assert figures.keys() == {"mllp-32.acknowledged", "mllp-32.p50", "mllp-32.p99", "mllp-32.cpu"}
    assert all(run > 0 for run in figures["mllp-32.acknowledged"].runs)
