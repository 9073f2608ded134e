"""The simulation, whole: real processes, a real Kafka, and an oracle that must be able to disagree."""

import json
import os
import shlex
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from router.rules import DEFAULT_RULES
from samband.citizen_view import Keys
from samband.simulation import mishaps
from samband.simulation.comparison import Verdict, compare
from samband.simulation.history import AppointmentStep, Card, Change, Town
from samband.simulation.oracle import truths
from samband.simulation.places import CLINICS, CLINICS_OF_TOWN, FIRST_DAY, HEALTH, moment
from samband.simulation.population import households
from samband.simulation.town import build
from samband.simulation.truth import Identifier, Truth

ROOT = Path(__file__).resolve().parents[2]
DAY = FIRST_DAY + timedelta(days=7)


def booked(town: Town, clinic: int, hour: int, minute: int, *, said: int = 0, **more: Any) -> AppointmentStep:
    """An appointment of the town's first citizen on a Monday."""
    step = AppointmentStep(
        at=moment(FIRST_DAY, 9) + timedelta(minutes=said), person=town.people()[0], clinic=CLINICS[clinic],
        card=Card("1", town.people()[0].national_id), number=f"{clinic}-{hour}{minute:02}", resource=0,
        department="", title="", change=Change.BOOKED, start=moment(DAY, hour, minute), minutes=30,
    )  # fmt: skip
    return replace(step, **more)


def true_of(*steps: AppointmentStep, town: Town) -> Truth:
    town.health = list(steps)
    (truth,) = truths(town, DEFAULT_RULES).values()
    return truth


@pytest.fixture
def town() -> Town:
    return Town(households(1, 3), 5)


def test_the_oracle_knows_an_overlap_and_a_journey_that_is_too_short(town):
    # 10:15 is a quarter of an hour into the hospital's half hour. From Fjordheim to Granvik it is 53.2 km
    # north and 38.2 km west, 65.4 km: 102.1 minutes by the rule and 15 more to park, and there are 75.
    truth = true_of(
        booked(town, 0, 10, 0), booked(town, 1, 10, 15, said=1), booked(town, 1, 11, 45, said=2), town=town
    )
    assert sorted((found.kind, found.severity, dict(found.numbers)) for found in truth.findings) == [
        ("OVERLAP", "CRITICAL", {"minutes_overlap": 15}),
        ("TRAVEL_GAP", "WARNING", {"minutes_between": 75, "minutes_needed": 118}),
    ]


def test_the_oracle_knows_that_what_is_cancelled_collides_with_nothing(town):
    first = booked(town, 0, 10, 0)
    truth = true_of(
        first, booked(town, 1, 10, 15, said=1),
        replace(first, at=first.at + timedelta(hours=1), change=Change.CANCELLED), town=town,
    )  # fmt: skip
    assert not truth.findings
    assert [entry.text for entry in truth.entries] == [
        "appointment.scheduled", "appointment.scheduled", "appointment.cancelled.cancelled",
    ]  # fmt: skip


def test_the_oracle_knows_that_three_visits_in_a_week_are_a_burden(town):
    visits = [booked(town, 1, 9, 0, said=n, number=str(n)) for n in range(3)]
    visits = [replace(one, start=one.start + timedelta(days=3 * n)) for n, one in enumerate(visits)]
    (found,) = true_of(*visits, town=town).findings
    assert (found.kind, dict(found.numbers)) == ("BURDEN", {"visits": 3, "days": 7})


def clear(one: Identifier) -> str:
    return f"{one.system}/{one.value}"


def test_a_bus_that_says_nothing_differs_in_everything():
    town = build(60, 5, 1)
    expected = truths(town, DEFAULT_RULES)
    verdict = compare(expected, {}, Keys(), clear)
    assert verdict.compared["identities"] == verdict.differ("identities") == len(expected)
    assert verdict.compared["timelines"] == verdict.differ("timelines") == len(expected)
    assert verdict.differ("findings") == sum(truth.findings.total() for truth in expected.values())
    assert not verdict.sound


def test_a_difference_names_no_person():
    town = build(60, 5, 1)
    expected = truths(town, DEFAULT_RULES)
    told = json.dumps(compare(expected, {}, Keys(), lambda one: f"{hash(one):x}").as_object())
    for person in town.people():
        assert person.national_id not in told
        assert person.family_name not in told


def test_what_is_lost_makes_a_check_fail():
    assert Verdict(Counter(), [], lost=0).sound
    assert not Verdict(Counter(), [], lost=1).sound


def shown(command: str) -> str:
    """A command as docs/simulation.md shows it."""
    lines = (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith(f"samband {command} "))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_small_town_is_as_the_oracle_knows_it(tmp_path: Path):
    """The command as the page has it.

    Pseudonyms have a new key in each run, so the numbers of what clinics are asked are others, and with them
    what clinics do: of this town's ten proposals, more or less, any may fail, but not all of them.
    """
    result, folder = tmp_path / "check.json", tmp_path / "run"
    words = shlex.split(shown("simulate"))[1:]
    words[words.index("--json") + 1] = str(result)
    citizens, days, seed = (int(words[words.index(f"--{name}") + 1]) for name in ("citizens", "days", "seed"))
    done = subprocess.run(
        [sys.executable, "-m", "samband", *words, "--folder", str(folder)],
        capture_output=True, text=True, check=False, timeout=240, env={**os.environ, "COLUMNS": "120"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(result.read_text(encoding="utf-8"))
    assert told["lost"] == 0
    assert told["check"]["differences"] == []
    town, last = build(citizens, days, seed), FIRST_DAY + timedelta(days=days)
    expected = truths(town, DEFAULT_RULES)
    compared = told["check"]["compared"]
    assert compared["identities"] == compared["timelines"] == len(expected) > 20
    assert compared["findings"] > 0
    assert compared["bundles"] == compared["proposals"] == sum(told["check"]["proposals"].values()) > 0
    assert compared["savings"] > 0
    assert told["check"]["proposals"]["SETTLED"] > 0
    by_agency = Counter(
        each.step.clinic.agency for day in mishaps.clinics(town, seed).values() for each in day
    )
    by_agency.update(opening.clinic.agency for opening in town.openings if opening.at < moment(last, 0))
    sent = told["sent"]
    assert sent["health"] > by_agency[HEALTH] > 0  # they also tell of what they hold and move
    assert sent["clinics"] >= by_agency[CLINICS_OF_TOWN] > 0
    assert sent["municipality"] == sum(mishaps.copies(step, seed) for step in town.cases)
    assert sent["schools"] == sum(
        1 + mishaps.exported_twice(export, seed) for export in range(len(town.exports))
    )
    assert done.stdout.splitlines()[-1] == (
        f"compared: identities {len(expected)} (0 differ), timelines {len(expected)} (0 differ), findings "
        f"{compared['findings']} (0 differ), proposals {compared['proposals']} (0 differ), bundles "
        f"{compared['bundles']} (0 differ); lost: 0"
    )
