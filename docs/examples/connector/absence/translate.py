"""From an input to what becomes of it. Pure, and the one place where a refusal becomes a dead letter."""

from absence.facts import Context, facts_of
from absence.parse import parse
from connectors.kit.outcomes import DeadLetter, Ignore, Publish, SourceInput, Translation
from schemas.errors import PoisonError


def translate(source: SourceInput, context: Context) -> Translation:
    """Publish, Ignore or DeadLetter: there is no fourth way out."""
    try:
        made = facts_of(parse(source.payload), source.received, context)
    except PoisonError as problem:
        return DeadLetter(problem.reason, str(problem), problem.where)
    except Exception as error:  # noqa: BLE001 - a fault of ours must not cost the input: it is kept for replay
        return DeadLetter("translate.failed", "the connector failed", error=type(error).__name__)
    return made if isinstance(made, Ignore) else Publish(made)
