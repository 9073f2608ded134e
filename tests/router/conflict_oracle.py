"""What collides, worked out from the facts alone by looking at all pairs: written apart from the router.

It shares no code with ``router/``: its own folds, its own map, its own calendar of closed days, its own
geometry. It is slow and knows only the institutions of ``register.yaml`` and the rules of ``rules.yaml``.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

Value = dict[str, Any]
MINUTE = 60_000_000

WHERE = {
    "hospital": (61.115, 10.466), "clinic": (60.795, 11.068), "school": (61.116, 10.467),
    "physio": (61.1186, 10.4660), "island": (61.10, 10.45), "finland": (60.17, 24.94),
}  # fmt: skip
ZONES = {"sweden": "Europe/Stockholm", "finland": "Europe/Helsinki"}
KEEPS = {"clinic": "NO", "school": "NO", "physio": "NO", "dentist": "NO", "island": "NO", "sweden": "SE"}
HOLIDAYS = {
    "NO": {date(2026, 4, 2), date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 1)},
    "SE": {date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 1)},
}
"""Of the days that the tests use, from the countries' own calendars."""
SCHOOL_ENDS = {0: (14, 0), 1: (14, 0), 2: (14, 0), 3: (14, 0), 4: (13, 0)}
SCHOOL_FREE = {date(2026, 3, 20), *(date(2026, 3, 30) + timedelta(days=n) for n in range(8))}


class Seen(NamedTuple):
    ref: str
    where: str
    start: int
    end: int
    timed: bool
    confidence: str
    attends: bool = True
    service: str = ""


class Found(NamedTuple):
    kind: str
    parties: frozenset[str]
    severity: str
    reason: str
    numbers: frozenset[tuple[str, int]]
    confidence: str


def conflicts(facts: Iterable[tuple[str, Value]]) -> set[Found]:
    """Every finding that has to stand after these facts (record type and value), in any order."""
    stand = _standing(list(facts))
    visits = [*_appointments(stand), *_meetings(stand)]
    stays = _stays(stand)
    found: set[Found] = set()
    for one, other in combinations(sorted(visits, key=lambda seen: (seen.start, seen.ref)), 2):
        if one.timed and other.timed:
            found |= _pair(one, other)
    found |= {
        _found("OVERLAP", (visit.ref, ref), "CRITICAL", minutes_overlap=_shared(visit, stay),
               confidence=_least(visit.confidence, stay.confidence))
        for visit in visits for ref, stay, leaves in stays
        if visit.timed and visit.where != stay.where and _shared(visit, stay)
        and not any(begin <= visit.start and visit.end <= end for begin, end in leaves)
    }  # fmt: skip
    found |= _school(stand, visits)
    found |= {_closed(visit, why) for visit in visits if (why := _why_closed(visit))}
    return found | _burdens(visits) | _busy(visits)


def _standing(facts: list[tuple[str, Value]]) -> list[tuple[str, Value]]:
    """Each fact once, in the source's order, without what is corrected, or retracted by one that stands."""
    once = {value["meta"]["event_id"]: (record, value) for record, value in facts}
    corrected = {value["meta"]["supersedes"] for _, value in once.values()}
    by: dict[str, list[str]] = defaultdict(list)
    for name, (_, value) in once.items():
        if value["meta"]["retracts"] is not None:
            by[value["meta"]["retracts"]].append(name)

    def withdrawn(name: str) -> bool:
        return name in corrected or any(not withdrawn(other) for other in by[name])

    def order(item: tuple[str, Value]) -> tuple[Any, ...]:
        meta = item[1]["meta"]
        return meta["recorded"]["instant"], meta["occurred"]["instant"], meta["event_id"]

    return sorted((item for name, item in once.items() if not withdrawn(name)), key=order)


def _appointments(stand: list[tuple[str, Value]]) -> list[Seen]:
    last = {f"HIS|{value['appointment']['id']}": (record, value)
            for record, value in stand if record.startswith("Appointment")}  # fmt: skip
    seen = []
    for ref, (record, value) in last.items():
        if record not in {"AppointmentCancelled", "AppointmentMissed"} and (
            value["status"]["mapped"] not in {"CANCELLED", "MISSED", "ENTERED_IN_ERROR"}
        ):
            service = value["service"]["code"] if value["service"] else ""
            seen.append(_seen(ref, value, 30)._replace(service=service))
    return seen


def _meetings(stand: list[tuple[str, Value]]) -> list[Seen]:
    last = {f"CASES|{value['meeting']}": value for record, value in stand if record == "MeetingInvited"}
    kinds = {ref: {party["kind"] for party in value["invited"]} for ref, value in last.items()}
    return [
        _seen(ref, value, 60)._replace(attends="CITIZEN" in kinds[ref])
        for ref, value in last.items() if kinds[ref] & {"CITIZEN", "GUARDIAN"}
    ]  # fmt: skip


