"""Prints every record of a topic, as one line of JSON each, and goes on with what comes; Ctrl-C ends it.

BOOTSTRAP_SERVERS=host:port REGISTRY_URL=http://host:port python read_topic.py timeline
"""

import json
import os
import sys

from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

topic = sys.argv[1]
registry = SchemaRegistryClient({"url": os.environ["REGISTRY_URL"]})
deserialise = AvroDeserializer(registry)
consumer = Consumer(
    {
        "bootstrap.servers": os.environ["BOOTSTRAP_SERVERS"],
        "group.id": "example-python",
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",  # see nothing of a transaction before it is committed
    }
)
consumer.subscribe([topic])
try:
    while True:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            sys.exit(f"cannot read {topic}: {message.error()}")
        data = message.value() or b""  # 0x00, the schema's id in 4 bytes, Avro
        schema = json.loads(registry.get_schema(int.from_bytes(data[1:5], "big")).schema_str or "{}")
        read = {
            "key": (message.key() or b"").decode(),
            "record": schema["name"],  # a topic carries several types of records
            "value": deserialise(data, SerializationContext(topic, MessageField.VALUE)),
        }
        print(json.dumps(read, default=str), flush=True)
except KeyboardInterrupt:
    pass
finally:
    consumer.close()
