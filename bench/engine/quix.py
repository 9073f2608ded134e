"""The work in Quix Streams with exactly-once, run in an environment of its own (requirements-quix.txt).

State is a list a citizen in Quix's RocksDB store with its changelog topic, in msgpack instead of its default
JSON, which is slower. Its transactions cover answers, changelog and offsets, one for all partitions.
"""

import logging

import msgspec
from quixstreams import Application, State
from quixstreams.state.rocksdb import RocksDBOptions

from bench.engine.job import Job
from bench.engine.work import APPOINTMENT, OVERLAP, OVERLAP_FRAME, REMEMBERED, read, write


def answer(value: bytes, state: State) -> bytes:
    """The answer to an appointment, which is then remembered."""
    new = read(APPOINTMENT, value)
    known: list[list[object]] = state.get("known") or []
    start, end, agency = new["start"], new["end"], new["agency"]
    found = None
    for old in reversed(known):
        if old[0] < end and start < old[1] and old[2] != agency:
            found = old
            break
    known.append([start, end, agency, new["appointment"]])
    state.set("known", known[-REMEMBERED:])
    return write(
        OVERLAP,
        OVERLAP_FRAME,
        {
            "event_id": new["event_id"],
            "recorded": new["recorded"],
            "agency": agency,
            "appointment": new["appointment"],
            "other_agency": found[2] if found else None,
            "other_appointment": found[3] if found else None,
        },
    )


def main() -> None:
    """One process, until SIGTERM."""
    job = Job.from_environment()
    app = Application(
        broker_address=job.bootstrap_servers,
        consumer_group=job.name,
        processing_guarantee="exactly-once",
        commit_interval=job.commit_ms / 1000,
        auto_offset_reset="earliest",
        state_dir=job.state_dir,
        auto_create_topics=True,  # the changelog
        rocksdb_options=RocksDBOptions(dumps=msgspec.msgpack.encode, loads=msgspec.msgpack.decode),
        producer_extra_config={"linger.ms": 5},
        loglevel=logging.WARNING,
    )
    source = app.topic(job.source, value_deserializer="bytes", key_deserializer="bytes")
    sink = app.topic(job.sink, value_serializer="bytes", key_serializer="bytes")
    frame = app.dataframe(source).apply(answer, stateful=True)
    frame.to_topic(sink)
    app.run()


if __name__ == "__main__":
    main()
