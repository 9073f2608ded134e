"""Tells where each running process can be reached: one small file per component in the data folder.

Ports are chosen when a process starts, so somebody has to write them down. A file of a process that
is gone is stale and is not read.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def announced(data_dir: Path, component: str, endpoints: Mapping[str, str]) -> Iterator[None]:
    """Writes ``<data_dir>/run/<component>.json`` for as long as the block runs.

    ``endpoints`` maps a kind (``admin``, ``mllp``, ``http``, ``folder``) to an address or a path.
    """
    path = data_dir / "run" / f"{component}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.part")
    draft.write_text(json.dumps({"pid": os.getpid(), "endpoints": dict(endpoints)}), encoding="utf-8")
    draft.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def find(data_dir: Path, component: str) -> dict[str, str] | None:
    """The endpoints of a running component; None while there is none."""
    try:
        found = json.loads((data_dir / "run" / f"{component}.json").read_text(encoding="utf-8"))
        with suppress(PermissionError):  # it runs, as somebody else
            os.kill(found["pid"], 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    endpoints: dict[str, str] = found["endpoints"]
    return endpoints
