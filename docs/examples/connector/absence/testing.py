"""An absence system: writes reports as a real one would. For tests and demonstrations."""

import json
from pathlib import Path
from typing import Any


def report(**fields: Any) -> bytes:
    """A complete report; ``fields`` replace some of it."""
    whole = {"id": "R-1", "about": "pupil", "nationalId": "", "firstDay": "2026-03-03", "reason": "S"}
    return json.dumps(whole | fields).encode()


def drop(folder: Path, name: str, payload: bytes) -> None:
    """Let a report appear in a connector's drop folder, complete at once."""
    inbox = folder / "in"
    inbox.mkdir(parents=True, exist_ok=True)
    draft = inbox / f".{name}"
    draft.write_bytes(payload)
    draft.rename(inbox / name)
