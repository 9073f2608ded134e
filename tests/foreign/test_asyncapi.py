"""AsyncAPI's own parser takes the generated document, with the Avro payloads that it refers to."""

import json
from pathlib import Path

from schemas.catalogue import catalogue
from tests.foreign.conftest import RunNode


def test_the_document_keeps_the_specification(repository: Path, run_node: RunNode) -> None:
    found = json.loads(run_node("check_asyncapi.mjs", str(repository / "docs" / "asyncapi.yaml")))
    assert found["problems"] == []
    public = [topic for topic in catalogue().topics.values() if not topic.internal]
    assert sorted(found["channels"]) == sorted(topic.name for topic in public)
    names = {catalogue().records[name].short_name for topic in public for name in topic.records}
    assert sorted(found["messages"]) == sorted(names)


def test_the_parser_would_say_what_is_wrong(repository: Path, tmp_path: Path, run_node: RunNode) -> None:
    text = (repository / "docs" / "asyncapi.yaml").read_text(encoding="utf-8")
    broken = tmp_path / "asyncapi.yaml"
    broken.write_text(text.replace("action: receive", "action: listen", 1), encoding="utf-8")
    assert json.loads(run_node("check_asyncapi.mjs", str(broken)))["problems"]
