"""From bytes to what goes over the bus: parse, map, compare. Pure, and the one place that refuses."""

from dataclasses import dataclass
from typing import Final

from connectors.kit.assembly import event_id
from connectors.kit.outcomes import DeadLetter, Ignore, Publish, SourceInput, Translation
from connectors.kit.reasons import UNCHANGED
from connectors.municipality.applicant import about
from connectors.municipality.difference import Named, State, difference
from connectors.municipality.facts import CaseFact, facts_of
from connectors.municipality.parse import parse
from connectors.municipality.subject import Context, public_case_id
from schemas.errors import PoisonError

KIND: Final = "digisos"


@dataclass(frozen=True, slots=True)
class CaseDocument:
    """A document that was read, with the facts that it says hold."""

    case: str
    """Digest of the case id: names its state."""
    public_id: str
    """The case id as it goes over the bus."""
    system: str
    facts: list[CaseFact]
    payload: bytes
    received: int


@dataclass(frozen=True, slots=True)
class Step:
    """One document's input, what becomes of it, and the case's state while that is under way."""

    source: SourceInput
    translation: Translation
    state: State


def read(payload: bytes, place: str, received: int, context: Context) -> CaseDocument:
    """The document in ``payload``. ``place`` is the case id that its file name or path gives, may be empty.

    Raises:
        PoisonError: it cannot be carried; ``where`` is a JSON pointer or a position.
    """
    try:
        document = parse(payload, place)
        return CaseDocument(
            case=context.pseudonyms.digest(f"{context.case_system}\x1f{document.case_id}".encode()),
            public_id=public_case_id(document, context),
            system=context.system or document.system or KIND,
            facts=facts_of(document, received, context),
            payload=payload,
            received=received,
        )
    except PoisonError:
        raise
    except Exception as error:  # noqa: BLE001 - a fault of ours must not cost the input: it is kept for replay
        failed = f"the connector failed: {type(error).__name__}"
        raise PoisonError(failed, reason="translate.failed") from None


def step(document: CaseDocument, state: State, context: Context) -> Step:
    """What ``document`` changes about its case."""
    system = state.system or document.system
    names = Named(
        document.public_id,
        system,
        context.pseudonyms.digest,
        lambda identity, content: event_id(f"{context.agency}|{system}", identity, content, 0),
    )
    digest = context.pseudonyms.digest(document.payload)
    state, facts = about(state, document.facts)
    change = difference(state, facts, digest, document.received, names)
    source = SourceInput(
        payload=document.payload,
        received=document.received,
        kind=KIND,
        system=system,
        message_id=f"{document.public_id}#{change.state.revision}",
    )
    return Step(source, Publish(change.facts) if change.facts else Ignore(UNCHANGED), change.state)


def refusal(payload: bytes, received: int, error: PoisonError, message_id: str = "") -> Step:
    """The dead letter for a document that cannot be carried."""
    source = SourceInput(payload=payload, received=received, kind=KIND, message_id=message_id)
    letter = DeadLetter(error.reason, str(error), error.where, type(error).__name__)
    return Step(source, letter, State())


def translate(
    source: SourceInput, context: Context, place: str = "", state: State | None = None
) -> Translation:
    """What becomes of ``source`` in a given state of its case (default: never seen). Never raises."""
    try:
        document = read(source.payload, place, source.received, context)
    except PoisonError as error:
        return refusal(source.payload, source.received, error).translation
    return step(document, state or State(), context).translation
