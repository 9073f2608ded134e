"""How the suite of inboxes drives each kind of connector that has one: its agency's system and answers."""

import json
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path
from typing import Any

from connectors.municipality.testing import Calendar, FolderSender

Patience = dict[str, Any]
QUICK: Patience = {"first_pause_seconds": 0.05, "longest_pause_seconds": 0.2}
DROP = {"interval_seconds": 0.05}


class Agency(ABC):
    """An agency's system that honours the request's id as idempotency key."""

    kind: str

    def __init__(self, path: Path) -> None:
        """``path`` is a folder of its own."""
        self.path = path
        self.drop = path / "drop"

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What stands in the connector's section beside what all connectors have."""

    @abstractmethod
    async def up(self) -> None:
        """Take requests from now on."""

    @abstractmethod
    async def down(self) -> None:
        """Be away from now on."""

    @abstractmethod
    def seen(self) -> Counter[str]:
        """Request ids, counted as the system sees them: a request that came again is the same."""

    @abstractmethod
    def send_answer(self, request_id: str, said: str, reason: str = "") -> None:
        """Answer a request in the way that answers of this kind come."""


class TownOverHttp(Agency):
    """A municipality that takes requests over HTTP and answers by files."""

    kind = "municipality"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.calendar = Calendar("a-token-of-a-test-system")

    def settings(self) -> dict[str, Any]:
        return {
            "institution": "GRANVIK",
            "drop": {"folder": str(self.drop), **DROP},
            "inbox": {"url": self.calendar.url, "token": "a-token-of-a-test-system", **QUICK},
        }

    async def up(self) -> None:
        await self.calendar.__aenter__()

    async def down(self) -> None:
        await self.calendar.__aexit__()

    def seen(self) -> Counter[str]:
        return Counter(self.calendar.taken.keys())

    def send_answer(self, request_id: str, said: str, reason: str = "") -> None:
        document = self.calendar.answer(request_id, said, reason or None)
        FolderSender(self.drop).send(f"{request_id}-{said}", json.dumps(document).encode())


class InFolder(Agency):
    """An agency that takes files from a folder; while it is away, the folder's share is not mounted."""

    @property
    def out(self) -> Path:
        return self.path / "out"

    async def up(self) -> None:
        if self.out.is_file():
            self.out.unlink()
            (self.path / "away").rename(self.out)
        self.out.mkdir(exist_ok=True)

    async def down(self) -> None:
        self.out.rename(self.path / "away")
        self.out.write_text("a file in the place of the folder")

    def files(self, ending: str) -> list[Path]:
        return [file for place in (self.out, self.path / "away") for file in place.glob(f"[!.]*{ending}")]


class TownInFolder(InFolder):
    """A municipality that takes requests from a folder and answers by files."""

    kind = "municipality"

    def settings(self) -> dict[str, Any]:
        return {
            "institution": "GRANVIK",
            "drop": {"folder": str(self.drop), **DROP},
            "inbox": {"folder": str(self.out), **QUICK},
        }

    def seen(self) -> Counter[str]:
        return Counter(json.loads(file.read_bytes())["requestId"] for file in self.files(".json"))

    def send_answer(self, request_id: str, said: str, reason: str = "") -> None:
        document = {"samband": "answer", "requestId": request_id, "answer": said, "reason": reason or None}
        FolderSender(self.drop).send(f"{request_id}-{said}", json.dumps(document).encode())


AGENCIES: dict[str, type[Agency]] = {
    "municipality over HTTP": TownOverHttp,
    "municipality in a folder": TownInFolder,
}
