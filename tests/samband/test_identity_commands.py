"""`samband identity` as operators run it, on a real Kafka with a real router."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.producer import Producer
from bus.settings import load_settings
from bus.topics import apply
from tests.router.building import SCHOOL, appointment, identifier, person


@pytest.fixture
def environment(broker: str, topic_prefix: str, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "SAMBAND_BOOTSTRAP_SERVERS": broker,
        "SAMBAND_KAFKA__TOPIC_PREFIX": topic_prefix,
        "SAMBAND_DATA_DIR": str(tmp_path / "data"),
        "COLUMNS": "200",
    }


@pytest.fixture
def router(broker: str, topic_prefix: str, environment: dict[str, str], tmp_path: Path) -> Iterator[None]:
    """Two hospital numbers of which a school says, against the hospital, that they are N1's and N2's."""
    settings = load_settings(bootstrap_servers=broker, kafka={"topic_prefix": topic_prefix})
    events = [
        person("N1", also=(identifier("L1"),)),
        person("N2", also=(identifier("L1"),), source=SCHOOL, recorded="2026-03-01 10:00"),
        appointment("N2", "a1", "2026-03-05 10:00"),
    ]

    async def write() -> None:
        await apply(settings)
        async with Producer(settings) as producer:
            for event in events:
                await (await producer.send(event.topic, key=event.key.encode(), value=event.data))

    asyncio.run(write())
    with (tmp_path / "router.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "samband", "router", "run"], env=environment, cwd=tmp_path, stderr=log
        )
    yield
    process.terminate()
    process.wait(30)


@pytest.mark.slow
def test_an_operator_links_and_unlinks_what_sources_disagree_on(router, environment, tmp_path):
    def samband(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "samband", *arguments],
            env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def entries(key: str) -> list[str]:
        shown = json.loads(samband("timeline", key, "--json").stdout)
        return sorted(entry["text"] for entry in shown["timeline"])

    linked = samband("identity", "link", "N1", "N2", "--wait", "90")
    assert (linked.returncode, linked.stdout) == (
        0, "N1 and N2 are one citizen, spoken of under N1.\n",
    ), linked.stderr  # fmt: skip
    everything = ["appointment.scheduled", "identity.linked", "person.registered", "person.registered"]
    assert entries("N2") == everything
    assert json.loads(samband("identity", "refused", "--json").stdout) == []

    unlinked = samband("identity", "unlink", "N1", "N2", "--wait", "90")
    assert (unlinked.returncode, unlinked.stdout) == (0, "N1 and N2 are two citizens.\n"), unlinked.stderr
    assert entries("N2") == ["appointment.scheduled", "person.registered"]
    assert entries("N1") == ["identity.linked", "identity.unlinked", "person.registered"]
    listed = samband("identity", "refused").stdout
    assert "Not joined: it was stated that they are two persons" in listed
    assert "school.lillehammer" in listed

    unknown = samband("identity", "link", "N1", "N9")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("samband: no source has named N9")
