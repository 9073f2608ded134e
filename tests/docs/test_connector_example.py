"""The guide's connector: what every connector must, the kit, and a whole process on a real Kafka."""

import asyncio
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from absence.facts import Context
from absence.settings import AbsenceSettings
from absence.testing import drop, report
from absence.translate import translate
from hypothesis import given
from hypothesis import strategies as st

from bus.reader import decoded, read_to_end
from bus.settings import load_settings
from bus.topics import apply
from connectors.kit.outcomes import DeadLetter, Ignore, Publish, SourceInput, Translation
from connectors.kit.reasons import DEAD_LETTER_REASONS
from connectors.kit.testing import MemoryBus, memory_publisher
from connectors.registry import UnknownKindError, entry
from tests.connectors.test_every_connector import (
    FNR,
    MARKED,
    PSEUDONYMS,
    RECEIVED,
    WORDS,
    Subject,
    test_a_national_number_stands_nowhere_at_all,
    test_every_setting_says_what_it_is_for,
    test_facts_fit_the_contract_and_their_remarks_are_listed,
    test_personal_data_stands_nowhere_but_in_details,
    test_the_same_input_gives_the_same_facts_and_ids,
)
from tests.waiting import until, wait_until
from tools.papers import ROOT

__all__ = [  # what every connector must, this one too; the suite finds the fixture `subject` below
    "test_a_national_number_stands_nowhere_at_all",
    "test_every_setting_says_what_it_is_for",
    "test_facts_fit_the_contract_and_their_remarks_are_listed",
    "test_personal_data_stands_nowhere_but_in_details",
    "test_the_same_input_gives_the_same_facts_and_ids",
]

EXAMPLE = ROOT / "docs" / "examples" / "connector"
SETTINGS = AbsenceSettings.model_validate({"drop": {"folder": "drop"}, "school": "974600951"})
CONTEXT = Context("agency.x", SETTINGS, PSEUDONYMS)
MARKED_REPORT = report(nationalId=FNR, note=f"{WORDS} {MARKED[1]}", reason=MARKED[2], id=FNR)
OSLO_MIDNIGHT = 1_772_492_400_000_000
"""3 March 2026, 00:00 in Oslo, which is 2 March, 23:00 in UTC (reckoned by hand)."""
DAY = 86_400_000_000


def _translate(payload: bytes) -> Translation:
    return translate(SourceInput(payload=payload, received=RECEIVED, system="absence"), CONTEXT)


@pytest.fixture
def subject() -> Subject:
    return Subject("absence", AbsenceSettings, _translate, MARKED_REPORT)


def test_the_anatomy_is_that_of_every_connector() -> None:
    parts = {part.stem for part in (EXAMPLE / "absence").glob("*.py")}
    assert parts == {
        "__init__", "settings", "parse", "facts", "translate", "source", "connector", "testing",
    }  # fmt: skip


def test_a_report_becomes_a_fact() -> None:
    made = _translate(report(nationalId=FNR, back="2026-03-05", note=WORDS))
    assert isinstance(made, Publish)
    (fact,) = made.facts
    assert fact.record == "AbsenceReported"
    assert fact.identifiers[0]["national"]
    assert (fact.body["start"]["instant"], fact.body["start"]["confidence"]) == (OSLO_MIDNIGHT, "DATE_ONLY")
    assert fact.body["end"]["instant"] == OSLO_MIDNIGHT + 2 * DAY
    assert fact.body["reason"]["mapped"] == "SICK"
    assert fact.body["details"] == {"title": None, "text": WORDS}


@pytest.mark.parametrize(
    ("payload", "reason", "where"),
    [
        (b"", "json.syntax", ""),
        (b"\xff", "json.syntax", ""),
        (b"{}", "value.wrong_type", ""),
        (report(nationalId="4711"), "subject.unusable", ""),
        (report(nationalId=FNR, firstDay="2026-02-30"), "time.unreadable", "/firstDay"),
        (report(nationalId=FNR, back="soon"), "time.unreadable", "/back"),
    ],
)
def test_what_cannot_be_carried_is_a_dead_letter(payload: bytes, reason: str, where: str) -> None:
    made = _translate(payload)
    assert isinstance(made, DeadLetter)
    assert (made.reason, made.where) == (reason, where)


