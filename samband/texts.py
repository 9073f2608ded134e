"""What entries, steps and findings are called on a terminal, in plain words, by their text key.

A coded value that has no words of its own falls back to the sentence without it, never to a code.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from schemas.records import Finding, Holder, Institution, Invitee

ENTRIES = {
    "person.registered": "Registered",
    "person.updated": "Personal data updated",
    "identity.linked": "Two numbers found to be the same person",
    "identity.merged": "Two records joined into one",
    "appointment.scheduled": "Appointment booked",
    "appointment.rescheduled": "Appointment moved",
    "appointment.modified": "Appointment changed",
    "appointment.cancelled": "Appointment cancelled",
    "appointment.cancelled.discontinued": "Appointments stopped",
    "appointment.cancelled.entered_in_error": "Appointment was booked by mistake",
    "appointment.missed": "Did not come to the appointment",
    "stay.started": "Admitted",
    "stay.ended": "Discharged",
    "stay.on_leave": "Leave",
    "stay.on_leave.started": "On leave",
    "stay.on_leave.ended": "Back from leave",
    "stay.corrected": "Stay corrected",
    "stay.corrected.admission_cancelled": "Was not admitted after all",
    "stay.corrected.discharge_cancelled": "Was not discharged after all",
    "stay.corrected.moved_here": "Stay moved to the right person",
    "stay.corrected.moved_away": "Stay belonged to somebody else",
    "case.opened": "Application received",
    "case.step": "A step was done",
    "case.step.received": "Application received",
    "case.step.read": "Application read",
    "case.step.in_progress": "Being worked on",
    "case.step.assigned": "Given to an office",
    "case.step.interim_answer": "Interim answer sent",
    "case.step.payment_planned": "Payment planned",
    "case.step.payment_made": "Paid",
    "case.step.condition_set": "A condition was set",
    "case.step.hidden": "A part that is not shown",
    "case.step.finished": "Finished",
    "case.decision": "Decided",
    "case.decision.granted": "Granted",
    "case.decision.partly_granted": "Granted in part",
    "case.decision.rejected": "Not granted",
    "case.decision.dismissed": "Dismissed",
    "case.information_requested": "You are asked for something",
    "case.service_requested": "Inquiry sent to a specialist",
    "case.meeting_invited": "Invited to a meeting",
    "referral.sent": "Referred",
    "referral.updated": "Referral changed",
    "referral.updated.cancelled": "Referral withdrawn",
    "referral.updated.completed": "Referral answered",
    "enrollment.changed": "School place changed",
    "enrollment.changed.active": "Goes to this school",
    "enrollment.changed.ended": "Left the class",
    "absence.reported": "Absence reported",
    "absence.reported.sick": "Reported ill",
    "exam.scheduled": "Exam",
    "matters.stated": "You said what matters to you",
    "proposal.answered": "You answered a proposal",
    "proposal.answered.accepted": "You accepted a proposal",
    "proposal.answered.declined": "You declined a proposal",
    "proposal.answered.countered": "You asked for another proposal",
    "request.answered": "An agency answered",
    "request.answered.held": "A time is kept for you",
    "request.answered.confirmed": "A new time is confirmed",
    "request.answered.released": "A time that was kept for you is free again",
    "request.answered.gone": "A time is no longer free",
    "request.answered.refused": "A time could not be changed",
    "fact.retracted": "Something said before was withdrawn",
}
STEPS = {
    "OPENED": "received",
    "RECEIVED": "received",
    "READ": "read",
    "IN_PROGRESS": "being worked on",
    "ASSIGNED": "given to an office",
    "INTERIM_ANSWER": "interim answer sent",
    "PAYMENT_PLANNED": "payment planned",
    "PAYMENT_MADE": "paid",
    "CONDITION_SET": "condition set",
    "HIDDEN": "not shown",
    "FINISHED": "finished",
    "GRANTED": "granted",
    "PARTLY_GRANTED": "granted in part",
    "REJECTED": "not granted",
    "DISMISSED": "dismissed",
    "SPECIALIST_ASSESSMENT": "inquiry sent to a specialist",
    "MEETING_INVITED": "meeting called",
    "INFORMATION_REQUESTED": "waiting for documents",
    "SERVICE_REQUESTED": "inquiry sent",
    "RESPITE_CARE": "Respite care",
    "SOCIAL_ASSISTANCE": "Social assistance",
    "UNKNOWN": "something else",
}
FINDINGS = {
    "finding.overlap": "At the same time ({minutes_overlap} min)",
    "finding.travel_gap.walk": "Too short a walk: {minutes_between} min, {minutes_needed} needed",
    "finding.travel_gap.car": "Too little time to get there: {minutes_between} min, {minutes_needed} needed",
    "finding.travel_gap.public_transport": (
        "Too little time by public transport: {minutes_between} min, {minutes_needed} needed"
    ),
    "finding.travel_gap.register": (
        "Too little time to get there: {minutes_between} min, {minutes_needed} needed"
    ),
    "finding.travel_gap.unknown": (
        "Perhaps too little time: {minutes_between} min, and how far it is is not known"
    ),
    "finding.school_hours": "In school hours",
    "finding.exam": "On the day of an exam",
    "finding.other": "Something does not fit",
    "finding.busy_day": "{visits} visits on one day",
    "finding.closed_day.day": "Closed on that day",
    "finding.closed_day.holiday": "On a public holiday, when they are closed",
    "finding.closed_day.weekday": "On a weekday on which they are closed",
    "finding.preparation": "While preparing for the next one, which takes {minutes_needed} min",
    "finding.after_care": "{minutes_between} min after one that asks for {minutes_needed} min of rest",
    "finding.burden": "{visits} visits within {days} days to the same institution",
}


_MANY = {"parent or guardian": "{} parents or guardians", "a professional": "{} professionals"}


def text(key: str) -> str:
    """The sentence for a timeline entry."""
    return ENTRIES.get(key) or ENTRIES.get(key.rpartition(".")[0]) or ENTRIES["case.step"]


def step_text(mapped: str) -> str:
    """A step, outcome or kind of case."""
    return STEPS.get(mapped, STEPS["UNKNOWN"])


def finding_text(finding: Finding) -> str:
    """The sentence for a finding, with its figures."""
    return FINDINGS[finding["reason"]].format_map(finding["numbers"])


def invited_text(invited: Iterable[Invitee], name_of: Callable[[Institution], str]) -> str:
    """Who is on the list of a meeting: the citizen, the guardians by their number, and others by name."""
    counted = Counter(_invitee_text(each, name_of) for each in invited)
    return ", ".join(
        _MANY.get(who, f"{who} ({{}})").format(count) if count > 1 else who for who, count in counted.items()
    )


def _invitee_text(invitee: Invitee, name_of: Callable[[Institution], str]) -> str:
    if invitee["kind"] == "CITIZEN":
        return "you"
    if invitee["kind"] == "GUARDIAN":
        return "parent or guardian"
    return name_of(invitee["institution"]) if invitee["institution"] else "a professional"


def holder_text(holder: Holder | None, name_of: Callable[[Institution], str], agency: str) -> str:
    """Who has to act next."""
    if holder is None:
        return agency
    if holder["kind"] == "CITIZEN":
        return "you"
    return name_of(holder["institution"]) if holder["institution"] else agency
