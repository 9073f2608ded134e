// Reads topics with kafkajs and its registry client, and prints one JSON line per record.
// Standard input: {"brokers": […], "registry": "http://…", "topics": […], "group": "…", "count": n}
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(`${process.env.FOREIGN_MODULES}/`);
const { Kafka, logLevel } = require("kafkajs");
const { SchemaRegistry } = require("@kafkajs/confluent-schema-registry");

const asked = JSON.parse(readFileSync(0, "utf-8"));
const registry = new SchemaRegistry({ host: asked.registry });
const kafka = new Kafka({ clientId: "foreign", brokers: asked.brokers, logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: asked.group });

// Bytes as text of which each character is one byte, as in the examples of the contract.
const plain = (_, value) =>
  value?.type === "Buffer" && Array.isArray(value.data) ? Buffer.from(value.data).toString("latin1") : value;

let left = asked.count;
await consumer.connect();
await consumer.subscribe({ topics: asked.topics, fromBeginning: true });
await new Promise((resolve, reject) => {
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
  consumer.run({
    eachMessage: async ({ topic, message }) => {
      const value = await registry.decode(message.value);
      const headers = Object.fromEntries(Object.entries(message.headers).map(([k, v]) => [k, v.toString()]));
      console.log(JSON.stringify({ topic, key: message.key.toString(), headers, value }, plain));
      left -= 1;
      if (left === 0) resolve();
    },
  });
});
await consumer.disconnect();
