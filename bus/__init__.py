"""The bus: everything that knows Kafka."""
