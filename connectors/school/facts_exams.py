"""Exams: one fact for each pupil of the class, replaced when the exam moves and withdrawn when it ends."""

import re

from connectors.kit import times
from connectors.kit.assembly import event_id
from connectors.kit.outcomes import Fact
from connectors.school import vocabulary
from connectors.school.merge import Merged
from connectors.school.occasion import Occasion, institution
from connectors.school.problems import Problem, SetRefusedError
from connectors.school.state import LineItem, PublishedExam, State
from schemas.records import Time

_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
_DAY = 86_400_000_000
_SEPARATOR = "\x1f"


def exams(old: State, merged: Merged, occasion: Occasion) -> tuple[list[Fact], dict[str, PublishedExam]]:
    """The facts, and what the bus then knows of each pupil's exams; raises SetRefusedError."""
    state = merged.state
    pupils: dict[str, set[str]] = {}
    for place in state.enrollments.values():
        if vocabulary.is_active(place.status) and vocabulary.person_role(place.role) == "PUPIL":
            pupils.setdefault(place.class_id, set()).add(place.user)
    published = dict(old.exams)
    found: list[Fact] = []
    wanted: set[str] = set()
    for item, start in _scheduled(merged, occasion):
        value = state.line_items[item]
        for user in sorted(pupils.get(value.class_id, ())):
            key = f"{item}{_SEPARATOR}{user}"
            wanted.add(key)
            before = published.get(key)
            fact = _exam(item, user, start, occasion, before)
            if before is None or before.digest != fact.content:
                found.append(fact)
                published[key] = PublishedExam(_event_id(fact, occasion), fact.content, start["instant"])
    for key in sorted(published.keys() - wanted):
        before = published.pop(key)
        if before.start + _DAY > occasion.context.written:  # what had taken place by then is not withdrawn
            found.append(_retracted(key, before, merged, occasion))
    return found, published


def _scheduled(merged: Merged, occasion: Occasion) -> list[tuple[str, Time]]:
    """Line items that are exams, with their start; refuses the set when one has no day that can be read."""
    state, problems, found = merged.state, [], []
    for item in sorted(state.line_items):
        value = state.line_items[item]
        if not state.categories.get(value.category):
            continue
        start = _at(value, value.start, occasion) or _due(value, occasion)
        if start is None:
            line = merged.line_items[item].line if item in merged.line_items else 0
            text = "An exam has no day that can be read"
            problems.append(Problem("time.unreadable", text, "lineItems.csv", line, "dueDate"))
        else:
            found.append((item, start))
    if problems:
        raise SetRefusedError(*problems)
    return found


def _due(value: LineItem, occasion: Occasion) -> Time | None:
    """A time of day of midnight is how exporters write a date into a date-time column."""
    zone = occasion.context.settings.zone_info
    if re.search(r"T00:00(:00(\.0+)?)?(Z|[+-]00:?00)?$", value.due):
        return times.date_only(value.due, zone)
    return times.iso(value.due, zone)


def _at(value: LineItem, text: str, occasion: Occasion) -> Time | None:
    """``09:00`` on the day that is due, or a date-time of its own."""
    zone = occasion.context.settings.zone_info
    if not text:
        return None
    if _CLOCK.fullmatch(text):
        return times.iso(f"{value.due[:10]}T{text.zfill(5)}", zone)
    return times.iso(text, zone)


def _exam(item: str, user: str, start: Time, occasion: Occasion, before: PublishedExam | None) -> Fact:
    state, context = occasion.state, occasion.context
    value, person = state.line_items[item], occasion.user(user)
    recorded, remarks = occasion.recorded(value.recorded)
    end = _at(value, value.end, occasion)
    if (value.start and _at(value, value.start, occasion) is None) or (value.end and end is None):
        remarks.append(vocabulary.UNREADABLE_TIME)
    known_class = state.classes.get(value.class_id)
    kind = state.categories[value.category]
    body = {
        "exam": item,
        "school": institution(occasion, known_class.school if known_class else ""),
        "class_id": value.class_id,
        "start": start,
        "end": end,
        "kind": {"code": value.category, "system": f"{context.system}/categories", "mapped": kind},
        "details": {"title": value.title or None, "text": None},
    }
    return Fact(
        record="ExamScheduled",
        identifiers=person.identifiers,
        occurred=recorded,
        recorded=recorded,
        body=body,
        sensitivity="PERSONAL",
        protection=person.protection,
        remarks=tuple(remarks),
        supersedes=before.event_id if before else None,
        identity=occasion.identity("exams", f"{item}/{user}"),
        content=context.digest(body, person.identifiers[0]["pseudonym"]),
    )


def _retracted(key: str, before: PublishedExam, merged: Merged, occasion: Occasion) -> Fact:
    item, user = key.split(_SEPARATOR)
    gone = item not in merged.state.line_items
    text = merged.line_items[item]["dateLastModified"] if item in merged.line_items else ""
    recorded, remarks = occasion.recorded(text)
    person = occasion.user(user)
    return Fact(
        record="FactRetracted",
        identifiers=person.identifiers,
        occurred=recorded,
        recorded=recorded,
        body={
            "record": "ExamScheduled",
            "reason": {
                "code": "lineItem" if gone else "enrollment",
                "system": "oneroster",
                "mapped": "WITHDRAWN",
            },
        },
        sensitivity="PERSONAL",
        protection=person.protection,
        remarks=tuple(remarks),
        retracts=before.event_id,
        identity=occasion.identity("exams", f"{item}/{user}"),
        content=occasion.context.digest("retracted", before.event_id),
    )


def _event_id(fact: Fact, occasion: Occasion) -> str:
    """As the kit will make it: identity and content are the fact's alone, so its number is 0."""
    context = occasion.context
    return event_id(f"{context.agency}|{context.system}", fact.identity, fact.content, 0)
