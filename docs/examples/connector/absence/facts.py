"""From a report to facts: what it says, about whom, and when. Nothing personal but in ``details``."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from absence.parse import Report
from absence.settings import AbsenceSettings
from connectors.kit import times
from connectors.kit.identifiers import normalise
from connectors.kit.outcomes import Fact, Ignore
from connectors.kit.pseudonyms import Pseudonyms
from schemas.errors import PoisonError
from schemas.records import Time

ORGNR = "urn:oid:2.16.578.1.12.4.1.4.101"
REASONS = {"S": "SICK", "E": "EXCUSED", "U": "UNEXCUSED"}


@dataclass(frozen=True)
class Context:
    """What the mapping needs to know beside the report."""

    agency: str
    settings: AbsenceSettings
    pseudonyms: Pseudonyms


def facts_of(report: Report, received: int, context: Context) -> tuple[Fact, ...] | Ignore:
    """The facts in ``report``, which was received at ``received`` (microseconds since the epoch).

    Raises:
        PoisonError: the pupil or the first day cannot be read.
    """
    if report.about != "pupil":
        return Ignore("not_carried")
    year = datetime.fromtimestamp(received / 1_000_000, UTC).year
    number = normalise("NO", report.national_id, year=year)  # PoisonError for what cannot be one
    # A number that two people may carry is good within the agency only.
    system = number.system if number.national else f"{number.system}:{context.agency}"
    remarks = [*number.warnings]
    if report.reason not in REASONS:  # it may be free text, so that not even the code is passed on
        remarks.append("code.unknown")
    fact = Fact(
        record="AbsenceReported",
        identifiers=(context.pseudonyms.identifier(system, number.value, national=number.national),),
        occurred=_day(report.first_day, "/firstDay", context),
        recorded=times.doubtful("", received),  # the report does not say when it was written
        body={
            # Ids are often made of a person's number: a pseudonym is as good for telling reports apart.
            "absence": context.pseudonyms.of(f"urn:samband:absence:{context.agency}", report.id),
            "school": {
                "system": "urn:oid:2.16.578.1.12.4.1.4.101",
                "id": context.settings.school,
                "department": None,
            },
            "start": _day(report.first_day, "/firstDay", context),
            "end": _day(report.back, "/back", context) if report.back is not None else None,
            "reason": {
                "code": report.reason if report.reason in REASONS else "",
                "system": "absence:reason",
                "mapped": REASONS.get(report.reason, "UNKNOWN"),
            },
            "details": {"title": None, "text": report.note} if report.note else None,
        },
        remarks=tuple(remarks),
    )
    return (fact,)


def _day(text: str, where: str, context: Context) -> Time:
    day = times.date_only(text, ZoneInfo(context.settings.zone))
    if day is None:
        raise PoisonError("this is no day", reason="time.unreadable", where=where)
    return day
