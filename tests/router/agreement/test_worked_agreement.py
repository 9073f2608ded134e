"""Runs the examples of agreements in docs/coordination.md, and looks for every reason of a refusal there."""

import re
from datetime import datetime
from pathlib import Path
from typing import get_args

import pytest
import yaml

from router.refusals import Reason
from tests.router.agreement.building import KEY, agency_says, citizen_says, move, proposal
from tests.router.agreement.rig import Rig
from tests.router.building import appointment, at
from tests.router.test_worked_examples import Text

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "coordination.md").read_text(encoding="utf-8")
NAME = "7f1b6f52-7f7e-5d0c-9d55-4c1f0c1e7a01"
AGENCIES = {"hospital": "hospital.b", "school": "school.c"}


def examples():
    blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE)
    read = [yaml.load(block, Loader=Text) for block in blocks]  # noqa: S506 - a SafeLoader
    return [block for block in read if "agreement" in block]


def offered(example):
    rig = Rig(minute=at(example["offered"]))
    moves = []
    for number, row in enumerate(example["moves"]):
        agency, old, new = AGENCIES[row["agency"]], at(row["from"]), at(row["to"])
        rig.take(appointment(KEY, row["id"], old, recorded=rig.minute, source=(agency, "HIS")))
        moves.append(move(agency, row["id"], old, f"s{number}", new))
    rig.offer(proposal(NAME, moves, rig.minute))
    return rig


def carry_on(rig, row):
    """What happens in a row of an example."""
    if "citizen" in row:
        rig.take(citizen_says(NAME, row["citizen"], rig.minute))
    for short, agency in AGENCIES.items():
        if short in row:
            last = [request for request in rig.requests() if request["agency"] == agency][-1]
            rig.take(agency_says(last, row[short], rig.minute))


@pytest.mark.parametrize("example", examples(), ids=lambda example: example["agreement"])
def test_an_example_of_the_page_is_true(example):
    rig = offered(example)
    day = datetime.fromisoformat(example["offered"]).date()
    for row in example["then"]:
        seen = len(rig.requests()), len(rig.statuses()), len(rig.told())
        rig.pass_to(at(f"{day} {row['at']}"))
        carry_on(rig, row)
        short = {agency: name for name, agency in AGENCIES.items()}
        asked = [f"{short[r['agency']]} {r['action']} {r['sequence']}" for r in rig.requests()[seen[0] :]]
        assert asked == row.get("asked", [])
        assert rig.statuses()[seen[1] :] == ([row["status"]] if "status" in row else [])
        assert rig.told()[seen[2] :] == ([row["told"]] if "told" in row else [])
        if "by" in row:
            due = at(f"{day} {row['by']}")
            entry = [value for value in rig.values("TimelineEntry") if value["kind"] == "Proposal"][-1]
            assert entry["expected_by"]["instant"] == rig.requests()[-1]["deadline"]["instant"] == due


def test_the_page_has_an_agreement_that_ends_well_and_one_that_does_not():
    ends = {row["status"] for example in examples() for row in example["then"] if "status" in row}
    assert {"SETTLED", "FAILED"} <= ends


def test_the_page_explains_every_reason_of_a_refusal():
    assert {reason for reason in get_args(Reason) if f"`{reason}`" not in PAGE} == set()
