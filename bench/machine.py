"""The shape of the machine that was measured on: enough to judge a figure, nothing that names it."""

import platform
from dataclasses import dataclass

import psutil

_GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Machine:
    """What a figure depends on."""

    cores: int
    """Logical processors that this process may use."""
    memory_gib: int
    python: str
    system: str

    def __str__(self) -> str:
        """In one line."""
        return f"{self.cores} cores, {self.memory_gib} GiB memory, {self.python}, {self.system}"


def machine() -> Machine:
    """This machine."""
    return Machine(
        cores=len(psutil.Process().cpu_affinity())
        if hasattr(psutil.Process, "cpu_affinity")
        else psutil.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / _GIB),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        system=f"{platform.system()} {platform.machine()}",
    )
