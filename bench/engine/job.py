"""What a program under measurement is told, in variables that every language can read."""

import os
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "BENCH_"


@dataclass(frozen=True, slots=True)
class Job:
    """One run of one system. Standard library alone: it is read in other environments too."""

    bootstrap_servers: str
    name: str
    """Group, application id, and part of every transactional id."""
    source: str
    """Topic that is read."""
    sink: str
    """Topic that is written."""
    state_dir: Path
    commit_ms: int = 100
    threads: int = 1
    variant: str = ""
    """What else is to be done differently; each program says which it knows."""

    def environment(self) -> dict[str, str]:
        """The variables."""
        return {f"{_PREFIX}{name.upper()}": str(getattr(self, name)) for name in Job.__dataclass_fields__}

    @staticmethod
    def from_environment() -> "Job":
        """What `environment` said."""
        said = {name: os.environ[f"{_PREFIX}{name.upper()}"] for name in Job.__dataclass_fields__}
        return Job(
            said["bootstrap_servers"],
            said["name"],
            said["source"],
            said["sink"],
            Path(said["state_dir"]),
            int(said["commit_ms"]),
            int(said["threads"]),
            said["variant"],
        )
