"""How the suite of inboxes drives each kind of connector that has one: its agency's system and answers."""

import json
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path
from typing import Any

from hl7.client import MLLPClient

from bus.endpoints import find
from connectors.hospital.hl7 import Message
from connectors.hospital.testing_calendar import Asked, AskedHospital, Calendar, Habit
from connectors.hospital.write import segment
from connectors.municipality.testing import Calendar as TownCalendar
from connectors.municipality.testing import FolderSender
from connectors.school.testing import csv_bytes, rows_of

Patience = dict[str, Any]
QUICK: Patience = {"first_pause_seconds": 0.05, "longest_pause_seconds": 0.2}
DROP = {"interval_seconds": 0.05}


class Agency(ABC):
    """An agency's system that honours the request's id as idempotency key."""

    kind: str
    odd: tuple[tuple[str, str], tuple[str, str]] = (
        ("DEAD_LETTERED", "request.answer"),
        ("DEAD_LETTERED", "request.unknown"),
    )
    """What becomes of an answer that does not fit its request, and of one to no request."""

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
        self.calendar = TownCalendar("a-token-of-a-test-system")

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


class ObligingHospital(AskedHospital):
    """A hospital that says yes to everything, whatever its calendar says."""

    orders: dict[str, str]

    def take(self, payload: bytes) -> list[bytes]:
        arq = Message(payload.decode()).first("ARQ")
        if arq is not None:
            self.orders.setdefault(arq.text(24), arq.raw(1))
        return super().take(payload)

    def _carry_out(self, asked: Asked, habit: Habit) -> str:
        self.done.append(asked.control_id)
        return ""


class HospitalOverMllp(Agency):
    """A hospital that takes requests as SRM, one message for each move, and answers later by SIU."""

    kind = "hospital"
    odd = (("IGNORED", "request.pencilled"), ("DEAD_LETTERED", "subject.missing"))

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.hospital = ObligingHospital(Calendar())
        self.hospital.orders = {}
        self._said = 0

    def settings(self) -> dict[str, Any]:
        way = {"host": "127.0.0.1", "port": self.hospital.port, "answered_by": "message", **QUICK}
        return {"port": 0, "inbox": way}

    async def up(self) -> None:
        await self.hospital.__aenter__()

    async def down(self) -> None:
        await self.hospital.__aexit__(None, None, None)

    def seen(self) -> Counter[str]:
        """By the id that stands in each message; one that came again has the same control id."""
        assert len(set(self.hospital.done)) == len(self.hospital.done)
        return Counter(dict.fromkeys(self.hospital.orders, 1))

    def send_answer(self, request_id: str, said: str, reason: str = "") -> None:
        self._said += 1
        trigger, status = ("S12", "Pending") if said == "HELD" else ("S15", "Cancelled")
        placer = self.hospital.orders.get(request_id, "UNKNOWN")
        head = f"MSH|^~\\&|PAS|SYKEHUS|||20260302090000+0100||SIU^{trigger}|H{self._said}|P|2.5.1"
        fields = {1: placer, 2: f"N{self._said}", 6: reason, 11: "^^^20260303090000+0100", 25: status}
        host, _, port = (find(self.path / "data", "connector.one") or {})["mllp"].rpartition(":")
        with MLLPClient(host, int(port)) as client:
            answer = client.send_message(f"{head}\r{segment('SCH', fields)}\r".encode())
        assert b"MSA|AA|" in answer


class School(InFolder):
    """A school that takes requests from its outbox folder and answers by CSV files."""

    kind = "school"

    def settings(self) -> dict[str, Any]:
        return {"drop": {"folder": str(self.drop), **DROP}, "inbox": {"folder": str(self.out), **QUICK}}

    def seen(self) -> Counter[str]:
        pairs = self.files(".csv")
        assert all(file.with_suffix(".ics").exists() for file in pairs)
        return Counter(row["requestId"] for file in pairs for row in rows_of(file.read_bytes()))

    def send_answer(self, request_id: str, said: str, reason: str = "") -> None:
        (self.drop / "in").mkdir(parents=True, exist_ok=True)
        draft = self.drop / "in" / f"{request_id}-{said}.csv.part"
        draft.write_bytes(csv_bytes(("requestId", "answer", "reason"), [(request_id, said, reason)]))
        draft.rename(draft.with_suffix(""))


AGENCIES: dict[str, type[Agency]] = {
    "hospital over MLLP": HospitalOverMllp,
    "municipality over HTTP": TownOverHttp,
    "municipality in a folder": TownInFolder,
    "school": School,
}
