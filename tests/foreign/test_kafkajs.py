"""kafkajs with @kafkajs/confluent-schema-registry reads every topic from the contract server's schemas."""

import json
import uuid

from tests.foreign.comparing import differences
from tests.foreign.conftest import Bus, RunNode


def test_kafkajs_reads_every_topic_field_by_field(bus: Bus, run_node: RunNode) -> None:
    asked = {
        "brokers": bus.bootstrap_servers.split(","),
        "registry": bus.registry,
        "topics": bus.topics,
        "group": f"foreign-{uuid.uuid4().hex}",
        "count": len(bus.written),
    }
    lines = run_node("read_topics.mjs", stdin=json.dumps(asked)).splitlines()
    read = {record["headers"]["ce_id"]: record for record in map(json.loads, lines)}
    expected = {record.headers["ce_id"]: record for record in bus.written}
    assert read.keys() == expected.keys()
    for identity, record in expected.items():
        found = read[identity]
        assert (found["topic"], found["key"], found["headers"]) == (record.topic, record.key, record.headers)
        assert differences(record.document, found["value"]) == [], identity
