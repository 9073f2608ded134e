"""The exactly-once engine: runs a pure stage over co-partitioned topics, a batch of records as one transaction."""

from bus.engine.stage import Output, Stage

__all__ = ["Output", "Stage"]
