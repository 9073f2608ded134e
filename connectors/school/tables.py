"""Reads the CSV files that the bus itself asks a school for: answers to requests, and free slots. Pure.

Their columns: ``docs/connectors/school.md``. A file is taken as a whole or refused with every place that is
wrong. It is known by its columns; its name is the agency's own and told nowhere.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeVar, get_args

from connectors.kit import times
from connectors.kit.requests import reason
from connectors.kit.slots import Offer, check
from connectors.school.problems import Problem, SetRefusedError
from connectors.school.records import Row, read_header, read_records
from connectors.school.settings import SchoolSettings
from schemas.errors import PoisonError
from schemas.records import Code, Institution, RequestAnswer, Time

Kind = Literal["answers", "slots"]
_SLOTS: Final = ("slotId", "service", "start", "end")
_SLOTS_MORE: Final = (
    "serviceSystem", "serviceMapped", "organisation", "department", "resource", "place", "validUntil",
)  # fmt: skip
_ANSWERS: Final = ("requestId", "answer")
_ANSWERS_MORE: Final = ("reason", "answeredAt")
_MISSING: Final = "value.missing"
_CODE: Final = re.compile(r"[A-Za-z0-9ÆØÅæøåÄÖäö][A-Za-z0-9ÆØÅæøåÄÖäö._:-]{0,63}")

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Answered:
    """A row of answers, before it is known whom it is about."""

    line: int
    request_id: str
    answer: RequestAnswer
    reason: Code | None
    at: Time


def kind_of(data: bytes, settings: SchoolSettings) -> Kind:
    """Which file it is, by its columns; SetRefusedError when it is neither."""
    columns = {name.strip().casefold() for name in read_header("file.csv", data, settings.encoding_fallback)}
    if "slotid" in columns:
        return "slots"
    if "requestid" in columns:
        return "answers"
    text = (
        "A file by itself holds answers (column requestId) or slots (column slotId); sets are zips or folders"
    )
    raise SetRefusedError(Problem("csv.missing_column", text, "file.csv", 1))


def read_answers(data: bytes, received: int, settings: SchoolSettings) -> list[Answered]:
    """All answers of a file; SetRefusedError."""
    rows = read_records(
        "answers.csv", data, required=_ANSWERS, kept=(*_ANSWERS, *_ANSWERS_MORE), needed=_ANSWERS,
        encoding_fallback=settings.encoding_fallback, blank=_MISSING,
    )  # fmt: skip

    def read(row: Row) -> Answered:
        said = next((known for known in get_args(RequestAnswer) if known == row["answer"].upper()), None)
        if said is None:
            raise PoisonError("No answer that the bus knows", reason="request.answer", where="answer")
        at = _time(row, "answeredAt", settings) if row["answeredAt"] else times.doubtful("", received)
        why = reason(_code(row, "reason")) if row["reason"] else None
        return Answered(row.line, row["requestId"], said, why, at)

    return _each("answers.csv", rows, read)


def read_slots(data: bytes, agency: str, system: str, settings: SchoolSettings) -> list[Offer]:
    """All slots of a file; SetRefusedError. ``system`` is the source's name."""
    rows = read_records(
        "slots.csv", data, required=_SLOTS, kept=(*_SLOTS, *_SLOTS_MORE), needed=_SLOTS,
        encoding_fallback=settings.encoding_fallback, blank=_MISSING,
    )  # fmt: skip

    def read(row: Row) -> Offer:
        return Offer(_institution(row, agency, system, settings), _service(row, agency), {
            "id": _code(row, "slotId"),
            "start": _time(row, "start", settings),
            "end": _time(row, "end", settings),
            "resource": _code(row, "resource") or None,
            "place": _code(row, "place") or None,
            "valid_until": _time(row, "validUntil", settings) if row["validUntil"] else None,
        })  # fmt: skip

    offers = _each("slots.csv", rows, read)
    try:
        check(offers, [str(row.line) for row in rows])
    except PoisonError as error:
        raise SetRefusedError(Problem(error.reason, str(error), "slots.csv", int(error.where))) from None
    return offers


def _each(file: str, rows: list[Row], read: Callable[[Row], Read]) -> list[Read]:
    found, problems = [], []
    for row in rows:
        try:
            found.append(read(row))
        except PoisonError as error:
            problems.append(Problem(error.reason, str(error), file, row.line, error.where))
    if problems:
        raise SetRefusedError(*problems)
    return found


def _institution(row: Row, agency: str, system: str, settings: SchoolSettings) -> Institution:
    department = _code(row, "department") or None
    number = _code(row, "organisation")
    if number:
        return {"system": settings.institution_system, "id": number, "department": department}
    return {"system": system, "id": agency, "department": department}


def _service(row: Row, agency: str) -> Code:
    return {
        "code": _code(row, "service"),
        "system": _code(row, "serviceSystem") or f"urn:samband:service:{agency}",
        "mapped": _code(row, "serviceMapped") or "UNKNOWN",
    }


def _code(row: Row, column: str) -> str:
    """A code that may be blank. Longer or freer text could be personal, and is refused."""
    if row[column] and not _CODE.fullmatch(row[column]):
        text = "A code is expected here: letters, digits, . _ : -"
        raise PoisonError(text, reason="value.wrong_type", where=column)
    return row[column]


def _time(row: Row, column: str, settings: SchoolSettings) -> Time:
    found = times.iso(row[column], settings.zone_info)
    if found is None:
        raise PoisonError("Not a time, or there is no such time", reason="time.unreadable", where=column)
    return found
