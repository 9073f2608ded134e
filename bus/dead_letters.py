"""What becomes of a record that a stage can never handle: kept whole, with its place and the reason."""

import hashlib
import uuid
from struct import Struct

from schemas.catalogue import catalogue
from schemas.codec import Codec
from schemas.errors import PoisonError
from schemas.records import DeadLetter

NAMESPACE = uuid.UUID("5f0d3f6e-6a3c-5b0e-9c55-1f1c8a9b6f10")
_FRAME = Struct(">BI")


def dead_letter_topic(topic: str) -> str:
    """Where dead letters of the logical ``topic`` go: the catalogue's pair, else ``<topic>.dlq``."""
    known = catalogue().topics.get(topic)
    return (known.dead_letter if known else None) or f"{topic}.dlq"


class DeadLetters:
    """Makes the dead letters of one stage."""

    def __init__(self, stage: str, codec: Codec | None = None) -> None:
        """``stage`` is named in each of them."""
        self._stage = stage
        self._codec = codec or Codec()

    def encode(
        self,
        topic: str,
        position: tuple[int, int, int],
        key: bytes | None,
        value: bytes | None,
        error: PoisonError,
    ) -> bytes:
        """The dead letter, framed.

        ``topic`` is the physical name; ``position`` is partition, offset and timestamp (milliseconds) of
        the record. The same record gives the same dead letter whenever it is made, so its time is the
        record's own.
        """
        partition, offset, timestamp = position
        payload = value or b""
        letter: DeadLetter = {
            "dead_letter_id": str(uuid.uuid5(NAMESPACE, f"{self._stage}/{topic}/{partition}/{offset}")),
            "origin": "STAGE",
            "component": self._stage,
            "reason": error.reason,
            "problem": str(error),
            "where": error.where,
            "error": type(error).__name__,
            "topic": topic,
            "partition": partition,
            "offset": offset,
            "schema_id": _schema_id(payload),
            "attempts": 1,
            "at": timestamp * 1000,
            "content_hash": hashlib.sha256(payload).hexdigest(),
            "payload": payload,
            "payload_key": key,
        }
        return self._codec.encode("DeadLetter", letter)


def _schema_id(payload: bytes) -> int | None:
    """The schema id in the Confluent frame; None where there is no frame."""
    if len(payload) < _FRAME.size:
        return None
    magic, schema_id = _FRAME.unpack_from(payload)
    return schema_id if magic == 0 and schema_id < 2**31 else None
