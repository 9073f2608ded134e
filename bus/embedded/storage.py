"""Whether the disk can hold the broker's data, and what is said when it cannot."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bus.embedded.errors import BrokerError

MIN_FREE_BYTES = 256 * 1024 * 1024
"""Less than this would fill up within the first minutes, and Kafka stops hard when a disk is full."""


def check_space(folder: Path, needed: int = MIN_FREE_BYTES) -> None:
    """Raise BrokerError if less than ``needed`` bytes are free where ``folder`` lies."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BrokerError(
            f"the disk is full: {free >> 20} MB are free at {folder}, and the broker needs {needed >> 20}",
            fix="free some space, or set SAMBAND_DATA_DIR to a folder on another disk",
        )


@contextlib.contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Turn what the operating system says about ``folder`` into a BrokerError with the fix."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        problem = "the disk is full" if full else os.strerror(error.errno or 0).lower()
        raise BrokerError(
            f"the data folder {folder} cannot be used: {problem}",
            fix="free some space, make it writable, or set SAMBAND_DATA_DIR to another folder",
        ) from error
