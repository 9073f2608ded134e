"""One message to what becomes of it. Pure; the one place where a refusal becomes a dead letter."""

from typing import Final

from connectors.hospital.ack import Rejection
from connectors.hospital.facts import facts
from connectors.hospital.header import Header
from connectors.hospital.parse import Reading, parse
from connectors.kit.outcomes import DeadLetter, SourceInput, Translation
from schemas.errors import PoisonError

TOO_LARGE: Final = "input.too_large"
_REJECTED: Final = {
    "hl7.no_msh": "100",
    "hl7.delimiters": "102",
    "hl7.several_messages": "100",
    "hl7.charset_unknown": "103",
    "hl7.charset_lies": "102",
    "hl7.version": "203",
    "hl7.processing_id": "202",
    TOO_LARGE: "207",
}
"""Reasons for which the sender gets AR or CR, with their codes in table HL70357."""


def describe(payload: bytes, received: int, reading: Reading, header: Header | None) -> SourceInput:
    """What is known of a message before it is read, as far as it may leave the connector.

    ``message_id`` and ``system`` are digests where the sender put something in them that looks like an
    identifier of a person. ``kind`` is empty for types that the standard does not have.
    """
    if header is None:
        return SourceInput(payload=payload, received=received)
    identities = reading.identities
    system = "|".join(header.raw(field).decode("latin-1") for field in (3, 4))
    return SourceInput(
        payload=payload,
        received=received,
        kind=header.kind,
        system=identities.token(system),
        message_id=identities.message_id(header.raw(10).decode("latin-1").strip()),
    )


def translate(source: SourceInput, reading: Reading, header: Header | None = None) -> Translation:
    """The facts of a message, why it is ignored, or why it goes to the dead letters.

    ``header`` is that of ``source.payload``, when it was read before.
    """
    try:
        return facts(parse(source.payload, source.received, reading, header))
    except PoisonError as error:
        return DeadLetter(error.reason, str(error), error.where, type(error).__name__)
    except Exception as error:  # noqa: BLE001 - a fault of ours must neither lose the input nor stop the queue
        return DeadLetter(
            "translate.failed", "the connector failed on this message", error=type(error).__name__
        )


def too_large(limit: int) -> DeadLetter:
    """What becomes of a message above the limit, of which only the head is kept."""
    return DeadLetter(TOO_LARGE, f"the message is larger than {limit} bytes; its head is kept", "MSH")


def rejection(translation: Translation) -> Rejection | None:
    """What the sender is told when its message is rejected; None when it is accepted.

    A message that parses and cannot be mapped is accepted: its sender can do nothing about it, and many
    block their queue on a rejection.
    """
    if not isinstance(translation, DeadLetter) or translation.reason not in _REJECTED:
        return None
    return Rejection(_REJECTED[translation.reason], translation.problem, translation.where)
