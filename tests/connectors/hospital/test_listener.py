"""The connector on real sockets, with a bus in memory behind it: what senders do, and what they are told."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from bus.errors import NotAllowedError
from bus.settings import SettingsRefusedError
from connectors.hospital.mllp import frame
from connectors.hospital.testing import Booking, MllpSender, adt, siu
from connectors.kit.testing import MemoryBus
from tests.connectors.hospital.messages import EMIL, MORNING, envelope, raw
from tests.connectors.hospital.rig import running
from tests.waiting import until

MIB = 1024 * 1024


def message(control_id: str = "M1", **fields: str) -> bytes:
    return adt("A31", envelope(control_id, **fields), EMIL)


async def answers(sender: MllpSender, number: int) -> list[tuple[str, str]]:
    found = [await sender.receive() for _ in range(number)]
    return [(one.code, one.control_id) for one in found]


async def closed(sender: MllpSender) -> bool:
    try:
        await sender.receive()
    except (EOFError, ConnectionError):
        return True
    return False


async def test_an_accepted_message_is_published_and_answered(tmp_path):
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        (answer,) = await sender.send(message("M1"))
        assert (answer.code, answer.control_id) == ("AA", "M1")
        assert hospital.outcomes == [("PUBLISHED", "")]
        assert [record.record for record in hospital.bus.facts] == ["PersonUpdated"]


async def test_several_messages_in_one_packet_are_answered_in_order(tmp_path):
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        await sender.send_raw(b"".join(frame(message(f"M{number}")) for number in range(20)))
        assert await answers(sender, 20) == [("AA", f"M{number}") for number in range(20)]
        ids = [record.value["message_id"] for record in hospital.bus.on("inputs")]
        assert ids == [f"M{number}" for number in range(20)]


async def test_one_message_in_many_packets_without_its_last_cr(tmp_path):
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        for byte in b"\x0b" + message("M1") + b"\x1c":
            await sender.send_raw(bytes([byte]))
        assert await answers(sender, 1) == [("AA", "M1")]


async def test_line_ends_and_noise_between_frames(tmp_path):
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        await sender.send_raw(b"\r\n" + frame(message("M1")) + b"\n\ngarbage" + frame(message("M2")))
        assert await answers(sender, 2) == [("AA", "M1"), ("AA", "M2")]


async def test_garbage_without_end_closes_the_connection(tmp_path):
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        await sender.send_raw(b"GET / HTTP/1.1 " * 5000)
        assert await closed(sender)
        assert hospital.outcomes == []


@pytest.mark.parametrize("start", [b"\x0bMSH|^~\\&|PAS", b"garbage"], ids=["half a frame", "garbage"])
async def test_silence_within_a_message_closes_the_connection(tmp_path, start):
    async with running(tmp_path, frame_timeout_seconds=0.1) as hospital, hospital.sender() as sender:
        await sender.send_raw(start)
        assert await closed(sender)
        assert hospital.outcomes == []
        (answer,) = await sender.send(message("M1"))
        assert answer.code == "AA"


async def test_a_17_mib_frame_is_rejected_and_the_next_message_is_taken(tmp_path):
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        note = b"OBX|1|ED|||" + b"x" * (17 * MIB)
        (answer,) = await sender.send(message("BIG") + note)
        assert (answer.code, answer.control_id) == ("AR", "BIG")
        (letter,) = hospital.bus.on("inputs.dlq")
        assert letter.value["reason"] == "input.too_large"
        assert len(letter.value["payload"]) == 65_536
        (answer,) = await sender.send(message("M2"))
        assert answer.code == "AA"


async def test_a_message_of_almost_16_mib_is_taken(tmp_path):
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        (answer,) = await sender.send(message("BIG") + b"OBX|1|ED|||" + b"x" * (16 * MIB - 1000))
        assert answer.code == "AA"
        assert hospital.outcomes == [("PUBLISHED", "")]


PID = "PID|1||4711^^^SYKEHUS^MR"
LIES = raw(PID, kind="ADT^A31").replace(b"|P|2.5\r", b"|P|2.5||||||8859/1\r") + "NTE|1||Åse\r".encode()
BAD = {
    "no MSH": (b"PID|1||4711\r", "AR", "DEAD_LETTERED", "hl7.no_msh"),
    "empty frame": (b"", "AR", "DEAD_LETTERED", "hl7.no_msh"),
    "not HL7": (b"\x00\xff\xfe rubbish", "AR", "DEAD_LETTERED", "hl7.no_msh"),
    "batch": (b"FHS|^~\\&|PAS\rBHS|^~\\&|PAS\r", "AR", "DEAD_LETTERED", "hl7.no_msh"),
    "cut off": (b"MSH", "AR", "DEAD_LETTERED", "hl7.no_msh"),
    "two messages": (raw(PID) + raw(PID), "AR", "DEAD_LETTERED", "hl7.several_messages"),
    "delimiters": (b"MSH|^^\\&|A|B|||2026||ADT^A01|1|P|2.5\r", "AR", "DEAD_LETTERED", "hl7.delimiters"),
    "version 2.1": (raw(PID, version="2.1"), "AR", "DEAD_LETTERED", "hl7.version"),
    "no version": (raw(PID, version=""), "AR", "DEAD_LETTERED", "hl7.version"),
    "training": (message(processing="T"), "AR", "DEAD_LETTERED", "hl7.processing_id"),
    "charset lies": (LIES, "AR", "DEAD_LETTERED", "hl7.charset_lies"),
    "no such date": (
        raw("SCH||A1|||||||||^^^20260230", PID, kind="SIU^S12"), "AA", "DEAD_LETTERED", "time.unreadable",
    ),
    "no appointment id": (raw("SCH|", PID, kind="SIU^S12"), "AA", "DEAD_LETTERED", "appointment.no_id"),
    "no patient": (raw(kind="ADT^A31"), "AA", "DEAD_LETTERED", "subject.missing"),
    "not carried": (raw(PID, kind="ORU^R01"), "AA", "IGNORED", "hl7.type_not_carried"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
async def test_bad_input_is_answered_and_accounted_for(tmp_path, case):
    payload, code, outcome, reason = BAD[case]
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        (answer,) = await sender.send(payload)
        assert answer.code == code
        assert (answer.message.first("ERR") is not None) == (code == "AR")
        assert hospital.outcomes == [(outcome, reason)]
        assert [letter.value["payload"] for letter in hospital.bus.on("inputs.dlq")] == (
            [payload] if outcome == "DEAD_LETTERED" else []
        )
        assert hospital.bus.facts == []
        (answer,) = await sender.send(message("NEXT"))
        assert answer.code == "AA"


async def test_an_acknowledgement_is_accounted_for_and_not_answered(tmp_path):
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        await sender.send_raw(frame(raw("MSA|AA|1", kind="ACK")) + frame(message("M2")))
        assert await answers(sender, 1) == [("AA", "M2")]
        assert hospital.outcomes == [("IGNORED", "hl7.acknowledgement"), ("PUBLISHED", "")]


async def test_the_same_message_twice_is_published_once(tmp_path):
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        for _ in range(2):
            (answer,) = await sender.send(message("M1"))
            assert answer.code == "AA"
        assert hospital.outcomes == [("PUBLISHED", ""), ("IGNORED", "duplicate")]
        assert len(hospital.bus.facts) == 1


async def test_the_same_id_with_other_content_is_another_message(tmp_path):
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        for number in ("1", "2"):
            await sender.send(raw(f"PID|1||{number}^^^SYKEHUS^MR", kind="ADT^A31", control_id="8919-40"))
        assert hospital.outcomes == [("PUBLISHED", "")] * 2
        assert len({record.value["meta"]["event_id"] for record in hospital.bus.facts}) == 2


async def test_a_rejected_message_is_no_duplicate_once_the_cause_is_mended(tmp_path):
    bus = MemoryBus()
    training = message("M1", processing="T")
    async with running(tmp_path, bus) as hospital, hospital.sender() as sender:
        assert [(await sender.send(training))[0].code for _ in range(2)] == ["AR", "AR"]
    async with running(tmp_path, bus, processing_ids=["P", "T"]) as hospital, hospital.sender() as sender:
        assert (await sender.send(training))[0].code == "AA"
        assert hospital.outcomes == [
            *[("DEAD_LETTERED", "hl7.processing_id")] * 2, ("PUBLISHED", ""),
        ]  # fmt: skip


async def test_enhanced_mode(tmp_path):
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        commit, application = await sender.send(
            message("M1", accept="AL", application_accept="AL"), answers=2
        )
        assert (commit.code, application.code) == ("CA", "AA")
        (commit,) = await sender.send(message("M2", accept="AL", application_accept="NE"))
        assert commit.code == "CA"
        assert await sender.send(message("M3", accept="NE", application_accept="NE"), answers=0) == ()
        (rejected,) = await sender.send(message("M4", accept="ER", application_accept="NE", processing="D"))
        assert rejected.code == "CR"
        assert [outcome for outcome, _ in hospital.outcomes] == ["PUBLISHED"] * 3 + ["DEAD_LETTERED"]


async def test_no_answer_while_kafka_is_away_and_nothing_lost_or_doubled(tmp_path):
    bus = MemoryBus(away=True)
    async with running(tmp_path, bus) as hospital, hospital.sender() as sender:
        sending = asyncio.create_task(sender.send(message("M1")))
        await until(lambda: sender.resent >= 3, what="the sender to try again")
        assert not sending.done()
        assert bus.written == []
        bus.away = False
        (answer,) = await sending
        assert answer.code == "AA"
        assert hospital.outcomes == [("PUBLISHED", "")]


async def test_a_sender_that_takes_no_answer_is_held_back_instead(tmp_path):
    bus = MemoryBus(away=True)
    async with running(tmp_path, bus, retry_seconds=0.02) as hospital, hospital.sender() as sender:
        quiet = {"accept": "NE", "application_accept": "NE"}
        await sender.send_raw(frame(message("M1", **quiet)) + frame(message("M2")))
        bus.away = False
        assert await answers(sender, 1) == [("AA", "M2")]
        assert [record.value["message_id"] for record in bus.on("inputs")] == ["M1", "M2"]
        assert hospital.outcomes == [("PUBLISHED", "")] * 2


@dataclass
class GatedBus(MemoryBus):
    """Confirms when the gate is opened."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(
        self, topic: str, *, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> asyncio.Future[Any]:
        self.asked.set()
        await self.gate.wait()
        return await super().send(topic, key=key, value=value, headers=headers)


