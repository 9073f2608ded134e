"""The exactly-once engine: a pure stage over co-partitioned topics, a batch of records as one transaction.

stage.py         what a stage is
runner.py        some stages in one process
engine.py        a member of the group; one task per partition
assignor.py      who gets which partition
task.py          a partition's work: take over, transact, begin again after doubt
fetching.py      how the client asks for records
inputs.py        a partition's records and where the work stands in them
order.py         in which order they were taken, noted for a replay
pace.py          how much at once, and when to commit
processor.py     the hot path: decode, step, write
aside.py         what is not on it: parked keys, operators' decisions, time
parking.py       who waits, and what a decision does; pure
breaker.py       when a failure is no single key's any more
journal.py       puts a state back that a failed step broke
ticks.py         which minutes are to be told
notes.py         small entries of the engine's own beside the states
outbox.py        what is written besides a stage's outputs
transaction.py   the transactional producer of a partition
store.py         local state: hot decoded values over what is on disk
disk.py          committed states in RocksDB, with their checkpoint
value.py         how a state stands in the changelog and on disk
changelog.py     brings the local state up to date
log_reader.py    reads a changelog's records fast
progress.py      how far a restore is
standby.py       copies of the state of other members' partitions
names.py         what topics, groups and files are called
watch.py         metrics and log lines
"""

from bus.engine.engine import Engine
from bus.engine.runner import StageRunner
from bus.engine.stage import Output, Stage

__all__ = ["Engine", "Output", "Stage", "StageRunner"]
