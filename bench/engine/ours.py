"""The work in Samband's engine, as a process.

It commits each 100 ms or earlier, as the other systems do. Variants: ``whole`` reads all fields of a record;
``history`` begins each citizen with a full one (growth.py); ``steady`` never commits earlier; ``own`` is as
the engine runs by itself: later than that while it is busy.
"""

import asyncio
import sys

from bench.engine.job import Job
from bench.engine.stage import UNREAD, HistoryStage, OverlapStage
from bus import process
from bus.engine.pace import Load
from bus.engine.runner import StageRunner
from bus.logs import configure
from bus.settings import load_settings

_AGES = 1e9


def _commit_by_the_interval_alone() -> None:
    """Not earlier, where that is cheap: the engine has no setting for it."""

    def patience(self: Load) -> float:  # noqa: ARG001 - a method of Load
        return _AGES

    Load.patience = patience  # type: ignore[method-assign]  # there is no setting for it


def pace(job: Job) -> dict[str, int]:
    """When it commits, as settings of the engine."""
    longest = {} if job.variant == "own" else {"max_commit_interval_ms": job.commit_ms}
    return {"commit_interval_ms": job.commit_ms, **longest}


def main() -> int:
    """One member of the group, until SIGTERM."""
    job = Job.from_environment()
    settings = load_settings(
        bootstrap_servers=job.bootstrap_servers, data_dir=job.state_dir, engine=pace(job)
    )
    configure(settings.log)
    process.search_garbage_rarely()
    if job.variant == "steady":
        _commit_by_the_interval_alone()
    kind = HistoryStage if job.variant == "history" else OverlapStage
    stage = kind(job.name, job.source, job.sink, () if job.variant == "whole" else UNREAD)

    async def run(stop: asyncio.Event) -> None:
        await StageRunner([stage], settings).run(stop)

    return process.run("bench", run)


if __name__ == "__main__":
    sys.exit(main())
