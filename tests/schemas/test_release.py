"""New versions: made from the sources, refused when they break readers, frozen afterwards, still readable."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.catalogue import ROOT, load
from schemas.codec import Codec
from schemas.errors import RefusedError
from schemas.release import release

MOVED = {"citizen": "a", "moved_to": "b", "revision": 1, "cause": "c"}
NAME = "samband.timeline.CitizenMoved"


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    """A copy of the contract that a test may change."""
    return Path(
        shutil.copytree(ROOT, tmp_path / "schemas", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    )


def edit(contract: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = contract / "avro" / "timeline" / "CitizenMoved.avsc"
    schema = json.loads(path.read_text(encoding="utf-8"))
    change(schema)
    path.write_text(json.dumps(schema), encoding="utf-8")


def add_note(schema: dict[str, Any]) -> None:
    schema["fields"].append({"name": "note", "type": "string", "doc": "A note.", "default": "none"})


def test_nothing_is_released_when_nothing_changed(contract: Path) -> None:
    before = {path: path.read_bytes() for path in contract.rglob("*") if path.is_file()}
    assert release(contract) == []
    assert {path: path.read_bytes() for path in contract.rglob("*") if path.is_file()} == before


def test_a_changed_source_becomes_the_next_version_with_a_fresh_id(contract: Path) -> None:
    highest = max(load(contract).by_id)
    first = (contract / "released" / NAME / "v1.avsc").read_bytes()
    edit(contract, add_note)
    assert release(contract) == [(NAME, 2, highest + 1)]
    record = load(contract).records["CitizenMoved"]
    assert (record.version, record.schema_id, sorted(record.versions)) == (2, highest + 1, [1, 2])
    assert record.schema["fields"][-1]["name"] == "note"
    assert (contract / "released" / NAME / "v1.avsc").read_bytes() == first


def test_what_the_old_version_wrote_comes_in_the_shape_of_the_new_one(contract: Path) -> None:
    old = Codec(known=load(contract)).encode("CitizenMoved", MOVED)
    edit(contract, add_note)
    release(contract)
    known = load(contract)
    decoded = Codec(known=known).decode(old)
    assert decoded.value == MOVED | {"note": "none"}
    assert decoded.schema_id == known.records["CitizenMoved"].versions[1].schema_id
    new = Codec(known=known).encode("CitizenMoved", MOVED | {"note": "x"})
    assert Codec(known=known).decode(new).value == MOVED | {"note": "x"}


def test_a_source_that_breaks_readers_is_refused_and_nothing_is_written(contract: Path) -> None:
    edit(
        contract, lambda schema: schema["fields"].append({"name": "note", "type": "string", "doc": "A note."})
    )
    ids = (contract / "ids.yaml").read_bytes()
    with pytest.raises(
        RefusedError, match=rf"{NAME} could not read version 1: /note: is new and has no default"
    ):
        release(contract)
    assert (contract / "ids.yaml").read_bytes() == ids
    assert not (contract / "released" / NAME / "v2.avsc").exists()


def test_every_earlier_version_counts_not_only_the_last(contract: Path) -> None:
    """Version 2 drops a field, version 3 brings it back without a default: it reads 2 no better than 1."""
    edit(contract, lambda schema: schema["fields"].pop())
    release(contract)
    edit(contract, lambda s: s["fields"].append({"name": "cause", "type": "string", "doc": "Why."}))
    with pytest.raises(RefusedError, match="could not read version 2: /cause"):
        release(contract)


def test_a_new_record_type_starts_at_version_one(contract: Path) -> None:
    path = contract / "avro" / "timeline" / "CitizenSeen.avsc"
    schema = {
        "type": "record",
        "name": "CitizenSeen",
        "namespace": "samband.timeline",
        "doc": "Seen.",
        "fields": [],
    }
    path.write_text(json.dumps(schema), encoding="utf-8")
    topic = contract / "topics" / "timeline.yaml"
    text = topic.read_text(encoding="utf-8").replace(
        "records:\n", "records:\n- samband.timeline.CitizenSeen\n"
    )
    topic.write_text(text, encoding="utf-8")
    highest = max(load_ids_of(contract))
    assert release(contract) == [("samband.timeline.CitizenSeen", 1, highest + 1)]


def load_ids_of(contract: Path) -> list[int]:
    text = (contract / "ids.yaml").read_text(encoding="utf-8")
    return [int(line.split(":")[1]) for line in text.splitlines() if line.strip().startswith("id:")]
