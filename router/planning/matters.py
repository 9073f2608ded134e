"""What matters to the citizen: what is kept of a statement, and what a time costs that goes against it.

The statement that was recorded last counts, and what was wished in an answer to a proposal after it besides.
MUST: never against it; an appointment that is against it already counts as a clash. IMPORTANT comes before
a day, a WISH after travel (`Score`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from router.appointments import local
from router.corrections import standing_facts
from router.order import source_order
from router.planning.outlook import Matter
from router.planning.problem import Weights
from router.refusals import Reason
from router.rules import Place
from router.state import KIND_NUMBER, Citizen

KINDS = ("NOT_ON", "NOT_BEFORE", "NOT_AFTER", "ONE_DAY", "SAME_RESOURCE")
WEIGHTS = ("MUST", "IMPORTANT", "WISH")
_NOT_ON, _NOT_BEFORE, _NOT_AFTER, _ONE_DAY, _SAME_RESOURCE = range(5)
_MUST, _IMPORTANT, _WISH = range(3)
_MOST = 20
_ALL_DAYS = 0b111_1111
_DAY = 1440
_FORBIDDEN = 1 << 8
"""Clashes for what must not be: more than a plan can have otherwise."""
_STATED, _ANSWERED = KIND_NUMBER["MattersStated"], KIND_NUMBER["ProposalAnswered"]


class Statement(NamedTuple):
    """All that counts now."""

    matters: tuple[Matter, ...] = ()

    @property
    def one_day(self) -> Weights:
        """What each further day costs."""
        return self._weights(_ONE_DAY)

    @property
    def same_resource(self) -> Weights:
        """What it costs when a service is not always with the same one."""
        return self._weights(_SAME_RESOURCE)

    def _weights(self, kind: int) -> Weights:
        said = [matter.weight for matter in self.matters if matter.kind == kind]
        return Weights(_FORBIDDEN if _MUST in said else 0, said.count(_IMPORTANT), said.count(_WISH))

    def against(self, start: int, end: int, place: Place) -> Weights:
        """How many of each weight a time goes against."""
        found = [0, 0, 0]
        for matter in self.matters:
            if matter.kind <= _NOT_AFTER and _against(matter, start, end, place):
                found[matter.weight] += 1
        return Weights(*found)


def kept(matters: Iterable[Mapping[str, Any]]) -> tuple[list[Matter], list[Reason]]:
    """What is to be remembered of a statement, and why some or all of it is refused."""
    found: list[Matter] = []
    reasons: list[Reason] = []
    for said in matters:
        reason = _wrong(said)
        if reason:
            reasons.append(reason)
            continue
        days = said["weekdays"]
        weekdays = sum(1 << day for day in set(days)) if days else _ALL_DAYS
        found.append(
            Matter(KINDS.index(said["kind"]), WEIGHTS.index(said["weight"]), weekdays, said["minute"] or 0)
        )
    if len(found) > _MOST:
        return [], [*reasons, "matters.too_many"]
    if _leaves_nothing(found):
        return [], [*reasons, "matters.no_time_left"]
    return found, reasons


def _wrong(said: Mapping[str, Any]) -> Reason | None:
    if said["kind"] not in KINDS:
        return "matters.unknown_kind"
    if any(not 0 <= day <= 6 for day in said["weekdays"]):  # noqa: PLR2004 - Monday to Sunday
        return "matters.no_such_weekday"
    if said["kind"] == "NOT_ON" and not said["weekdays"]:
        return "matters.no_weekday"
    minute = said["minute"]
    if said["kind"] in {"NOT_BEFORE", "NOT_AFTER"} and (minute is None or not 0 <= minute <= _DAY):
        return "matters.no_such_minute"
    return None


def _leaves_nothing(matters: Sequence[Matter]) -> bool:
    """Whether what must be leaves no minute of the week."""
    must = [matter for matter in matters if matter.weight == _MUST]
    for day in range(7):
        said = [matter for matter in must if matter.weekdays >> day & 1]
        begin = max((matter.minute for matter in said if matter.kind == _NOT_BEFORE), default=0)
        end = min((matter.minute for matter in said if matter.kind == _NOT_AFTER), default=_DAY)
        if begin < end and all(matter.kind != _NOT_ON for matter in said):
            return False
    return True


def statement(citizen: Citizen) -> Statement:
    """What counts now, of all that stands."""
    records = citizen.records
    if records.outlook is None or not records.outlook.matters:
        return Statement()
    matters = records.outlook.matters
    said = [
        fact
        for ref in records.others
        if ref[0] in "WQ"
        for fact in standing_facts(records, ref)
        if fact.id in matters
    ]
    stated = max((fact for fact in said if fact.kind == _STATED), key=source_order, default=None)
    wished = max((fact for fact in said if fact.kind == _ANSWERED), key=source_order, default=None)
    found: list[Matter] = []
    if stated is not None:
        found += matters[stated.id]
    if wished is not None and (stated is None or source_order(wished) > source_order(stated)):
        found += matters[wished.id]
    return Statement(tuple(found))


def _against(matter: Matter, start: int, end: int, place: Place) -> bool:
    begins = local(start, place.zone)
    if not matter.weekdays >> begins.weekday() & 1:
        return False
    if matter.kind == _NOT_ON:
        return True
    if matter.kind == _NOT_BEFORE:
        return begins.hour * 60 + begins.minute < matter.minute
    ends = local(end, place.zone)
    minute = ends.hour * 60 + ends.minute + (ends.second > 0) + _DAY * (ends.date() != begins.date())
    return minute > matter.minute
