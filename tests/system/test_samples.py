"""All samples that the connectors read, through the running system, and what the router makes of them.

What each fact holds is checked in tests/samples; here are the answers, the counts, and the router's side,
written down by hand from the samples and docs/router.md.
"""

import asyncio
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import hl7
import pytest
from confluent_kafka import DeserializingConsumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import StringDeserializer
from hl7.client import MLLPClient

from connectors.municipality.testing import HttpSender
from connectors.school.testing import drop_folder
from samband.citizen_view import CitizenView
from tests.connectors.hospital.messages import AGENCY
from tests.samples import test_hospital_samples as hospital
from tests.samples import test_municipality_samples as municipality
from tests.samples import test_school_samples as school
from tests.system.town import PSEUDONYMS, TOKEN, TOPICS, Account, Town, town
from tests.waiting import until

ONEROSTER = "oneroster:school.granvik"
URN = "urn:oid:2.16.840.1.122848.1.30"
LEFT = ("ms/ORU-R01-01.hl7", "ms/REF-I12-01.hl7")
SENT = {"hospital": 17, "school": 2, "municipality": 2}
Foreign = dict[tuple[str, int, int], tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class Seen:
    """What came of sending all samples."""

    answers: dict[str, tuple[str, str]]
    replies: list[dict[str, Any]]
    account: Account
    foreign: Foreign
    prefix: str
    log: bytes


@pytest.fixture(scope="module")
def seen(broker: str, samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return asyncio.run(send_everything(broker, samples, tmp_path_factory.mktemp("samples")))


async def send_everything(broker: str, samples: Path, path: Path) -> Seen:
    more = {
        "connectors__hospital__processing_ids": ["P", "T"],
        "connectors__school__drop__patience_seconds": 0.2,
    }
    async with town(path, broker, **more) as here:
        answers = await asyncio.to_thread(send_messages, samples / "hl7v2", here.mllp)
        for number in (1, 2):
            drop_folder(
                {path.name: path.read_bytes() for path in (samples / "oneroster" / "v1p1").glob("*.csv")},
                here.inbox("school"), f"John Doe's export {number}",
            )  # fmt: skip
            await here.outcomes("school", number)
        replies = await send_document(samples / "digisos" / "komplett.json", here)
        account = await here.settled()
        url = here.system.endpoints["contract"]["registry"]
        foreign = await asyncio.to_thread(read_foreign, here, url, len(account.found))
        assert await here.all_ready()
        return Seen(answers, replies, account, foreign, here.settings.topic(""), here.log_bytes())


def send_messages(folder: Path, address: tuple[str, int]) -> dict[str, tuple[str, str]]:
    """Answer and echoed id by file, as python-hl7's client hears and reads them."""
    heard = {}
    with MLLPClient(*address) as client:
        client.socket.settimeout(30)
        for name in sorted(hospital.EXPECTED):
            message = hospital.on_the_wire(folder / name)
            if hospital.EXPECTED[name].get("answer", "") is None:
                client.socket.sendall(b"\x0b" + message + b"\x1c\x0d")  # the sample asks for no answer
                continue
            msa = hl7.parse(client.send_message(message).strip(b"\x0b\x1c\r")).segment("MSA")
            heard[name] = (str(msa[1]), str(msa[2]))
    return heard


async def send_document(document: Path, here: Town) -> list[dict[str, Any]]:
    """Over HTTP first, then the same into the folder under the same name."""
    async with HttpSender(here.url, TOKEN) as sender:
        reply = await sender.send(document.stem, document.read_bytes())
    draft = here.inbox("municipality") / ".draft"
    draft.write_bytes(document.read_bytes())
    draft.rename(draft.with_name(document.name))
    await here.outcomes("municipality", 2)
    await until(lambda: here.lying_in("municipality", "archive"), what="the document in the archive")
    return [{"status": reply.status, **reply.body}]


def read_foreign(here: Town, registry: str, count: int) -> Foreign:
    """Every topic, as Confluent's consumer and Avro deserializer read it."""
    read: Foreign = {}
    with SchemaRegistryClient({"url": registry}) as client:
        consumer = DeserializingConsumer(
            {
                "bootstrap.servers": here.settings.bootstrap_servers,
                "group.id": f"foreign-{uuid.uuid4().hex}",
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "key.deserializer": StringDeserializer(),
                "value.deserializer": AvroDeserializer(client),
            }
        )
        consumer.subscribe([here.settings.topic(name) for name in TOPICS])
        deadline = time.monotonic() + 30
        try:
            while len(read) < count and time.monotonic() < deadline:
                message = consumer.poll(0.5)
                if message is not None:
                    assert message.error() is None
                    place = cast("str", message.topic()), cast("int", message.partition())
                    read[*place, cast("int", message.offset())] = cast(
                        "Any", (message.key(), message.value())
                    )
        finally:
            consumer.close()
    return read


def plain(value: Any) -> Any:
    """Instants as microseconds, the way the codec gives them."""
    if isinstance(value, datetime):
        return (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def key(system: str, value: str) -> str:
    return PSEUDONYMS.of(system, value)


def by_hospital(system: str, value: str) -> str:
    return key(f"{AGENCY}:{system}", value)


def told(view: CitizenView) -> list[tuple[str, str]]:
    return sorted((entry["text"], entry["status"]) for entry in view.timeline())


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_every_message_is_answered_as_written_down(seen: Seen) -> None:
    wanted = {
        name: (want.get("answer", "AA"), want["id"])
        for name, want in hospital.EXPECTED.items()
        if want.get("answer", "AA") is not None
    }
    assert seen.answers == wanted
    assert len(wanted) == 16
    assert seen.replies == [{"status": 200, "outcome": "PUBLISHED", "reason": "", "events": 12}]


def test_every_input_has_its_outcome_and_nothing_is_lost(seen: Seen) -> None:
    names = sorted(hospital.EXPECTED)
    assert seen.account.outcomes("hospital") == [
        ("IGNORED", "hl7.type_not_carried") if name in LEFT else ("PUBLISHED", "") for name in names
    ]
    assert seen.account.outcomes("school") == [("PUBLISHED", ""), ("IGNORED", "unchanged")]
    assert seen.account.outcomes("municipality") == [("PUBLISHED", ""), ("IGNORED", "duplicate")]
    assert {name: row.events for name, row in seen.account.ledger.totals(SENT).items()} == {
        "hospital": 15, "school": 6, "municipality": 12,
    }  # fmt: skip
    assert seen.account.ledger.lost(SENT) == 0
    assert seen.account.letters() == set()


def test_every_fact_is_on_the_bus_once_and_is_one_entry(seen: Seen) -> None:
    ids = [each.value["meta"]["event_id"] for each in seen.account.facts]
    assert len(ids) == 33
    assert sorted(seen.account.entries()) == sorted(set(ids))


def test_the_hospitals_facts_are_the_ones_written_down(seen: Seen) -> None:
    facts = {each.value["meta"]["event_id"]: each for each in seen.account.facts}
    outcomes = [each.value for each in seen.account.on("inputs") if each.value["connector"] == "hospital"]
    for name, outcome in zip(sorted(hospital.EXPECTED), outcomes, strict=True):
        for event in outcome["events"]:
            hospital.check(name, facts[event].record, facts[event].value)


def test_the_patient_of_most_samples_is_one_citizen_with_eleven_entries(seen: Seen) -> None:
    first, second = by_hospital("test1", "PATID1234"), by_hospital("USSSA", "123456789")
    assert seen.account.citizens.keys.spoken_of(first) == min(first, second)
    assert seen.account.citizens.keys.spoken_of(second) == min(first, second)
    # S15 and S17 were recorded and happened in the same second, so their ids decide which was first.
    ids = {
        each.value["meta"]["source"]["message_id"]: each.value["meta"]["event_id"]
        for each in seen.account.facts
    }
    earlier = ids["MSG00015"] < ids["MSG00017"]
    assert told(seen.account.citizens.view(first)) == sorted([
        ("person.registered", "CURRENT"),
        ("person.deceased", "CURRENT"),  # PID-30 of A08
        ("stay.started", "CORRECTED"),  # the admission was cancelled by A11
        ("stay.ended", "CURRENT"),
        ("stay.corrected.admission_cancelled", "CURRENT"),
        ("appointment.scheduled", "CORRECTED"),  # S17: it was entered in error, so it never was
        ("appointment.rescheduled", "CORRECTED"),
        ("appointment.modified", "CORRECTED"),
        ("appointment.cancelled.cancelled", "CORRECTED" if earlier else "CURRENT"),
        ("appointment.cancelled.entered_in_error", "CURRENT"),
        ("appointment.missed", "CURRENT"),
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("own", "other", "text"),
    [
        (by_hospital("BCBS", "12345"), by_hospital("BCBS", "56789"), "identity.merged"),
        (by_hospital("XYZ", "MR1"), by_hospital("XYZ", "MR2"), "identity.merged"),
        (key(URN, "123456789"), by_hospital("ADT1", "PATID1234"), "stay.corrected.moved_here"),
        (by_hospital("A", "PID1234"), by_hospital("USA", "1234568965"), "stay.started"),
    ],
)
def test_two_numbers_of_one_message_are_one_citizen(seen: Seen, own: str, other: str, text: str) -> None:
    """Of two that were merged the survivor's holds, else the smaller pseudonym: neither is national."""
    now = own if text == "identity.merged" else min(own, other)
    assert [seen.account.citizens.keys.spoken_of(each) for each in (own, other)] == [now, now]
    assert told(seen.account.citizens.view(other)) == [(text, "CURRENT")]


def test_the_schools_six_people_are_registered_each_under_a_key_of_their_own(seen: Seen) -> None:
    for sourced_id in school.EXPECTED:
        person = key(ONEROSTER, sourced_id)
        assert seen.account.citizens.keys.members(person) == {person}
        assert told(seen.account.citizens.view(person)) == [("person.registered", "CURRENT")]


def test_the_case_is_closed_and_held_by_nobody(seen: Seen) -> None:
    (citizen,) = {each.value["citizen"] for each in seen.account.found if each.record == "CaseStatus"}
    view = seen.account.citizens.view(citizen)
    assert [entry["kind"] for entry in view.timeline()] == [record for _, record, *_ in municipality.EXPECTED]
    (case,) = view.cases.values()
    assert (case["kind"]["mapped"], case["agency"]) == ("SOCIAL_ASSISTANCE", "kommune.test")
    assert (case["state"], case["holder"], case["next_step"]) == ("CLOSED", None, None)
    assert (case["last_step"]["mapped"], case["since"]["instant"]) == ("FINISHED", municipality.DECIDED)
    assert case["protection"] == "CONFIDENTIAL"  # part of it is hidden from the citizen


def test_nobodys_visits_clash(seen: Seen) -> None:
    """The one appointment never was, and none of the stays is an inpatient's."""
    assert seen.account.on("coordination") == []


def test_confluents_client_reads_every_record_as_it_is(seen: Seen) -> None:
    ours = {
        (seen.prefix + one.at.topic, one.at.partition, one.at.offset): (
            (one.at.key or b"").decode(),
            one.value,
        )
        for one in seen.account.found
    }
    assert seen.foreign.keys() == ours.keys()
    for place, (own_key, value) in ours.items():
        foreign_key, foreign = seen.foreign[place]
        assert foreign_key == own_key
        assert plain(foreign) == value, place


def test_nothing_personal_is_in_any_log(seen: Seen) -> None:
    for word in (
        b"EVERYMAN",
        b"PATID1234",
        b"123456789",
        b"Jones",
        b"usr-222",
        b"Password1-",
        b"John Doe",
        b"KVP",
    ):
        assert word not in seen.log, word
