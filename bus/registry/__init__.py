"""The contract over HTTP: a read-only Confluent registry API, and clients of an external registry."""
