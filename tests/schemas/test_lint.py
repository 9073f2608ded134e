"""The contract keeps its rules; and each rule, broken once on purpose, says so."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.catalogue import ROOT
from schemas.generate import generated
from schemas.lint import lint, rules
from schemas.release import release

Change = Callable[[Path], None]


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    """A copy of the contract, with its generated files, that a test may break."""
    ignored = shutil.ignore_patterns("[!r]*.py", "r[!e]*.py", "__pycache__")
    root = Path(shutil.copytree(ROOT, tmp_path / "schemas", ignore=ignored))
    docs = tmp_path / "docs"
    docs.mkdir()
    shutil.copy(ROOT.parent / "docs" / "asyncapi.yaml", docs)
    return root


def test_the_contract_keeps_every_rule() -> None:
    assert lint() == []


def test_a_copy_of_the_contract_keeps_every_rule(contract: Path) -> None:
    assert lint(contract) == []


def avro(name: str, change: Callable[[dict[str, Any]], Any], *, fresh: bool = False) -> Change:
    """Changes a source; ``fresh`` releases it and writes the generated files, as a careful author would."""

    def apply(contract: Path) -> None:
        path = contract / "avro" / f"{name}.avsc"
        schema = json.loads(path.read_text(encoding="utf-8"))
        change(schema)
        path.write_text(json.dumps(schema), encoding="utf-8")
        if fresh:
            release(contract)
            for file, text in generated(contract).items():
                file.write_text(text, encoding="utf-8")

    return apply


def field(number: int, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda schema: schema["fields"][number].update(changes)


def yaml_file(name: str, change: Callable[[dict[str, Any]], Any]) -> Change:
    def apply(contract: Path) -> None:
        path = contract / name
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        change(document)
        path.write_text(yaml.safe_dump(document), encoding="utf-8")

    return apply


def topic(name: str, **changes: Any) -> Change:
    return yaml_file(f"topics/{name}.yaml", lambda document: document.update(changes))


def remove(path: str) -> Change:
    return lambda contract: (contract / path).unlink()


def example(path: str, change: Callable[[dict[str, Any]], Any]) -> Change:
    def apply(contract: Path) -> None:
        file = contract / "examples" / path
        document = json.loads(file.read_text(encoding="utf-8"))
        change(document)
        file.write_text(json.dumps(document), encoding="utf-8")

    return apply


def without_default(schema: dict[str, Any]) -> None:
    del schema["fields"][1]["default"]


def incompatible_release(contract: Path) -> None:
    """What `release` refuses, done by hand."""
    folder = contract / "released" / "samband.timeline.CitizenMoved"
    schema = json.loads((folder / "v1.avsc").read_text(encoding="utf-8"))
    schema["fields"][2]["type"] = "string"
    (folder / "v2.avsc").write_text(json.dumps(schema), encoding="utf-8")
    text = (contract / "ids.yaml").read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    document["samband.timeline.CitizenMoved"][2] = {"id": 999, "sha256": "0" * 64}
    (contract / "ids.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")


def same_ids(document: dict[str, Any]) -> None:
    document["samband.stay.StayEnded"][1]["id"] = document["samband.stay.StayStarted"][1]["id"]


MOVED = "samband.timeline.CitizenMoved"
BOOKED = "AppointmentScheduled/v1/hospital_books_a_check_up.json"
PAYLOAD_OWNER = "samband.inputs.DeadLetter"
CASES = [
    ("file", topic("stay", owner=""), "topics/stay.yaml: owner"),
    ("file", topic("stay", partitions="many"), "topics/stay.yaml: partitions"),
    ("file", topic("stay", retention="a while"), "topics/stay.yaml: retention"),
    ("file", topic("stay", colour="red"), "topics/stay.yaml: colour"),
    ("file", remove("remarks.yaml"), "remarks.yaml"),
    (
        "file",
        lambda c: (c / "topics" / "stay.yaml").write_text("owner: a\nowner: b\n"),
        "'owner' is there twice",
    ),
    ("file", lambda c: (c / "avro" / "stay" / "StayRef.avsc").write_text("{"), "avro/stay/StayRef.avsc"),
    ("file", lambda c: (c / "examples" / "stray.json").write_text("{}"), "examples/stray.json"),
    (
        "topic.records",
        topic("coordination", records=["samband.coordination.Nothing"]),
        "samband.coordination.Nothing",
    ),
    ("topic.records", topic("coordination", records=[]), "carries no record"),
    ("topic.dead_letter", topic("stay", dead_letter=None), "has no dead-letter topic"),
    ("topic.dead_letter", topic("stay", dead_letter="case.dlq"), "go to case.dlq, not stay.dlq"),
    ("topic.dead_letter", remove("topics/stay.dlq.yaml"), "stay.dlq does not exist"),
    ("topic.room", topic("stay.dlq", max_message_bytes=2048), "is not above that of stay"),
    ("topic.dead_letter", topic("stay.dlq", records=[MOVED]), "exactly when its name ends in .dlq"),
    ("topic.copartitioned", topic("stay", partitions=9), "has 9 partitions"),
    ("topic.retention", topic("stay", retention="forever"), "does not go with retention"),
    ("topic.retention", topic("router.citizen.changelog", retention="7d"), "does not go with retention"),
    ("topic.sensitivity", topic("stay", sensitivity="INTERNAL"), "holds what is SENSITIVE"),
    (
        "topic.retraction",
        yaml_file("topics/stay.yaml", lambda d: d["records"].remove("samband.FactRetracted")),
        "carries facts and not",
    ),
    (
        "record.meta",
        yaml_file("topics/stay.yaml", lambda d: d["records"].append(MOVED)),
        "does not begin with meta",
    ),
    ("record.doc", avro("stay/StayRef", lambda s: s.pop("doc")), "has no doc"),
    ("record.doc", avro("stay/StayRef", field(1, doc="")), "has no doc"),
    ("record.names", avro("stay/StayRef", field(1, name="theId")), "is not snake_case"),
    (
        "record.names",
        avro("stay/LeavePhase", lambda s: s["symbols"].append("gone")),
        "is not written in capitals",
    ),
    ("record.names", avro("stay/StayRef", lambda s: s.update(name="CaseRef")), "shares its short name"),
    ("record.file", avro("stay/StayRef", lambda s: s.update(name="StayReference")), "that its path names"),
    (
        "record.details",
        avro("stay/StayEnded", lambda s: s["fields"].insert(0, s["fields"].pop())),
        "not the last",
    ),
    ("record.details", avro("stay/StayEnded", field(-1, type="samband.stay.StayDetails")), "is not nullable"),
    ("record.details", avro("stay/StayDetails", without_default), "has no default"),
    ("record.personal", avro("stay/StayRef", field(1, name="birth_date")), "smells of personal data (birth)"),
    (
        "record.personal",
        avro("stay/StayRef", field(1, name="home_address")),
        "smells of personal data (address)",
    ),
    ("record.enum", avro("stay/LeavePhase", lambda s: s.pop("closed")), "neither a default nor"),
    (
        "record.enum",
        avro("stay/StayCorrection", lambda s: s.update(default="GONE")),
        "not one of its symbols",
    ),
    ("record.types", avro("stay/StayRef", field(1, type=["string", "long"])), "union other than [null, X]"),
    ("record.types", avro("stay/StayRef", field(1, type="date")), "neither a scalar nor a named type"),
    (
        "record.types",
        avro("stay/StayRef", field(1, type={"type": "int", "logicalType": "date"})),
        "nor an instant",
    ),
    (
        "record.default",
        avro("stay/StayStarted", lambda s: s["fields"][6].pop("default")),
        "has not the default null",
    ),
    ("record.default", avro("stay/StayRef", field(1, default=5)), "default that does not fit"),
    ("record.orphan", topic("coordination", records=[MOVED]), "belongs to no topic"),
    ("release.ids", yaml_file("ids.yaml", same_ids), "shares the id"),
    ("release.files", remove(f"released/{MOVED}/v1.avsc"), "has an id and no file"),
    ("release.files", yaml_file("ids.yaml", lambda d: d.pop(MOVED)), "has a file and no id"),
    (
        "release.files",
        yaml_file("ids.yaml", lambda d: d[MOVED].update({3: d[MOVED][1]})),
        "do not count from 1",
    ),
    (
        "release.frozen",
        lambda c: (c / "released" / MOVED / "v1.avsc").write_text(
            (c / "released" / MOVED / "v1.avsc").read_text(encoding="utf-8").replace("alias", "ALIAS")
        ),
        "was changed after its release",
    ),
    (
        "release.fresh",
        avro("timeline/CitizenMoved", lambda s: s.update(doc="Moved.")),
        "differs from its latest",
    ),
    ("release.topic", topic("coordination", records=[MOVED]), "is released and belongs to no topic"),
    ("release.compatible", incompatible_release, "cannot read v1: /revision: int cannot be read as string"),
    ("example.there", lambda c: shutil.rmtree(c / "examples" / "StayEnded"), "has no example"),
    (
        "example.there",
        lambda c: (c / "examples" / "StayEnded").rename(c / "examples" / "StayOver"),
        "no released",
    ),
    (
        "example.there",
        avro("timeline/CitizenMoved", lambda s: s.update(doc="Moved."), fresh=True),
        "CitizenMoved/v2",
    ),
    ("example.valid", example(BOOKED, lambda d: d.update(surname="x")), "1 field(s) that"),
    ("example.valid", example(BOOKED, lambda d: d.pop("start")), "start: is missing"),
    (
        "example.valid",
        example(BOOKED, lambda d: d["start"].update(instant="soon")),
        "start.instant: expected long",
    ),
    ("example.personal", example(BOOKED, lambda d: d.update(place="Rom 01017012345")), "eleven digits"),
    (
        "example.remarks",
        example(BOOKED, lambda d: d["meta"]["remarks"].append("time.odd")),
        "uses the remark time.odd",
    ),
    ("generated.fresh", lambda c: (c / "records.py").write_text(""), "records.py"),
    ("generated.fresh", lambda c: (c.parent / "docs" / "asyncapi.yaml").write_text(""), "asyncapi.yaml"),
]


@pytest.mark.parametrize(("rule", "change", "told"), CASES, ids=[f"{n}-{c[0]}" for n, c in enumerate(CASES)])
def test_a_broken_rule_is_found(contract: Path, rule: str, change: Change, told: str) -> None:
    change(contract)
    found = [problem for problem in lint(contract) if problem.rule == rule]
    assert any(told in f"{problem.where}: {problem.what}" for problem in found), found


def test_every_rule_is_broken_by_a_case() -> None:
    assert {rule for rule, _, _ in CASES} == {*rules(), "file"}
    assert all(check.__doc__ for check in rules().values())