async def test_shutdown_finishes_the_message_in_work_and_leaves_the_next_to_its_sender(tmp_path):
    bus = GatedBus()
    async with running(tmp_path, bus) as hospital, hospital.sender() as sender, hospital.sender() as idle:
        await idle.send_raw(b"")
        await sender.send_raw(frame(message("M1")) + frame(message("M2")))
        await bus.asked.wait()
        hospital.stop.set()
        assert await closed(idle)
        assert not hospital.task.done()
        bus.gate.set()
        assert await answers(sender, 1) == [("AA", "M1")]
        assert await closed(sender)
        assert [record.value["message_id"] for record in bus.on("inputs")] == ["M1"]


async def test_connections_beyond_the_limit_are_closed(tmp_path):
    async with (
        running(tmp_path, max_connections=1) as hospital,
        hospital.sender() as first,
        hospital.sender() as second,
    ):
        await first.send(message("M1"))
        await second.send_raw(b"")
        assert await closed(second)
        assert (await first.send(message("M2")))[0].code == "AA"


async def test_many_connections_keep_their_own_order(tmp_path):
    async def one(sender: MllpSender, name: int) -> list[str]:
        async with sender:
            sent = [await sender.send(message(f"{name}-{number}")) for number in range(10)]
        return [answer.control_id for (answer,) in sent]

    async with running(tmp_path) as hospital:
        found = await asyncio.gather(*(one(hospital.sender(), name) for name in range(16)))
        assert found == [[f"{name}-{number}" for number in range(10)] for name in range(16)]
        assert hospital.outcomes == [("PUBLISHED", "")] * 160