def _seen(ref: str, value: Value, minutes: int, where: str = "institution") -> Seen:
    start, end, confidence = value["start"]["instant"], value.get("end"), value["start"]["confidence"]
    timed = confidence != "DATE_ONLY"
    given = end is not None and end["instant"] > start
    if not given and timed:
        confidence = "DOUBTFUL"
    until = end["instant"] if end is not None and given else start + minutes * MINUTE
    return Seen(ref, value[where]["id"], start, until, timed, confidence)


def _stays(stand: list[tuple[str, Value]]) -> list[tuple[str, Seen, list[tuple[int, int]]]]:
    """Inpatient stays with their leaves."""
    of: dict[str, list[tuple[str, Value]]] = defaultdict(list)
    for record, value in stand:
        if record.startswith("Stay"):
            of[value["stay"]["id"]].append((record, value))
    found = []
    for name, steps in of.items():
        begun, ended = _begun_and_ended(steps)
        if begun is None or begun["kind"]["mapped"] != "INPATIENT":
            continue
        stay = _seen(f"HIS|{name}", {**begun, "end": ended["end"] if ended else None}, 24 * 60)
        if ended is None or ended["end"]["instant"] > stay.start:
            found.append((stay.ref, stay, _leaves(steps)))
    return found


def _begun_and_ended(steps: list[tuple[str, Value]]) -> tuple[Value | None, Value | None]:
    """In the source's order, so a correction finds what was said before it."""
    said: dict[str, Value | None] = {"StayStarted": None, "StayEnded": None}
    for record, value in steps:
        if record in said:
            said[record] = value
        elif record == "StayCorrected":
            said["StayStarted" if value["correction"] == "ADMISSION_CANCELLED" else "StayEnded"] = None
    return said["StayStarted"], said["StayEnded"]


def _leaves(steps: list[tuple[str, Value]]) -> list[tuple[int, int]]:
    out = sorted(v["at"]["instant"] for r, v in steps if r == "StayOnLeave" and v["phase"] == "STARTED")
    back = sorted(v["at"]["instant"] for r, v in steps if r == "StayOnLeave" and v["phase"] == "ENDED")
    return [
        (begin, min(at for at in (*back, *out) if at > begin))
        for begin in out if any(at > begin for at in (*back, *out))
    ]  # fmt: skip


def _pair(one: Seen, other: Seen) -> set[Found]:
    sure, elsewhere = _least(one.confidence, other.confidence), one.where != other.where
    both = (one.ref, other.ref)
    if _shared(one, other):
        severity = "CRITICAL" if elsewhere else "WARNING"
        return {_found("OVERLAP", both, severity, minutes_overlap=_shared(one, other), confidence=sure)}
    if not elsewhere:
        return set()
    found = set()
    gap = (other.start - one.end) / MINUTE
    between = math.floor(gap)
    needed, how = _journey(one.where, other.where)
    if gap < needed:
        guess = how == "unknown"
        found.add(_found("TRAVEL_GAP", both, "INFO" if guess else "WARNING", f".{how}",
                         minutes_between=between, minutes_needed=needed,
                         confidence="DOUBTFUL" if guess else sure))  # fmt: skip
    if other.service == "GASTROSCOPY" and gap < 360:
        found.add(_found("PREPARATION", both, "INFO", minutes_between=between, minutes_needed=360,
                         confidence=sure))  # fmt: skip
    if one.service == "GASTROSCOPY" and gap < 120:
        found.add(_found("AFTER_CARE", both, "WARNING", minutes_between=between, minutes_needed=120,
                         confidence=sure))  # fmt: skip
    return found


def _journey(here: str, there: str) -> tuple[int, str]:
    """By the spherical law of cosines, which at these distances agrees with any other formula."""
    if {here, there} == {"hospital", "island"}:
        return 70, "register"
    if here not in WHERE or there not in WHERE:
        return 15, "unknown"
    (north, east), (north2, east2) = (tuple(map(math.radians, WHERE[name])) for name in (here, there))
    cosine = math.sin(north) * math.sin(north2) + math.cos(north) * math.cos(north2) * math.cos(east2 - east)
    km = 6371.0088 * math.acos(min(1.0, cosine))
    if km <= 1:
        return min(300, math.ceil(km * 1.3 / 4.5 * 60 + 5)), "walk"
    return min(300, math.ceil(km * 1.3 / 50 * 60 + 15)), "car"


