"""`samband timeline`, `tail` and `dlq` on a real Kafka, as people run them."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bus.producer import Producer
from bus.settings import load_settings
from bus.topics import apply
from schemas.catalogue import ROOT, catalogue
from schemas.codec import Codec
from schemas.examples import as_read_by, from_json, load_examples
from schemas.sources import resolve

EXAMPLES = {
    example.path.stem: from_json(schema, as_read_by(schema, example.document))
    for example in load_examples(ROOT)
    for schema in [resolve(catalogue().records[example.record].full_name)]
}
LOCAL, NATIONAL, OTHER = "1.local", "1.national", "1.other"


def said(name: str, citizen: str, **fields: object) -> dict[str, Any]:
    return {**EXAMPLES[name], "citizen": citizen, **fields}


@pytest.fixture
async def producer(broker: str, topic_prefix: str) -> AsyncIterator[Producer]:
    settings = load_settings(bootstrap_servers=broker, kafka={"topic_prefix": topic_prefix})
    await apply(settings)
    async with Producer(settings) as connected:
        yield connected


@pytest.fixture
def environment(broker: str, topic_prefix: str) -> dict[str, str]:
    return {
        **os.environ,
        "SAMBAND_BOOTSTRAP_SERVERS": broker,
        "SAMBAND_KAFKA__TOPIC_PREFIX": topic_prefix,
        "COLUMNS": "120",
    }


async def write(producer: Producer, topic: str, record: str, value: dict[str, Any]) -> None:
    key = value.get("citizen", "key").encode()
    await (await producer.send(topic, key=key, value=Codec().encode(record, value)))


async def start(environment: dict[str, str], folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "samband", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment, cwd=folder,
    )  # fmt: skip


async def output(environment: dict[str, str], folder: Path, *arguments: str) -> str:
    process = await start(environment, folder, *arguments)
    out, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    return out.decode()


async def test_timeline_puts_a_citizens_keys_together_and_leaves_others_out(producer, environment, tmp_path):
    await write(producer, "timeline", "TimelineEntry", said("appointment_was_booked", LOCAL, entry_id="a"))
    await write(producer, "timeline", "TimelineEntry", said("application_was_read", NATIONAL, entry_id="b"))
    await write(producer, "timeline", "TimelineEntry", said("application_was_read", OTHER, entry_id="c"))
    moved = said("hospital_number_became_an_alias", LOCAL, moved_to=NATIONAL, revision=2)
    await write(producer, "timeline", "CitizenMoved", moved)
    await write(producer, "coordination", "Finding", said("three_visits_in_a_week", NATIONAL, status="OPEN"))
    for key in (LOCAL, NATIONAL):
        shown = json.loads(await output(environment, tmp_path, "timeline", key, "--json"))
        assert {entry["entry_id"] for entry in shown["timeline"]} == {"a", "b"}
        assert [finding["kind"] for finding in shown["findings"]] == ["BURDEN"]
    for_people = await output(environment, tmp_path, "timeline", NATIONAL)
    assert "Appointment booked" in for_people
    assert "Application read" in for_people


async def test_timeline_shows_an_entry_to_whose_it_turned_out_to_be(producer, environment, tmp_path):
    await write(producer, "timeline", "TimelineEntry", said("appointment_was_booked", OTHER, entry_id="a"))
    back = said("entry_is_anothers", OTHER, entry_id="a", moved_to=NATIONAL, revision=2)
    await write(producer, "timeline", "EntryChanged", back)
    await write(producer, "timeline", "CaseWithdrawn", said("case_of_another", OTHER))
    assert "Appointment booked" in await output(environment, tmp_path, "timeline", NATIONAL)
    left = await output(environment, tmp_path, "timeline", OTHER, "--language", "nb")
    assert "2 oppføringer og saker som sto her, gjelder andre" in left
    assert "Avtale satt opp" not in left


async def test_timeline_of_nobody_says_so(producer, environment, tmp_path):
    assert "Nothing is known" in await output(environment, tmp_path, "timeline", "1.nobody")


async def test_timeline_follows_what_comes(producer, environment, tmp_path):
    await write(producer, "timeline", "TimelineEntry", said("application_was_read", NATIONAL, entry_id="b"))
    process = await start(environment, tmp_path, "timeline", NATIONAL, "--follow", "--json")
    try:
        assert process.stdout is not None
        first = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        assert [entry["entry_id"] for entry in first["timeline"]] == ["b"]
        entry = said("appointment_was_booked", NATIONAL, entry_id="a")
        await write(producer, "timeline", "TimelineEntry", entry)
        second = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        assert {entry["entry_id"] for entry in second["timeline"]} == {"a", "b"}
    finally:
        process.kill()
        await process.wait()


async def test_tail_shows_decoded_records_and_dlq_shows_why(producer, environment, tmp_path):
    letter = EXAMPLES["appointment_without_an_id"]
    await write(producer, "inputs.dlq", "DeadLetter", letter)
    line = json.loads(await output(environment, tmp_path, "tail", "inputs.dlq", "--to-end", "--json"))
    assert (line["record"], line["value"]["reason"]) == ("DeadLetter", letter["reason"])
    listed = await output(environment, tmp_path, "dlq", "list")
    assert letter["reason"] in listed
    shown = await output(environment, tmp_path, "dlq", "show", letter["dead_letter_id"])
    assert letter["where"] in shown
