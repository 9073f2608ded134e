"""The demonstration, whole: real processes, a real Kafka, and one family's story.

Each expectation is written down from the story in `samband.demo.story`, not from what the system says.
"""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.kit.pseudonyms import Pseudonyms
from samband.demo.acts import Flaw
from samband.demo.week import plan

ZONE = ZoneInfo("Europe/Oslo")


def local(time: dict[str, Any]) -> str:
    return datetime.fromtimestamp(time["instant"] / 1_000_000, UTC).astimezone(ZONE).strftime("%a %d %H:%M")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple["subprocess.CompletedProcess[str]", Path, Path]:
    """The command as a newcomer's `make demo ARGS="--once --json FILE"` runs it."""
    folder = tmp_path_factory.mktemp("demo") / "run"
    result = folder.parent / "demo.json"
    done = subprocess.run(
        [sys.executable, "-m", "samband", "demo", "--once", "--json", str(result), "--folder", str(folder)],
        capture_output=True, text=True, check=False, timeout=240,
        env={**os.environ, "COLUMNS": "120"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done, result, folder


@pytest.fixture(scope="module")
def told(run) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(run[1].read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def emil(told) -> dict[str, Any]:
    (citizen,) = told["citizens"]
    return dict(citizen)


@pytest.mark.timeout(300)
def test_every_input_is_accounted_for(told):
    week = plan()
    assert told["lost"] == 0
    twice = sum(act.flaw is Flaw.SENT_TWICE for act in week.hospital)
    not_carried = sum(act.flaw is Flaw.LAB_RESULT for act in week.hospital)
    hospital, school, municipality = (told["totals"][name] for name in ("hospital", "school", "municipality"))
    # Of each of two appointments the hospital tells that it is pencilled in, that the free time is gone, and
    # that it has moved. The second pencil is its answer; the first says nothing that the bus did not know.
    told_of_moves = 2 * 3
    assert hospital["sent"] == hospital["inputs"] == len(week.hospital) + twice + told_of_moves
    assert hospital["ignored"] == twice + not_carried + 1
    assert hospital["dead_lettered"] == 2  # one that is no HL7, one appointment without an id
    assert hospital["published"] + hospital["ignored"] + hospital["dead_lettered"] == hospital["inputs"]
    assert (school["inputs"], school["published"], school["ignored"], school["dead_lettered"]) == (4, 2, 1, 1)
    assert municipality["inputs"] == len(week.municipality)
    assert municipality["dead_lettered"] == 1
    assert municipality["published"] == municipality["events"] == len(week.municipality) - 1


def test_timeline_is_the_story_over_all_three_agencies(emil):
    at = {
        entry["text"]: local(entry["at"]) for entry in emil["timeline"] if entry["text"].startswith("case.")
    }
    assert at == {
        "case.opened": "Mon 16 09:12",
        "case.step.read": "Mon 16 10:05",
        "case.service_requested": "Mon 16 11:00",
        "case.meeting_invited": "Tue 17 12:00",
    }
    booked = [
        (local(entry["at"]), local(entry["start"]))
        for entry in emil["timeline"]
        if entry["text"] == "appointment.scheduled"
    ]
    assert booked == [
        ("Mon 16 08:30", "Tue 24 09:00"),
        ("Tue 17 09:40", "Wed 25 10:30"),
        ("Wed 18 11:15", "Fri 27 13:00"),
    ]
    assert {entry["agency"] for entry in emil["timeline"]} == {
        "hospital.fjordheim", "school.granvik", "municipality.granvik", "citizen", "samband",
    }  # fmt: skip


def test_parents_are_on_the_list_of_the_meeting(emil, run):
    (meeting,) = [entry for entry in emil["timeline"] if entry["kind"] == "MeetingInvited"]
    invited = [each["person"]["pseudonym"] for each in meeting["invited"] if each["kind"] == "GUARDIAN"]
    key = next(
        line.split('"')[1]
        for line in (run[2] / "samband.toml").read_text().splitlines()
        if line.startswith("key")
    )
    pseudonyms = Pseudonyms(key.encode(), "1")
    parents = [
        pseudonyms.of("urn:oid:2.16.578.1.12.4.1.4.1", parent.national_id) for parent in plan().parents
    ]
    assert invited == parents


def test_clashes_and_burden_are_found(told):
    found = {
        (finding["kind"], tuple(local(party["start"])[:6] for party in finding["parties"]))
        for finding in told["offer"]["findings"]
    }
    assert found == {
        ("SCHOOL_HOURS", ("Tue 24", "Tue 24")),
        ("EXAM", ("Wed 25", "Wed 25")),
        ("BURDEN", ("Tue 24", "Wed 25", "Fri 27")),
        ("TRAVEL_GAP", ("Fri 27", "Fri 27")),
    }


def test_three_days_at_the_hospital_become_one_and_the_exam_is_kept(emil):
    moved = [
        (local(entry["start"]), entry["agency"])
        for entry in emil["timeline"]
        if entry["text"] == "appointment.rescheduled"
    ]
    assert sorted(moved) == [
        ("Tue 24 10:30", "hospital.fjordheim"),
        ("Tue 24 12:30", "hospital.fjordheim"),
    ]
    (exam,) = [entry for entry in emil["timeline"] if entry["kind"] == "ExamScheduled"]
    assert (local(exam["start"])[:6], exam["status"]) == ("Wed 25", "CURRENT")


def test_the_proposal_is_settled(emil):
    (proposal,) = emil["proposals"]
    assert proposal["status"] == "SETTLED"
    assert [(local(move["old_start"]), local(move["start"])) for move in proposal["moves"]] == [
        ("Wed 25 10:30", "Tue 24 10:30"),
        ("Fri 27 13:00", "Tue 24 12:30"),
    ]
    # The exam, and the journey from the hospital to the town hall on Friday.
    numbers = proposal["numbers"]
    assert (numbers["conflicts_before"], numbers["conflicts_after"]) == (2, 0)
    assert (numbers["days_before"], numbers["days_after"]) == (3, 2)


def test_the_family_can_follow_each_step_of_the_agreement(emil):
    said = [
        (entry["text"], local(entry["at"]))
        for entry in emil["timeline"]
        if entry["text"].startswith("proposal.")
    ]
    assert said == [
        ("proposal.open", "Sat 21 09:00"),
        ("proposal.answered.accepted", "Sat 21 09:06"),
        ("proposal.asked", "Sat 21 09:12"),
        ("proposal.held", "Sat 21 09:24"),
        ("proposal.settled", "Sat 21 09:24"),
    ]


def test_what_collided_is_closed_and_what_remains_is_school_that_is_missed(emil):
    found = [(finding["kind"], finding["severity"]) for finding in emil["findings"]]
    assert found == [("SCHOOL_HOURS", "INFO")] * 3


def test_specialist_holds_the_case(emil):
    (case,) = emil["cases"]
    assert (case["kind"]["mapped"], case["state"], local(case["since"])) == (
        "RESPITE_CARE",
        "OPEN",
        "Mon 16 11:00",
    )
    assert case["holder"]["kind"] == "THIRD_PARTY"
    assert case["holder"]["institution"]["id"] == "FJORDHEIM"


def test_terminal_shows_it(run):
    shown = run[0].stdout
    for words in (
        "Application read",
        "Epilepsy follow-up",
        "On the day of an exam",
        "Collisions: 0 instead of 2",
        "Every input accounted for",
    ):
        assert words in shown


def test_nothing_personal_is_in_logs_or_state_files(run):
    week = plan()
    secrets = [person.national_id for family in week.town for person in (*family.parents, *family.children)]
    secrets += ["Solbakken", "not-to-leave-the-connector"]
    folder = run[2]
    looked = [
        *(folder / "logs").iterdir(),
        *(path for path in (folder / "connectors").rglob("*") if path.is_file()),
    ]
    assert len(looked) > 5
    for path in looked:
        content = path.read_bytes()
        for secret in secrets:
            assert secret.encode() not in content, path.name


def test_no_process_is_left(run):
    assert not list((run[2] / "run").glob("*.json"))
