"""Confluent's consumer and Avro deserializer read every topic, with the contract server's schemas."""

import time
import uuid
from typing import Any, cast

from confluent_kafka import DeserializingConsumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import StringDeserializer

from tests.foreign.comparing import differences
from tests.foreign.conftest import Bus


def test_confluents_client_reads_every_topic_field_by_field(bus: Bus) -> None:
    expected = {record.headers["ce_id"]: record for record in bus.written}
    with SchemaRegistryClient({"url": bus.registry}) as registry:
        consumer = DeserializingConsumer(
            {
                "bootstrap.servers": bus.bootstrap_servers,
                "group.id": f"foreign-{uuid.uuid4().hex}",
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "key.deserializer": StringDeserializer(),
                "value.deserializer": AvroDeserializer(registry),
            }
        )
        consumer.subscribe(bus.topics)
        read: dict[str, tuple[Any, ...]] = {}
        deadline = time.monotonic() + 30
        try:
            while len(read) < len(expected) and time.monotonic() < deadline:
                message = consumer.poll(0.5)
                if message is not None:
                    assert message.error() is None
                    headers = {name: value.decode() for name, value in cast("Any", message.headers())}
                    read[headers["ce_id"]] = (message.topic(), message.key(), headers, message.value())
        finally:
            consumer.close()
    assert read.keys() == expected.keys()
    for identity, record in expected.items():
        topic, key, headers, value = read[identity]
        assert (topic, key, headers) == (record.topic, record.key, record.headers)
        assert differences(record.document, value) == [], identity


def test_the_comparison_can_fail() -> None:
    document = {"at": "1970-01-01T00:00:01Z", "list": [{"a": 1}], "payload": "\u00ff"}
    assert differences(document, {"at": 1_000_000, "list": [{"a": 1}], "payload": b"\xff"}) == []
    assert differences(document, {"at": 1_000_001, "list": [{"a": 1}], "payload": b"\xff"})
    assert differences(document, {"at": 1_000_000, "list": [{"a": 2}], "payload": b"\xff"})
    assert differences(document, {"at": 1_000_000, "list": [], "payload": b"\xff"})
    assert differences(document, {"at": 1_000_000, "list": [{"a": 1}], "payload": b"\xfe"})
    assert differences(document, {"at": 1_000_000, "list": [{"a": 1}]})
