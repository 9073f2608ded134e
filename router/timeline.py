"""The citizen's timeline: an entry for each fact, and a word when an entry no longer stands.

The order of a timeline is ``placed`` (else ``at``), ``recorded``, ``sequence`` (none first), ``rank``,
``entry_id``, whatever arrived first. Texts are keys; their words are chosen where they are shown.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from router.corrections import CURRENT, STANDS, STATUSES, Standing, facts_about, standing
from router.events import TIMELINE, Event, Output, Outputs
from router.evidence import FOREIGN
from router.facts import CASE, SERVICE_ANSWERED, meeting_reference, next_in_case
from router.order import LAST, RANKS, placed
from router.state import Citizen, Fact, FactId, Mark, Records, event_id_of

Value = Mapping[str, Any]

TEXTS = {
    "PersonRegistered": "person.registered",
    "PersonUpdated": "person.updated",
    "IdentityLinked": "identity.linked",
    "IdentityMerged": "identity.merged",
    "IdentityUnlinked": "identity.unlinked",
    "AppointmentScheduled": "appointment.scheduled",
    "AppointmentRescheduled": "appointment.rescheduled",
    "AppointmentModified": "appointment.modified",
    "AppointmentCancelled": "appointment.cancelled",
    "AppointmentMissed": "appointment.missed",
    "StayStarted": "stay.started",
    "StayEnded": "stay.ended",
    "StayOnLeave": "stay.on_leave",
    "StayCorrected": "stay.corrected",
    "CaseOpened": "case.opened",
    "CaseStepCompleted": "case.step",
    "DecisionMade": "case.decision",
    "InformationRequested": "case.information_requested",
    "ServiceRequested": "case.service_requested",
    "MeetingInvited": "case.meeting_invited",
    "ReferralSent": "referral.sent",
    "ReferralUpdated": "referral.updated",
    "EnrollmentChanged": "enrollment.changed",
    "AbsenceReported": "absence.reported",
    "ExamScheduled": "exam.scheduled",
    "FactRetracted": "fact.retracted",
    "MattersStated": "matters.stated",
    "ProposalAnswered": "proposal.answered",
    "RequestAnswered": "request.answered",
}
"""Text key by record type. A coded value of the record is added where it decides the sentence."""

_CODED: dict[str, Callable[[Value], str]] = {
    "AppointmentCancelled": lambda value: value["reason"]["mapped"],
    "StayOnLeave": lambda value: value["phase"],
    "StayCorrected": lambda value: value["correction"],
    "CaseStepCompleted": lambda value: value["step"]["mapped"],
    "DecisionMade": lambda value: value["outcome"]["mapped"],
    "ReferralUpdated": lambda value: value["status"]["mapped"],
    "EnrollmentChanged": lambda value: value["status"]["mapped"],
    "AbsenceReported": lambda value: value["reason"]["mapped"],
    "ProposalAnswered": lambda value: value["answer"],
    "RequestAnswered": lambda value: value["answer"],
}
_VARIOUS = _CODED.keys() | {"PersonUpdated"}
"""The record types whose text depends on the value."""


def text_key(record: str, value: Value) -> str:
    """Key of the text for a fact, e.g. ``appointment.scheduled`` or ``case.decision.granted``."""
    coded = _CODED.get(record)
    if coded is None:
        dead = record == "PersonUpdated" and value["status"]["mapped"] == "DECEASED"
        return "person.deceased" if dead else TEXTS[record]
    return f"{TEXTS[record]}.{coded(value).lower()}"


_USUAL: dict[str, Any] = {
    "citizen": "", "entry_id": "", "revision": 1, "at": None, "kind": "", "text": "", "agency": "",
    "institution": None, "case": None, "reference": None, "start": None, "end": None, "invited": [],
    "holder": None, "next_step": None, "expected_by": None, "status": "CURRENT", "replaced_by": None,
    "confidence": "", "sensitivity": "", "protection": "", "details": None, "recorded": 0, "sequence": None,
    "placed": None, "rank": 0,
}  # fmt: skip
"""Every field of an entry, with what most have."""
_TIMES = {"EnrollmentChanged": ("begin", "end"), "StayOnLeave": ("at", "expected_return")}
_USUAL_OF = {
    record: (
        {**_USUAL, "kind": record, "text": text, "rank": RANKS[record]},
        *_TIMES.get(record, ("start", "end")),
    )
    for record, text in TEXTS.items()
}
"""The same by record type: copied in half the time of naming all fields. And the names of the fields of the
record with start and end of what was planned."""


def say_entry(citizen: Citizen, event: Event, ref: str, stored: FactId, *, first: bool) -> Output:
    """The entry of a fact that was just remembered, with the standing that it has from the start.

    It is said under the key that the fact came under, so that it stays with that key whoever's it turns out
    to be. ``first``: nothing else was said about ``ref``.
    """
    record, value = event.record, event.value
    meta, letter, details = value["meta"], ref[0], value.get("details")
    occurred, recorded, source = meta["occurred"], meta["recorded"]["instant"], meta["source"]
    happened, key = occurred["instant"], meta["subject"]["key"]
    usual, start, end = _USUAL_OF[record]
    fields = usual.copy()
    fields["citizen"] = key
    fields["entry_id"] = meta["event_id"]
    fields["at"] = occurred
    if record in _VARIOUS:
        fields["text"] = text_key(record, value)
    fields["agency"] = source["agency"]
    fields["institution"] = value.get("institution") or value.get("school")
    if letter in "ASXNBR":
        fields["reference"] = ref[2:]
    if letter in "CR":
        _case(fields, record, value, ref)
    fields["start"], fields["end"] = value.get(start), value.get(end)
    if not first or stored in citizen.records.withdrawals:
        _standing(fields, citizen.records, ref, stored)
    fields["confidence"] = occurred["confidence"]
    fields["sensitivity"] = meta["sensitivity"]
    fields["protection"] = meta["protection"]
    if details:
        fields["details"] = _details(letter, details)
    fields["recorded"] = recorded
    fields["sequence"] = source["sequence"]
    if happened != recorded and (stands_at := placed(happened, recorded)) != happened:
        fields["placed"] = stands_at
    return Output(TIMELINE, key, "TimelineEntry", fields)


def _standing(fields: dict[str, Any], records: Records, ref: str, stored: FactId) -> None:
    stands = standing(records, ref).get(stored, STANDS)
    if stands.status != CURRENT:
        records.marks[stored] = Mark(stands.status, stands.by, 1)
    if stands.by is not None:
        fields["status"], fields["replaced_by"] = STATUSES[stands.status], event_id_of(stands.by)


def _case(fields: dict[str, Any], record: str, value: Value, ref: str) -> None:
    """What entries of cases and referrals say besides: whose turn it is, what comes next and by when."""
    fields["holder"], fields["next_step"], fields["expected_by"] = _next(record, value)
    if ref[0] == "C":
        fields["case"] = ref[2:]
        if value.get("closes"):
            fields["rank"] = LAST
    if record == "MeetingInvited":
        fields["reference"], fields["invited"] = meeting_reference(value)[2:], value["invited"]


def _next(record: str, value: Value) -> tuple[Value | None, Value | None, Value | None]:
    """Who has to act from now on, what comes next, and by when."""
    if record in CASE:
        return value["holder"], *next_in_case(record, value)
    if record in _REFERRALS and value["recipient"] and text_key(record, value) not in _ENDED:
        return {"kind": "THIRD_PARTY", "institution": value["recipient"]}, SERVICE_ANSWERED, None
    return None, None, None


_REFERRALS = frozenset({"ReferralSent", "ReferralUpdated"})
_ENDED = frozenset({"referral.updated.cancelled", "referral.updated.completed"})


def _details(letter: str, details: Value) -> dict[str, Any] | None:
    """Title and text. Names of persons are not passed on: an entry is about what happened."""
    if letter == "P":
        return None
    title = details.get("title")
    text = (
        details["instructions"] if letter == "A" else details["reason"] if letter == "S" else details["text"]
    )
    return None if title is None and text is None else {"title": title, "text": text}


def say_changed_entries(
    citizen: Citizen, refs: Iterable[str], outputs: Outputs, *, new: FactId | None = None
) -> None:
    """Say which entries about these things stand otherwise than was last said; ``new`` said it itself."""
    records = citizen.records
    strangers = any(flags & FOREIGN for flags in records.members.values())
    for ref in refs:
        fallen = standing(records, ref)
        if not fallen and not records.marks and not strangers:
            continue
        for fact in facts_about(records, ref):
            stands = fallen.get(fact.id, STANDS)
            key, moved_to = said_under(records, fact)
            mark = records.marks.get(fact.id)
            said = (*STANDS, None) if mark is None else (mark.status, mark.by, mark.moved_to)
            if fact.id == new:
                said = (*stands, said[2])
            if (*stands, moved_to) != said:
                outputs.append(_changed(records, key, fact.id, stands, moved_to))


def said_under(records: Records, fact: Fact) -> tuple[str, str | None]:
    """The key under which a fact's entry was said, and the one whose it is when that is another citizen's."""
    members = list(records.members)
    keys = [members[place] for place in records.origins[fact.origin].keys]
    if not records.members[keys[0]] & FOREIGN:
        return keys[0], None
    return keys[0], next(key for key in keys if not records.members[key] & FOREIGN)


def _changed(records: Records, key: str, stored: FactId, stands: Standing, moved_to: str | None) -> Output:
    mark = records.marks.get(stored)
    revision = 2 if mark is None else mark.revision + 1
    records.marks[stored] = Mark(stands.status, stands.by, revision, moved_to)
    value = {
        "citizen": key,
        "entry_id": event_id_of(stored),
        "revision": revision,
        "status": STATUSES[stands.status],
        "replaced_by": None if stands.by is None else event_id_of(stands.by),
        "moved_to": moved_to,
    }
    return Output(TIMELINE, key, "EntryChanged", value)