def _school(stand: list[tuple[str, Value]], visits: list[Seen]) -> set[Found]:
    enrolments = {value["enrollment"]: value for record, value in stand if record == "EnrollmentChanged"}
    pupil = any(
        value["role"]["mapped"] == "PUPIL" and value["status"]["mapped"] != "ENDED"
        for value in enrolments.values()
    )
    exams = {value["exam"]: value for record, value in stand if record == "ExamScheduled"}
    found = set()
    for visit in visits:
        if not visit.timed or not visit.attends:
            continue
        meets_exam = False
        for name, value in exams.items():
            exam = _whole_day(_seen(f"SIS|{name}", value, 180, "school"))
            if minutes := _shared(visit, exam):
                meets_exam = True
                found.add(_found("EXAM", (visit.ref, exam.ref), "CRITICAL", minutes_overlap=minutes,
                                 confidence=_least(visit.confidence, exam.confidence)))  # fmt: skip
        if pupil and not meets_exam and visit.where != "school":
            found |= _school_days(visit)
    return found


def _whole_day(exam: Seen) -> Seen:
    if exam.timed:
        return exam
    day = _moment(exam.start).date()
    begin, end = _open(day) or (_instant(day, 0, 0), _instant(day + timedelta(days=1), 0, 0))
    return exam._replace(start=begin, end=end)


def _school_days(visit: Seen) -> set[Found]:
    found = set()
    for number in range(-1, 3):
        day = _moment(visit.start).date() + timedelta(days=number)
        hours = _open(day)
        shared = _shared(visit, visit._replace(start=hours[0], end=hours[1])) if hours else 0
        if shared:
            found.add(_found("SCHOOL_HOURS", (visit.ref, f"HER|school|{day}"), "INFO", minutes_overlap=shared,
                             confidence=visit.confidence))  # fmt: skip
    return found


def _open(day: date) -> tuple[int, int] | None:
    if day.weekday() not in SCHOOL_ENDS or day in SCHOOL_FREE or day in HOLIDAYS["NO"]:
        return None
    return _instant(day, 8, 15), _instant(day, *SCHOOL_ENDS[day.weekday()])


def _why_closed(visit: Seen) -> str | None:
    day = _day(visit)
    if visit.where == "dentist" and day == date(2026, 3, 11):
        return "day"
    if day in HOLIDAYS.get(KEEPS.get(visit.where, ""), ()):
        return "holiday"
    return "weekday" if visit.where == "dentist" and day.weekday() == 4 else None


def _closed(visit: Seen, why: str) -> Found:
    return _found("CLOSED_DAY", (visit.ref,), "WARNING", f".{why}", confidence=visit.confidence)


def _burdens(visits: list[Seen]) -> set[Found]:
    """The visits of every seven days of which three have some, joined while they share one."""
    groups: list[set[Seen]] = []
    for first in visits:
        window = {
            visit for visit in visits
            if visit.where == first.where and 0 <= (_day(visit) - _day(first)).days < 7
        }  # fmt: skip
        if len({_day(visit) for visit in window}) >= 3:
            touching = [group for group in groups if group & window]
            groups = [group for group in groups if not group & window]
            groups.append(window.union(*touching))
    found = set()
    for group in groups:
        days = [_day(visit) for visit in group]
        found.add(_found("BURDEN", [visit.ref for visit in group], "WARNING", visits=len(group),
                         days=(max(days) - min(days)).days + 1,
                         confidence=_least(*(visit.confidence for visit in group))))  # fmt: skip
    return found


def _busy(visits: list[Seen]) -> set[Found]:
    of: dict[date, list[Seen]] = defaultdict(list)
    for visit in visits:
        of[_day(visit)].append(visit)
    return {
        _found("BUSY_DAY", [visit.ref for visit in group], "WARNING", visits=len(group),
               confidence=_least(*(visit.confidence for visit in group)))
        for group in of.values() if len(group) >= 4
    }  # fmt: skip


def _found(
    kind: str, parties: Iterable[str], severity: str, way: str = "", *, confidence: str, **numbers: int
) -> Found:
    reason = f"finding.{kind.lower()}{way}"
    return Found(kind, frozenset(parties), severity, reason, frozenset(numbers.items()), confidence)


def _shared(one: Seen, other: Seen) -> int:
    """Minutes that two have in common, begun ones counted."""
    return max(0, math.ceil((min(one.end, other.end) - max(one.start, other.start)) / MINUTE))


def _least(*confidences: str) -> str:
    return max(confidences, key=("EXACT", "NO_ZONE", "DATE_ONLY", "DOUBTFUL").index)


def _moment(instant: int, zone: str = "Europe/Oslo") -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)).astimezone(ZoneInfo(zone))


def _day(visit: Seen) -> date:
    return _moment(visit.start, ZONES.get(visit.where, "Europe/Oslo")).date()


def _instant(day: date, hour: int, minute: int) -> int:
    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo("Europe/Oslo"))
    return int(moment.timestamp()) * 1_000_000
