"""A real Apache Kafka of one node as a child process, from jars: for the demo, the tests and small sites."""
