"""Runs the examples of docs/router.md and docs/coordination.md, in their order and in the opposite one."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from router.rules import load_rules
from schemas.records import FindingKind
from tests.router.building import (
    appointment,
    at,
    cancelled,
    case,
    code,
    exam,
    holder,
    place,
    pupil,
    step_done,
    time,
)
from tests.router.world import World

DOCS = Path(__file__).resolve().parents[2] / "docs"
HERE = Path(__file__).parent
RULES = load_rules(HERE / "rules.yaml", HERE / "register.yaml")
KEY = "N1"


class Text(yaml.SafeLoader):
    """Leaves dates and times as they are written."""


Text.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if not tag.endswith("timestamp")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def examples():
    pages = [(DOCS / name).read_text(encoding="utf-8") for name in ("router.md", "coordination.md")]
    blocks = [block for page in pages for block in re.findall(r"(?ms)^```yaml\n(.*?)^```", page)]
    read = [yaml.load(block, Loader=Text) for block in blocks]  # noqa: S506 - a SafeLoader
    return [block for block in read if "example" in block]


def events(rows):
    return [_event(kind, dict(row)) for item in rows for kind, row in item.items()]


def _event(kind, row):  # noqa: PLR0911 - one return for each kind of fact
    said = {"recorded": row.pop("said", "2026-03-01 08:00"), "occurred": None}
    where = place(row.pop("where", "hospital"), row.pop("department", None), row.pop("system", "HER"))
    name = row.pop("id")
    if kind in {"appointment", "rescheduled"}:
        record = "AppointmentScheduled" if kind == "appointment" else "AppointmentRescheduled"
        if "service" in row:
            said["service"] = {"code": row["service"], "system": "hospital.services", "mapped": "UNKNOWN"}
        return appointment(KEY, name, row["at"], row.get("to"), where=where, record=record, **said)
    if kind == "cancelled":
        return cancelled(KEY, name, row["reason"], **said)
    if kind == "pupil":
        return pupil(KEY, name, where, **said)
    if kind == "exam":
        return exam(KEY, name, row["at"], row.get("to"), **said)
    part = row.pop("part", None)
    if kind == "step":
        return step_done(KEY, name, row["step"], part=part, **said)
    if kind == "decision":
        return case("DecisionMade", KEY, name, {"outcome": code(row["outcome"])}, part=part, **said)
    by = time(row["by"]) if "by" in row else None
    if kind == "case_opened":
        body = {
            "kind": code(row["kind"]),
            "expected_by": by,
            "holder": holder("AGENCY", place(row["holder"])),
        }
        return case("CaseOpened", KEY, name, body, **said)
    if kind == "inquiry":
        to = place(row["to"])
        body = {"service": code(row["service"]), "recipient": to, "expected_by": by}
        return case("ServiceRequested", KEY, name, {**body, "holder": holder("THIRD_PARTY", to)}, **said)
    assert kind == "meeting"
    invited = [{"kind": kind_, "person": None, "institution": None} for kind_ in row["invited"]]
    body = {"meeting": row["meeting"], "start": time(row["at"]), "end": time(row["to"]), "place": None}
    return case("MeetingInvited", KEY, name, {**body, "invited": invited}, **said)


def check_findings(found, expected):
    wanted = [item for item in expected if not item.get("absent")]
    assert [finding["kind"] for finding in found] == sorted(item["kind"] for item in wanted)
    for finding, item in zip(found, sorted(wanted, key=lambda item: item["kind"]), strict=True):
        assert finding["reason"] == item.get("reason", f"finding.{item['kind'].lower()}")
        assert [party["reference"] for party in finding["parties"]] == item["parties"]
        assert finding["severity"] == item["severity"]
        assert finding["numbers"] == item["numbers"]
        assert finding["confidence"] == item.get("confidence", "EXACT")


def check_case(view, expected):
    assert view["state"] == expected["state"]
    assert view["last_step"]["mapped"] == expected["last_step"]
    assert view["since"]["instant"] == at(expected["since"])
    if "holder" in expected:
        assert view["holder"]["institution"]["id"] == expected["holder"]
        assert view["next_step"]["mapped"] == expected["next_step"]
        assert view["expected_by"]["instant"] == at(expected["expected_by"])


def check(example, facts):
    world = World(rules=RULES)
    world.put(facts)
    reader = world.run().reader
    check_findings(reader.open_findings(), example.get("findings", reader.open_findings()))
    if "timeline" in example:
        told = [(entry["at"]["instant"], entry["text"], entry["status"]) for entry in reader.timeline()]
        assert told == [(at(moment), text, status) for moment, text, status in example["timeline"]]
    cases = {name: value for (_, name), value in reader.case_statuses().items()}
    for name, expected in example.get("cases", {}).items():
        check_case(cases[f"CASES|{name}"], expected)
    ids = {finding["finding_id"] for finding in reader.open_findings()}
    if "then" in example:
        world.put(events(example["then"]))
        check_findings(world.run().reader.open_findings(), example["finally"])
    return ids


@pytest.mark.parametrize("example", examples(), ids=lambda example: example["example"])
def test_an_example_of_the_page_is_true(example):
    facts = events(example["facts"])
    ids = check(example, facts)
    assert check(example, facts[::-1]) == ids


def test_the_pages_have_an_example_for_each_kind_of_finding():
    shown = {
        item["kind"] for example in examples() for item in example.get("findings", []) if "parties" in item
    }
    shown |= {item["kind"] for example in examples() for item in example.get("finally", [])}
    assert shown == set(get_args(FindingKind)) - {"OTHER"}
