"""The OneRoster 1.1 sample of others through the running connector into Kafka, against values by hand.

The set is partial (the manifest promises orgs, classes, academicSessions and enrollments, and only users.csv
is there), its manifest says bulk while rows have a status, one row has neither status nor date, and every
row has a password in clear.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.school.testing import drop_folder, drop_zip
from tests.connectors.school.live import PSEUDONYMS, Live
from tests.connectors.school.rig import AGENCY, SYSTEM
from tests.waiting import until

MAY = {"instant": 1_682_892_000_000_000, "source": "2023-05-01", "confidence": "DATE_ONLY"}
"""Midnight in Oslo, two hours before midnight in UTC: 2023-04-30T22:00:00Z."""
JUNE = {"instant": 1_686_780_000_000_000, "source": "2023-06-15", "confidence": "DATE_ONLY"}
WRITTEN = {"instant": 1_700_000_000_000_000, "source": "", "confidence": "DOUBTFUL"}
SCHOOL = {"system": SYSTEM, "id": "org-sch-222-456", "department": None}


def person(sourced_id: str) -> dict[str, Any]:
    return {"system": SYSTEM, "pseudonym": PSEUDONYMS.of(SYSTEM, sourced_id), "national": False}


def related(kind: str, sourced_id: str) -> list[dict[str, Any]]:
    return [{"kind": kind, "person": person(sourced_id)}]


# sourcedId: status, role, given name, family name, relations, recorded (None: not said)
EXPECTED: dict[str, tuple[str, str, str, str, list[dict[str, Any]], dict[str, Any] | None]] = {
    "usr-222-123456": ("active", "TEACHER", "John", "Doe", [], MAY),
    "usr-222-66778899": ("", "PUPIL", "Mary", "Jones", related("OTHER", "usr-222-123456"), None),
    "usr-222-1234561": (
        "active",
        "GUARDIAN",
        "Thomas",
        "Jones",
        related("GUARDIAN_OF", "usr-222-66778899"),
        MAY,
    ),
    "usr-222-987654": ("active", "TEACHER", "Jim", "Smith", related("OTHER", "usr-222-123456"), MAY),
    "usr-222-1234561232": ("active", "PUPIL", "mmichel", "Jones", related("OTHER", "usr-222-123456"), MAY),
    "usr-222-567891": ("active", "PUPIL", "Anna", "Brown", related("OTHER", "usr-222-987654"), JUNE),
}


def drop_written_long_ago(
    drop: Callable[[dict[str, bytes], Path, str], Path], files: dict[str, bytes], inbox: Path
) -> None:
    """Drop an export of WRITTEN: the rows that say no time of their own take the files'."""
    staging = inbox.parent / "staging"
    staging.mkdir()
    export = drop(files, staging, "John Doe's export")
    for path in (export, *export.glob("*")):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    export.rename(inbox / export.name)


@pytest.mark.parametrize("form", ["zip", "folder"])
async def test_the_sample_set(broker: str, topic_prefix: str, tmp_path: Path, samples: Path, form: str):
    files = {path.name: path.read_bytes() for path in (samples / "oneroster" / "v1p1").glob("*.csv")}
    live = Live(broker, topic_prefix, tmp_path, patience=0.2)
    await live.topics()
    with live.running():
        drop_written_long_ago(drop_zip if form == "zip" else drop_folder, files, live.inbox)
        await until(lambda: live.settled(1), timeout=40, what="the set in the archive")
        (drop_zip if form == "zip" else drop_folder)(files, live.inbox, "again")
        await until(lambda: live.settled(2), timeout=40, what="the same set in the archive")

    first, second = await live.outcomes()
    assert (first["outcome"], first["kind"], len(first["events"])) == ("PUBLISHED", "OneRoster 1.1 bulk", 6)
    assert (second["outcome"], second["reason"]) == ("IGNORED", "unchanged")
    assert await live.read("inputs.dlq") == []
    assert await live.read("education") == [], "no enrolments are in the set"

    facts = dict(await live.read("person"))
    assert facts.keys() == {person(sourced_id)["pseudonym"] for sourced_id in EXPECTED}
    for sourced_id, (status, role, given, family, relations, recorded) in EXPECTED.items():
        fact = facts[person(sourced_id)["pseudonym"]]
        meta, body = fact.value["meta"], fact.value
        assert fact.record == "PersonRegistered"
        assert body["status"] == {"code": status, "system": "oneroster:status", "mapped": "ACTIVE"}
        assert body["roles"] == [role]
        assert body["relations"] == relations
        assert body["institution"] == SCHOOL
        assert body["details"] == {"family_name": family, "given_name": given, "birth_date": None}
        assert meta["recorded"] == meta["occurred"] == (recorded or WRITTEN)
        # Their column `identifier` holds user names, which are no national identifiers.
        assert meta["subject"]["identifiers"] == [person(sourced_id)]
        assert meta["remarks"] == ["id.local_only"]
        assert (meta["source"]["agency"], meta["source"]["system"]) == (AGENCY, SYSTEM)
        assert (meta["sensitivity"], meta["protection"]) == ("PERSONAL", "NONE")
        assert meta["event_id"] in first["events"]

    outside = await live.raw("inputs", "inputs.dlq", "education") + live.log.read_bytes()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*.json"))
    for word in (b"Password1-", b"Jones", b"john.doe", b"usr-222", b"6031234567", b"John Doe"):
        assert word not in outside
        assert word not in kept
    assert b"Password1-" not in await live.raw("person")
