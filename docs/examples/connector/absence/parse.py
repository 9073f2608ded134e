"""From bytes to a report, or to a refusal that says where it is wrong and quotes nothing."""

import msgspec

from schemas.errors import PoisonError


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """A report as the absence system writes it."""

    id: str
    about: str
    """``pupil`` or ``staff``."""
    national_id: str
    first_day: str
    back: str | None = None
    """The first day after the absence."""
    reason: str = ""
    note: str | None = None


def parse(payload: bytes) -> Report:
    """The report in ``payload``; PoisonError if there is none."""
    try:
        return msgspec.json.decode(payload, type=Report)
    except msgspec.ValidationError:
        raise PoisonError("a field is missing or of a wrong type", reason="value.wrong_type") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise PoisonError("this is no JSON in UTF-8", reason="json.syntax") from None
