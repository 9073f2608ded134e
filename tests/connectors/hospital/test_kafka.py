"""The connector on a real Kafka: python-hl7's client sends, and Kafka goes away in the middle."""

import asyncio
import os
import signal

import hl7
import pytest
from hl7.client import MLLPClient

from bus.embedded.server import EmbeddedBroker
from bus.setting_groups import user_cache
from connectors.hospital.testing import adt
from tests.connectors.hospital.kafka_rig import FACTS, connected
from tests.connectors.hospital.messages import EMIL, envelope, raw
from tests.waiting import until


def message(control_id: str) -> bytes:
    return adt("A31", envelope(control_id), EMIL)


async def test_python_hl7s_client_is_answered_after_kafka_confirmed(broker, topic_prefix, tmp_path):
    async with connected(broker, topic_prefix, tmp_path) as hospital:
        found: list[tuple[str, str, str]] = []
        with MLLPClient(*hospital.address) as client:
            for number, sent in enumerate((message("M1"), b"PID|1||4711\r", raw("PID|1||", kind="ADT^A31"))):
                answer = await asyncio.to_thread(client.send_message, sent)
                found = await hospital.outcomes()
                assert len(found) == number + 1
                msa = hl7.parse(answer.strip(b"\x0b\x1c\r")).segment("MSA")
                assert str(msa[1]) == ("AA", "AR", "AA")[number]
        assert found == [
            ("M1", "PUBLISHED", ""),
            ("", "DEAD_LETTERED", "hl7.no_msh"),
            ("M1", "DEAD_LETTERED", "subject.missing"),
        ]
        assert [record for _, record, _ in await hospital.records(*FACTS)] == ["PersonUpdated"]
        letters = [value for _, _, value in await hospital.records("inputs.dlq")]
        assert [letter["payload"] for letter in letters] == [b"PID|1||4711\r", raw("PID|1||", kind="ADT^A31")]


async def test_a_restart_remembers_what_was_published(broker, topic_prefix, tmp_path):
    for expected in ("PUBLISHED", "IGNORED"):
        async with (
            connected(broker, topic_prefix, tmp_path) as hospital,
            hospital.sender() as sender,
        ):
            (answer,) = await sender.send(message("M1"))
            assert answer.code == "AA"
            assert (await hospital.outcomes())[-1][1] == expected
            assert len(await hospital.records(*FACTS)) == 1


async def test_a_dead_letter_of_almost_16_mib_is_kept_whole(broker, topic_prefix, tmp_path):
    large = raw("PID|1||", "OBX|1|ED|||" + "x" * (16 * 1024 * 1024 - 1000), kind="ADT^A31")
    async with connected(broker, topic_prefix, tmp_path) as hospital, hospital.sender() as sender:
        (answer,) = await sender.send(large)
        assert answer.code == "AA"
        ((_, _, letter),) = await hospital.records("inputs.dlq")
        assert letter["payload"] == large


@pytest.mark.slow
@pytest.mark.skipif(
    "SAMBAND_BOOTSTRAP_SERVERS" in os.environ, reason="a Kafka of somebody else is not to be stopped"
)
async def test_kafka_away_for_a_while_loses_nothing_and_doubles_nothing(topic_prefix, tmp_path):
    patient = {"answer_seconds": 3.0, "pause_seconds": 0.1}
    impatient = {"delivery_timeout_seconds": 1.0, "request_timeout_seconds": 1.0}
    with EmbeddedBroker(tmp_path / "kafka", cache_dir=user_cache()) as own:
        assert own.pid is not None
        async with (
            connected(own.bootstrap_servers, topic_prefix, tmp_path, impatient) as hospital,
            hospital.sender(**patient) as sender,
        ):
            for number in range(5):
                await sender.send(message(f"M{number}"))
            os.killpg(own.pid, signal.SIGSTOP)
            try:
                sending = asyncio.create_task(sender.send(message("M5")))
                await until(lambda: sender.resent >= 2, timeout=60, what="the sender to come again")
                assert not sending.done()
            finally:
                os.killpg(own.pid, signal.SIGCONT)
            (answer,) = await asyncio.wait_for(sending, 60)
            assert (answer.code, answer.control_id) == ("AA", "M5")
            for number in range(6, 10):
                assert (await sender.send(message(f"M{number}")))[0].code == "AA"
            facts = await hospital.records(*FACTS)
            ids = [value["meta"]["source"]["message_id"] for _, _, value in facts]
            assert set(ids) == {f"M{number}" for number in range(10)}
            assert len({value["meta"]["event_id"] for _, _, value in facts}) == 10
            published = [one for one, outcome, _ in await hospital.outcomes() if outcome == "PUBLISHED"]
            assert set(published) == {f"M{number}" for number in range(10)}
