// Prints every record of a topic, as one line of JSON each, and goes on with what comes; Ctrl-C ends it.
//
// BOOTSTRAP_SERVERS=host:port REGISTRY_URL=http://host:port node read_topic.mjs timeline
import { SchemaRegistry } from "@kafkajs/confluent-schema-registry";
import { Kafka, logLevel } from "kafkajs";

const topic = process.argv[2];
const registry = new SchemaRegistry({ host: process.env.REGISTRY_URL });
const kafka = new Kafka({
  clientId: "example-node",
  brokers: process.env.BOOTSTRAP_SERVERS.split(","),
  logLevel: logLevel.ERROR,
});
const consumer = kafka.consumer({ groupId: "example-node" }); // sees committed records only

await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message }) => {
    const schema = await registry.getSchema(message.value.readInt32BE(1)); // a topic carries several types
    const value = await registry.decode(message.value);
    const record = schema.name.split(".").pop();
    console.log(JSON.stringify({ key: message.key.toString(), record, value }));
  },
});
process.once("SIGINT", () => consumer.disconnect());
