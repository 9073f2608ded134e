"""The work in Faust with exactly-once, run in an environment of its own (requirements-faust.txt).

State is a table in memory with a changelog topic. Faust has one transactional producer per partition.
"""

from typing import Any

import faust

from bench.engine.job import Job
from bench.engine.work import APPOINTMENT, OVERLAP, OVERLAP_FRAME, PARTITIONS, REMEMBERED, read, write


def make_app(job: Job) -> Any:
    """The application with its one agent."""
    app = faust.App(
        job.name,
        broker=f"aiokafka://{job.bootstrap_servers}",
        store="memory://",
        processing_guarantee="exactly_once",
        broker_commit_interval=job.commit_ms / 1000,
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        consumer_auto_offset_reset="earliest",
        datadir=str(job.state_dir),
        web_enabled=False,
    )
    source = app.topic(
        job.source, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )
    sink = app.topic(job.sink, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    known = app.Table("known", default=list, partitions=PARTITIONS, key_type=bytes)

    @app.agent(source)  # type: ignore[untyped-decorator]  # Faust is in another environment
    async def correlate(stream: Any) -> None:
        async for key, value in stream.items():
            new = read(APPOINTMENT, value)
            before = known[key]
            found = None
            for old in reversed(before):
                if old[0] < new["end"] and new["start"] < old[1] and old[2] != new["agency"]:
                    found = old
                    break
            slot = [new["start"], new["end"], new["agency"], new["appointment"]]
            known[key] = [*before, slot][-REMEMBERED:]
            said = {
                "event_id": new["event_id"],
                "recorded": new["recorded"],
                "agency": new["agency"],
                "appointment": new["appointment"],
                "other_agency": found[2] if found else None,
                "other_appointment": found[3] if found else None,
            }
            await sink.send(key=key, value=write(OVERLAP, OVERLAP_FRAME, said))

    return app


def main() -> None:
    """One process, until SIGTERM."""
    job = Job.from_environment()
    worker = faust.Worker(make_app(job), loglevel="WARNING", quiet=True)
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