class RefusingBus(MemoryBus):
    """Kafka that refuses us for good."""

    async def send(self, *args: Any, **options: Any) -> asyncio.Future[Any]:
        raise NotAllowedError("Kafka refused sending a record")


async def test_an_error_that_no_retry_mends_stops_the_connector(tmp_path):
    async with running(tmp_path, RefusingBus()) as hospital, hospital.sender() as sender:
        await sender.send_raw(frame(message("M1")))
        assert await closed(sender)
        await asyncio.wait([hospital.task])
        with pytest.raises(NotAllowedError):
            hospital.task.result()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"host": "0.0.0.0"}, "connectors.hospital.host"),  # noqa: S104 - it is refused
        ({"port": -1}, "connectors.hospital.port"),
        ({"zone": "Europe/Nowhere"}, "connectors.hospital.zone"),
        ({"fallback_charset": "EBCDIC"}, "connectors.hospital.fallback_charset"),
        ({"processing_ids": []}, "connectors.hospital.processing_ids"),
        ({"authorities": {"X": {}}}, "connectors.hospital.authorities.X"),
        ({"prot": 1}, "connectors.hospital.prot"),
        ({"tls": {"certificate": "absent.pem", "key": "absent.pem"}}, "tls"),
    ],
)
async def test_settings_that_are_wrong_are_refused_by_name(tmp_path, settings, field):
    with pytest.raises(SettingsRefusedError, match=field):
        async with running(tmp_path, **settings):
            pass


async def test_a_port_that_is_taken_is_a_clear_error(tmp_path):
    async with running(tmp_path / "one") as hospital:
        with pytest.raises(SettingsRefusedError, match="cannot listen"):
            async with running(tmp_path / "two", port=hospital.address[1]):
                pass


async def test_the_stand_in_speaks_what_the_connector_reads(tmp_path):
    booking = Booking(number="A1", start=MORNING)
    async with running(tmp_path) as hospital, hospital.sender() as sender:
        for number, trigger in enumerate(("S12", "S13", "S14", "S15", "S16", "S17", "S26")):
            await sender.send(siu(trigger, envelope(f"S{number}"), EMIL, booking))
        for number, trigger in enumerate(
            ("A01", "A03", "A04", "A08", "A11", "A13", "A21", "A22", "A28", "A31")
        ):
            await sender.send(adt(trigger, envelope(f"A{number}"), EMIL, visit="V1"))
        assert hospital.outcomes == [("PUBLISHED", "")] * 17