def test_staff_is_not_carried() -> None:
    assert _translate(report(about="staff")) == Ignore("not_carried")


@given(st.data())
def test_no_bytes_break_it(data: st.DataObject) -> None:
    random = data.draw(st.binary(max_size=100))
    cut = data.draw(st.integers(0, len(MARKED_REPORT)))
    until = data.draw(st.integers(cut, len(MARKED_REPORT)))
    for payload in (random, MARKED_REPORT[:cut] + random + MARKED_REPORT[until:]):
        made = _translate(payload)
        if isinstance(made, DeadLetter):
            assert made.reason in DEAD_LETTER_REASONS.keys() - {"translate.failed"}


async def test_the_kit_publishes_it_once() -> None:
    bus = MemoryBus()
    publisher = memory_publisher(bus)
    source = SourceInput(payload=MARKED_REPORT, received=RECEIVED, system="absence")
    outcomes = [await publisher.publish(source, _translate(MARKED_REPORT)) for _ in range(2)]
    assert [(one["outcome"], one["reason"]) for one in outcomes] == [
        ("PUBLISHED", ""),
        ("IGNORED", "duplicate"),
    ]
    assert [written.topic for written in bus.facts] == ["education"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the example's wheel, unpacked as pip does it."""
    folder = tmp_path_factory.mktemp("absence")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_a_kind_that_is_installed_is_found(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownKindError):
        entry("absence")
    monkeypatch.syspath_prepend(str(installed))
    assert entry("absence").__module__ == "absence.connector"
    with pytest.raises(UnknownKindError) as refused:
        entry("library")
    assert "absence, hospital, municipality, school" in refused.value.fix


def test_two_of_the_same_kind_are_refused(
    installed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text("[samband.connectors]\nabsence = other.connector:run\n")
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UnknownKindError) as refused:
        entry("absence")
    assert "other.connector:run" in refused.value.fix


@pytest.fixture
def running(broker: str, topic_prefix: str, installed: Path, tmp_path: Path) -> Iterator[Path]:
    """`samband connector run pupils` with the installed example; the drop folder that it watches."""
    config = tmp_path / "samband.toml"
    config.write_text(_CONFIG.format(broker=broker, prefix=topic_prefix, folder=tmp_path), encoding="utf-8")
    asyncio.run(apply(load_settings(config)))
    environment = {**os.environ, "SAMBAND_CONFIG": str(config), "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "samband", "connector", "run", "pupils"]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        yield tmp_path
        process.terminate()
        assert process.wait(timeout=20) == 0


_CONFIG = """
bootstrap_servers = "{broker}"
data_dir = "{folder}/data"

[kafka]
topic_prefix = "{prefix}"

[pseudonym]
key = "b3f1c7d5e9a2468013579bdf2468ace0-for-tests"

[connectors.pupils]
kind = "absence"
agency = "school.granvik"
legal_basis = "test"
purpose = "test"
school = "974600951"
drop = {{ folder = "{folder}/drop", interval_seconds = 0.1 }}
"""


def test_it_runs_as_a_process_on_kafka(running: Path) -> None:
    settings = load_settings(running / "samband.toml")
    drop(running / "drop", "good.json", report(nationalId=FNR))
    drop(running / "drop", "bad.json", b"{")

    async def outcomes() -> list[tuple[str, str]]:
        found = [one async for one in decoded(read_to_end(settings, "inputs"))]
        read = [one.decoded.value for one in found if one.decoded]
        return [(value["outcome"], value["reason"]) for value in read] if len(read) > 1 else []

    async def both() -> list[tuple[str, str]]:
        return await until(outcomes, timeout=60, what="two outcomes")

    assert sorted(asyncio.run(both())) == [("DEAD_LETTERED", "json.syntax"), ("PUBLISHED", "")]
    wait_until(lambda: list((running / "drop" / "archive").glob("*/good.json")), what="the good one archived")
    wait_until(lambda: list((running / "drop" / "failed").glob("*/bad.json")), what="the bad one put aside")
