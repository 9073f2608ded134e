"""An inbox on a real Kafka: requests are written as the router does, outcomes and answers are read back."""

import uuid
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from bus.producer import Producer
from bus.reader import read_to_end
from bus.settings import Settings, load_settings
from bus.topics import apply, wanted
from connectors.kit import times
from schemas.catalogue import catalogue
from schemas.codec import Codec
from schemas.records import AgencyRequest, RequestAction

AGENCY = "agency.testing"
CITIZEN = "1.-QJCCUIZYmZq89NNkhbSOQ"
KEY = "0123456789abcdefghijklmnopqrstuvwxyz"
TOPICS = ("inbox", "inputs", "inputs.dlq", "appointment", "slot")
HOUR = 3_600_000_000


def overrides(broker: str, prefix: str, data: Path) -> dict[str, Any]:
    return {
        "bootstrap_servers": broker,
        "data_dir": str(data),
        "kafka": {"topic_prefix": prefix, "delivery_timeout_seconds": 5},
        "pseudonym": {"key": KEY},
        "router": {"inboxes": [AGENCY]},
    }


def settings_for(broker: str, prefix: str, data: Path) -> Settings:
    return load_settings(**overrides(broker, prefix, data))


def common(kind: str) -> dict[str, Any]:
    return {"kind": kind, "agency": AGENCY, "legal_basis": "basis", "purpose": "purpose"}


async def make_topics(settings: Settings) -> None:
    await apply(settings, wanted(settings, [catalogue().topics[name] for name in TOPICS]))


def request(
    action: RequestAction = "HOLD", *, proposal: str = "", sequence: int = 1, deadline: int = 0, **more: Any
) -> AgencyRequest:
    """A request of its own, about one appointment, due in an hour unless said otherwise."""
    proposal = proposal or str(uuid.uuid4())
    start = 1_773_230_400_000_000
    value: dict[str, Any] = {
        "citizen": CITIZEN,
        "agency": AGENCY,
        "request_id": str(uuid.uuid5(uuid.UUID(proposal), action)),
        "proposal_id": proposal,
        "sequence": sequence,
        "action": action,
        "moves": [
            {
                "appointment": {"system": "sys", "id": "A-1"},
                "institution": {"system": "urn:x", "id": "974631768", "department": "HAB"},
                "old_start": times.exact(start - 24 * HOUR),
                "slot": "S-1",
                "start": times.exact(start),
                "end": times.exact(start + HOUR),
                "resource": "THERAPIST-7",
                "place": "B2",
            }
        ],
        "deadline": times.exact(deadline or times.now() + HOUR),
        "sensitivity": "SENSITIVE",
        "protection": "NONE",
    }
    return cast("AgencyRequest", {**value, **more})


async def ask(settings: Settings, *requests: Mapping[str, Any] | bytes) -> None:
    """Write requests (or bytes that are none) to the agency's inbox, in order."""
    codec = Codec()
    async with Producer(settings, "test-router") as producer:
        for each in requests:
            value = each if isinstance(each, bytes) else codec.encode("AgencyRequest", each)
            await (await producer.send(f"inbox.{AGENCY}", key=CITIZEN.encode(), value=value))


async def read(settings: Settings, *topics: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Key, record and value of all that lies in the topics."""
    codec = Codec()
    return [
        ((record.key or b"").decode(), (found := codec.decode(record.value or b"")).record, found.value)
        async for record in read_to_end(settings, *topics)
    ]


async def outcomes(settings: Settings) -> list[tuple[str, str, str]]:
    """Request (or what stands for it), outcome and reason, sorted."""
    found = [value for _, _, value in await read(settings, "inputs")]
    return sorted((each["message_id"], each["outcome"], each["reason"]) for each in found)


async def ended(settings: Settings) -> Counter[tuple[str, str]]:
    """How many ended with which outcome and reason."""
    return Counter((outcome, reason) for _, outcome, reason in await outcomes(settings))


async def answers(settings: Settings) -> list[tuple[str, str, str | None]]:
    """Request, answer and the mapped reason, sorted."""
    found = [value for _, record, value in await read(settings, "appointment") if record == "RequestAnswered"]
    return sorted(
        (each["request_id"], each["answer"], each["reason"] and each["reason"]["mapped"]) for each in found
    )
