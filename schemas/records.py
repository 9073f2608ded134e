"""Generated from ``schemas/avro`` by ``samband schemas generate``; do not edit.

Instants are integers: microseconds since 1970-01-01T00:00:00Z.
"""

# fmt: off

from typing import Literal, TypedDict


TimeConfidence = Literal["EXACT", "NO_ZONE", "DATE_ONLY", "DOUBTFUL"]

class Time(TypedDict):
    """A point in time as the source gave it."""

    instant: int
    """Microseconds since 1970-01-01T00:00:00Z. For DATE_ONLY, midnight at the start of that day in the source's zone."""
    source: str
    """The source's own string, unchanged; empty when the source gave none."""
    confidence: TimeConfidence
    """EXACT: date, time and zone given. NO_ZONE: the zone is the connector's setting. DATE_ONLY: no time of day. DOUBTFUL: taken from elsewhere or contradicting itself."""

class Source(TypedDict):
    """Where the fact was read."""

    agency: str
    """The agency that the connector serves, e.g. hospital.innlandet."""
    system: str
    """The source system's own name, e.g. MSH-3 and MSH-4."""
    message_id: str
    """The source's identity of the message; may be empty. Never holds personal data."""
    content_hash: str
    """SHA-256 of the input that gave this fact, in hex."""
    sequence: int | None
    """The source's own sequence number, where it has one."""

class Identifier(TypedDict):
    """An identifier of a person, as a pseudonym. Never the identifier itself."""

    system: str
    """Who assigned it: an OID or URI, e.g. urn:oid:2.16.578.1.12.4.1.4.1 for the Norwegian fødselsnummer."""
    pseudonym: str
    """Key version, a dot, and the truncated HMAC-SHA-256 of system and normalised value (base64url)."""
    national: bool
    """True for an identifier that is unique to a person within a country."""

class Subject(TypedDict):
    """The citizen that the fact is about."""

    key: str
    """The record key: the pseudonym of the strongest identifier."""
    identifiers: list[Identifier]
    """All identifiers that the source gave, the strongest first."""

Sensitivity = Literal["INTERNAL", "PERSONAL", "SENSITIVE"]

Protection = Literal["NONE", "CONFIDENTIAL", "CONFIDENTIAL_ADDRESS", "STRICTLY_CONFIDENTIAL_ADDRESS"]

class Hop(TypedDict):
    """One component that the fact passed."""

    component: str
    """Component, e.g. connector.hospital."""
    at: int
    """When it left the component."""

class Meta(TypedDict):
    """What every fact begins with."""

    event_id: str
    """UUIDv5 of source system, source message identity, content hash and fact number: the same input read twice gives the same id."""
    occurred: Time
    """When it happened in the world."""
    recorded: Time
    """When the source recorded it."""
    ingested: Time
    """When the connector read it."""
    source: Source
    """Where it was read."""
    subject: Subject
    """Whom it is about."""
    supersedes: str | None
    """Event id of the fact that this one corrects."""
    retracts: str | None
    """Event id of the fact that this one withdraws."""
    legal_basis: str
    """Legal basis for sharing, a code from the connector's settings."""
    purpose: str
    """Purpose of sharing, a code from the connector's settings."""
    sensitivity: Sensitivity
    """How sensitive the record is."""
    protection: Protection
    """Protection marking of the person."""
    remarks: list[str]
    """Quality remarks from a closed list (schemas/remarks.yaml), e.g. time.no_zone."""
    traceparent: str
    """W3C Trace Context traceparent; empty when there is none."""
    hops: list[Hop]
    """The components it passed, oldest first."""

class AppointmentRef(TypedDict):
    """An appointment's identity at its source."""

    system: str
    """The source that assigned the id."""
    id: str
    """The id."""

class Institution(TypedDict):
    """An institution, by a public code that the institution register knows."""

    system: str
    """The register or assigning authority of the code."""
    id: str
    """The institution's code in that system."""
    department: str | None
    """Department, clinic or unit code within the institution."""

class Code(TypedDict):
    """A coded value: what the source said, in which code system, and what it means on the bus."""

    code: str
    """The source's code, unchanged; empty when absent."""
    system: str
    """The code system (an HL7 table, OID or URL, or the source's own)."""
    mapped: str
    """The bus's value for it, upper case; UNKNOWN when there is none."""

class AppointmentDetails(TypedDict):
    """What is sensitive about an appointment."""

    title: str | None
    """What it is for, in words."""
    practitioner: str | None
    """With whom."""
    place: str | None
    """Where, in words."""
    instructions: str | None
    """What the citizen is asked to do."""

class AppointmentCancelled(TypedDict):
    """An appointment will not take place."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    appointment: AppointmentRef
    """Which appointment."""
    institution: Institution
    """Where it is."""
    start: Time | None
    """The start it had, when the source says."""
    reason: Code
    """Mapped: CANCELLED, DISCONTINUED, ENTERED_IN_ERROR, UNKNOWN."""
    details: AppointmentDetails | None
    """Title, people and instructions."""

class AppointmentMissed(TypedDict):
    """The citizen did not come."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    appointment: AppointmentRef
    """Which appointment."""
    institution: Institution
    """Where it is."""
    start: Time | None
    """The start it had."""
    details: AppointmentDetails | None
    """Title, people and instructions."""

class AppointmentModified(TypedDict):
    """Something but the time of an appointment was changed."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    appointment: AppointmentRef
    """Which appointment."""
    institution: Institution
    """Where it is."""
    start: Time
    """Start."""
    end: Time | None
    """End, exclusive, when the source gives one or a duration."""
    place: str | None
    """Code of the place (room, building)."""
    service: Code | None
    """What is done."""
    status: Code
    """Mapped: PROPOSED, BOOKED, ARRIVED, FULFILLED, CANCELLED, MISSED, ENTERED_IN_ERROR, UNKNOWN."""
    details: AppointmentDetails | None
    """Title, people and instructions."""

class AppointmentRescheduled(TypedDict):
    """An appointment was moved to another time."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    appointment: AppointmentRef
    """Which appointment."""
    institution: Institution
    """Where it is."""
    start: Time
    """Start."""
    end: Time | None
    """End, exclusive, when the source gives one or a duration."""
    place: str | None
    """Code of the place (room, building)."""
    service: Code | None
    """What is done."""
    status: Code
    """Mapped: PROPOSED, BOOKED, ARRIVED, FULFILLED, CANCELLED, MISSED, ENTERED_IN_ERROR, UNKNOWN."""
    details: AppointmentDetails | None
    """Title, people and instructions."""

class AppointmentScheduled(TypedDict):
    """An appointment was booked."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    appointment: AppointmentRef
    """Which appointment."""
    institution: Institution
    """Where it is."""
    start: Time
    """Start."""
    end: Time | None
    """End, exclusive, when the source gives one or a duration."""
    place: str | None
    """Code of the place (room, building)."""
    service: Code | None
    """What is done."""
    status: Code
    """Mapped: PROPOSED, BOOKED, ARRIVED, FULFILLED, CANCELLED, MISSED, ENTERED_IN_ERROR, UNKNOWN."""
    details: AppointmentDetails | None
    """Title, people and instructions."""

class CaseDetails(TypedDict):
    """What is sensitive about a case."""

    title: str | None
    """The case's title."""
    text: str | None
    """What was said, in words."""
    items: list[str]
    """Documents or answers asked for, in words."""

class CaseRef(TypedDict):
    """A case's identity at its source."""

    system: str
    """The source that assigned the id."""
    id: str
    """The case id."""
    part: str | None
    """A part of the case that is decided on its own (Digisos: referanse)."""

HolderKind = Literal["AGENCY", "CITIZEN", "THIRD_PARTY"]

class Holder(TypedDict):
    """Who has to act next."""

    kind: HolderKind
    """Kind of holder."""
    institution: Institution | None
    """Which institution, unless the citizen."""

class CaseOpened(TypedDict):
    """A case was opened."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    case: CaseRef
    """Which case."""
    institution: Institution
    """The institution that handles it."""
    kind: Code
    """Kind of case, e.g. RESPITE_CARE, SOCIAL_ASSISTANCE."""
    holder: Holder | None
    """Who has to act from now on; null when this changes nothing."""
    expected_by: Time | None
    """When an answer is expected."""
    details: CaseDetails | None
    """Title and text."""

class CaseStepCompleted(TypedDict):
    """A step of a case was done."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    case: CaseRef
    """Which case."""
    institution: Institution
    """The institution that handles it."""
    step: Code
    """Mapped: RECEIVED, READ, IN_PROGRESS, ASSIGNED, INTERIM_ANSWER, PAYMENT_PLANNED, PAYMENT_MADE, CONDITION_SET, HIDDEN, FINISHED, UNKNOWN."""
    holder: Holder | None
    """Who has to act from now on; null when this changes nothing."""
    next_step: Code | None
    """What comes next."""
    expected_by: Time | None
    """When the next step is expected."""
    closes: bool
    """True when nothing more is to happen in the case."""
    details: CaseDetails | None
    """Title and text."""

class DecisionMade(TypedDict):
    """A decision was made."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    case: CaseRef
    """Which case."""
    institution: Institution
    """The institution that handles it."""
    outcome: Code
    """Mapped: GRANTED, PARTLY_GRANTED, REJECTED, DISMISSED, UNKNOWN."""
    holder: Holder | None
    """Who has to act from now on; null when this changes nothing."""
    details: CaseDetails | None
    """Title and text."""

class InformationRequested(TypedDict):
    """The agency asks for something before it can go on."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    case: CaseRef
    """Which case."""
    institution: Institution
    """The institution that handles it."""
    holder: Holder | None
    """Who has to act from now on; null when this changes nothing."""
    due: Time | None
    """By when, the earliest."""
    count: int
    """How many things are asked for."""
    details: CaseDetails | None
    """Title and text."""

InviteeKind = Literal["CITIZEN", "GUARDIAN", "PROFESSIONAL", "INSTITUTION", "OTHER"]

class Invitee(TypedDict):
    """An invited party."""

    kind: InviteeKind
    """What the party is."""
    person: Identifier | None
    """Which person, for a citizen or guardian."""
    institution: Institution | None
    """Which institution, for a professional or institution."""

class MeetingInvited(TypedDict):
    """A meeting was called and these were invited."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    case: CaseRef
    """Which case."""
    institution: Institution
    """The institution that handles it."""
    meeting: str
    """The meeting's id at its source."""
    start: Time
    """Start."""
    end: Time | None
    """End, exclusive."""
    place: str | None
    """Code of the place."""
    invited: list[Invitee]
    """Who is on the list."""
    holder: Holder | None
    """Who has to act from now on; null when this changes nothing."""
    details: CaseDetails | None
    """Title and text."""

class ReferralRef(TypedDict):
    """A referral's identity at its source."""

    system: str
    """The source."""
    id: str
    """The id."""

class ReferralSent(TypedDict):
    """A referral was sent."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    referral: ReferralRef
    """Which referral."""
    institution: Institution
    """The institution that handles it."""
    recipient: Institution | None
    """Who it was sent to."""
    service: Code | None
    """What is asked for."""
    priority: Code | None
    """Priority."""
    details: CaseDetails | None
    """Title and text."""

class ReferralUpdated(TypedDict):
    """A referral was changed, answered or cancelled."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    referral: ReferralRef
    """Which referral."""
    institution: Institution
    """The institution that handles it."""
    recipient: Institution | None
    """Who it was sent to."""
    service: Code | None
    """What is asked for."""
    status: Code
    """Mapped: ACTIVE, CANCELLED, COMPLETED, UNKNOWN."""
    details: CaseDetails | None
    """Title and text."""

class ServiceRequested(TypedDict):
    """Another party was asked for a service or an assessment."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    case: CaseRef
    """Which case."""
    institution: Institution
    """The institution that handles it."""
    service: Code
    """What was asked for."""
    recipient: Institution | None
    """Who was asked."""
    holder: Holder | None
    """Who has to act from now on; null when this changes nothing."""
    expected_by: Time | None
    """When an answer is expected."""
    details: CaseDetails | None
    """Title and text."""

class CitizenDetails(TypedDict):
    """What a citizen said in words."""

    text: str | None
    """Free text."""

MatterKind = Literal["NOT_ON", "NOT_BEFORE", "NOT_AFTER", "ONE_DAY", "SAME_RESOURCE", "OTHER"]

MatterWeight = Literal["MUST", "IMPORTANT", "WISH"]

class Matter(TypedDict):
    """One thing that matters to a citizen when appointments are moved."""

    kind: MatterKind
    """NOT_ON: not on these weekdays. NOT_BEFORE, NOT_AFTER: begins not before, ends not after this minute of the day. ONE_DAY: all that is moved on one day. SAME_RESOURCE: each service with one and the same person, room or machine."""
    weight: MatterWeight
    """How much it matters."""
    weekdays: list[int]
    """For NOT_ON: 0 is Monday. For NOT_BEFORE and NOT_AFTER: the days that it is said of, all when empty."""
    minute: int | None
    """For NOT_BEFORE and NOT_AFTER: minutes from midnight on the clock of the place."""

class MattersStated(TypedDict):
    """What matters to the citizen. The latest statement replaces all earlier ones."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    matters: list[Matter]
    """What was said; empty takes everything back."""
    details: CitizenDetails | None
    """The citizen's own words."""

ProposalAnswer = Literal["ACCEPTED", "DECLINED", "COUNTERED"]

class ProposalAnswered(TypedDict):
    """The citizen, or whoever represents the citizen, answers a proposal."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    proposal_id: str
    """Which proposal."""
    answer: ProposalAnswer
    """What was answered."""
    reason: Code | None
    """Why it was declined. Mapped: NO_CHANGE, TIMES, PLACE, OTHER, UNKNOWN."""
    wishes: list[Matter]
    """For COUNTERED: what the next proposal is to heed, until something else is stated."""
    details: CitizenDetails | None
    """The citizen's own words."""

class FactRetracted(TypedDict):
    """The source no longer says a fact it said before (meta.retracts names it)."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    record: str
    """Short name of the record type that is withdrawn, e.g. CaseStepCompleted."""
    reason: Code
    """Why, as far as the source says."""

FindingKind = Literal["OVERLAP", "TRAVEL_GAP", "SCHOOL_HOURS", "EXAM", "BURDEN", "BUSY_DAY", "CLOSED_DAY", "PREPARATION", "AFTER_CARE", "OTHER"]

Severity = Literal["INFO", "WARNING", "CRITICAL"]

FindingStatus = Literal["OPEN", "CLOSED"]

class Party(TypedDict):
    """One thing that takes part in a finding."""

    reference: str
    """The appointment, meeting, exam or school day, as system|id."""
    kind: str
    """APPOINTMENT, STAY, MEETING, EXAM or SCHOOL_DAY."""
    agency: str
    """Whose it is."""
    institution: Institution | None
    """Where."""
    start: Time
    """Start."""
    end: Time | None
    """End, exclusive."""

class Finding(TypedDict):
    """Something that collides or burdens a citizen. The id stays while the cause lasts."""

    citizen: str
    """The citizen's key."""
    finding_id: str
    """UUIDv5 of citizen, kind and parties."""
    revision: int
    """Counts from 1."""
    kind: FindingKind
    """What was found."""
    severity: Severity
    """How much it matters."""
    status: FindingStatus
    """Open or closed."""
    parties: list[Party]
    """What takes part, by start."""
    reason: str
    """Key of the text that explains it."""
    numbers: dict[str, int]
    """Figures for the text: minutes_overlap, minutes_between, minutes_needed, visits, days."""
    confidence: TimeConfidence
    """The lowest confidence among its times."""
    sensitivity: Sensitivity
    """How sensitive."""
    protection: Protection
    """Protection marking."""

ProposalStatus = Literal["OPEN", "ACCEPTED", "SETTLED", "FAILED", "DECLINED", "COUNTERED", "EXPIRED", "WITHDRAWN"]

class ProposedMove(TypedDict):
    """One appointment that is to be moved to a slot."""

    appointment: AppointmentRef
    """Which appointment."""
    agency: str
    """Whose it is."""
    institution: Institution
    """Where."""
    old_start: Time
    """When it is now."""
    old_end: Time | None
    """Its end now, exclusive, when it is known."""
    slot: str
    """Id of the slot, unique within the source system of the agency's offer."""
    start: Time
    """When it would be."""
    end: Time
    """Its end then, exclusive."""
    resource: str | None
    """Code of the person, room or machine that it would be with."""
    place: str | None
    """Code of the place (room, building)."""

class Proposal(TypedDict):
    """Better times for a citizen's appointments, all of them or none. There is one open proposal for a citizen at a time."""

    citizen: str
    """The citizen's key."""
    proposal_id: str
    """UUIDv5 of citizen, moves and the minute in which it was made."""
    revision: int
    """Counts from 1; the highest stands."""
    status: ProposalStatus
    """How it stands."""
    reason: str
    """Key of the text that says why it stands so, e.g. proposal.failed.slot_gone."""
    moves: list[ProposedMove]
    """What is to be moved, by new start."""
    gains: list[str]
    """Keys of the texts that say what it saves, the weightiest first, e.g. proposal.gain.days."""
    numbers: dict[str, int]
    """Figures for the texts: conflicts_before, conflicts_after, days_before, days_after, travel_minutes_before, travel_minutes_after, important_before, important_after, wishes_before, wishes_after, moved."""
    findings: list[str]
    """Ids of the findings that it would close."""
    at: Time
    """The minute in which it came to stand so."""
    answer_by: Time | None
    """OPEN: when it ends unanswered. ACCEPTED: when the agencies have to have answered."""
    sensitivity: Sensitivity
    """How sensitive."""
    protection: Protection
    """Protection marking."""

class EducationDetails(TypedDict):
    """What is sensitive about schooling."""

    title: str | None
    """Title or name of the class or exam."""
    text: str | None
    """Free text."""

class AbsenceReported(TypedDict):
    """A pupil was or will be absent."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    absence: str
    """The absence's id at its source."""
    school: Institution
    """The school."""
    start: Time
    """From."""
    end: Time | None
    """To, exclusive."""
    reason: Code
    """Mapped: SICK, EXCUSED, UNEXCUSED, UNKNOWN."""
    details: EducationDetails | None
    """Title and text."""

class EnrollmentChanged(TypedDict):
    """A pupil's or teacher's place in a class began, changed or ended."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    enrollment: str
    """The enrolment's id at its source."""
    school: Institution
    """The school."""
    class_id: str | None
    """The class's id at its source."""
    role: Code
    """Mapped: PUPIL, TEACHER, GUARDIAN, STAFF, OTHER, UNKNOWN."""
    status: Code
    """Mapped: ACTIVE, ENDED, UNKNOWN."""
    begin: Time | None
    """First day."""
    end: Time | None
    """Last day."""
    details: EducationDetails | None
    """Title and text."""

class ExamScheduled(TypedDict):
    """A pupil has an exam or test. The same exam id again replaces it."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    exam: str
    """The exam's id at its source."""
    school: Institution
    """The school."""
    class_id: str | None
    """The class's id at its source."""
    start: Time
    """Start; DATE_ONLY when the source gives only the day."""
    end: Time | None
    """End, exclusive."""
    kind: Code
    """Mapped: EXAM, TEST, UNKNOWN."""
    details: EducationDetails | None
    """Title and text."""

ParkedAction = Literal["REPLAY", "DISCARD_FIRST", "DISCARD_ALL"]

class ParkedDecision(TypedDict):
    """An operator's decision about a parked key, which is the record key. It holds only while the record that it names is still the first that waits, so that it has its effect once."""

    decision_id: str
    """UUID of the decision; the status that answers it repeats it."""
    action: ParkedAction
    """What to do."""
    topic: str
    """Topic of the first waiting record that the operator saw, without prefix."""
    offset: int
    """Its offset."""
    at: int
    """When it was decided."""

class ParkedStatus(TypedDict):
    """How a parked key, which is the record key, stands now. A record of which none waits is followed by a tombstone."""

    topic: str
    """Topic of the first waiting record, without prefix."""
    partition: int
    """Its partition."""
    offset: int
    """Its offset."""
    error: str
    """Class of the error that the stage failed with on it."""
    since: int
    """Timestamp of the record with which the waiting began."""
    waiting: int
    """How many records wait, that one included; 0 when the key is no longer parked."""
    decision_id: str | None
    """The decision that this answers."""
    applied: int
    """How many records the decision carried through the stage."""
    discarded: int
    """How many records the decision made dead letters."""

class Tick(TypedDict):
    """Time as a record: the clock of the partition's owner has reached this minute."""

    minute: int
    """A full minute, in UTC."""

RequestAction = Literal["HOLD", "CONFIRM", "RELEASE"]

class RequestedMove(TypedDict):
    """One appointment of the agency's and the slot that it is to move to."""

    appointment: AppointmentRef
    """Which appointment."""
    institution: Institution
    """Where."""
    old_start: Time
    """When it is now."""
    slot: str
    """Id of the slot, as it was offered."""
    start: Time
    """Start of the slot."""
    end: Time
    """End of the slot, exclusive."""
    resource: str | None
    """Code of the person, room or machine."""
    place: str | None
    """Code of the place (room, building)."""

class AgencyRequest(TypedDict):
    """What an agency is asked to do for a citizen who has accepted a proposal: all of the moves or none."""

    citizen: str
    """The citizen's key; the subject of the answer."""
    agency: str
    """Who is asked."""
    request_id: str
    """UUIDv5 of proposal, agency and sequence: an idempotency key. A request that is sent again has the same, and gets the same answer again."""
    proposal_id: str
    """The proposal that it belongs to."""
    sequence: int
    """Rises with each request for the proposal to the agency. One that comes after a higher one is not to be carried out: it is answered with REFUSED, a RELEASE with RELEASED."""
    action: RequestAction
    """What to do."""
    moves: list[RequestedMove]
    """With which appointments."""
    deadline: Time
    """An answer that is taken up later than this counts as a refusal. For RELEASE, it is then asked again."""
    sensitivity: Sensitivity
    """How sensitive."""
    protection: Protection
    """Protection marking."""

RequestAnswer = Literal["HELD", "CONFIRMED", "RELEASED", "GONE", "REFUSED"]

class RequestAnswered(TypedDict):
    """An agency's answer to a request from its inbox, for all of its moves."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    request_id: str
    """Which request."""
    answer: RequestAnswer
    """What became of it."""
    reason: Code | None
    """Why not. Mapped: TAKEN, CLOSED, UNKNOWN_APPOINTMENT, UNKNOWN_SLOT, NOT_ALLOWED, AWAY, OTHER, UNKNOWN."""

Origin = Literal["CONNECTOR", "STAGE"]

class DeadLetter(TypedDict):
    """Something that could not be handled, kept whole so that it can be replayed. Only the payload may hold personal data."""

    dead_letter_id: str
    """UUIDv5 of where it came from."""
    origin: Origin
    """Connector or stage."""
    component: str
    """Its name."""
    reason: str
    """Reason code from a closed list."""
    problem: str
    """What is wrong, in words without values."""
    where: str
    """Where in the payload, e.g. SCH-11.4 or users.csv:7:birthDate."""
    error: str
    """Class of the error."""
    topic: str | None
    """Where it was read, for a stage."""
    partition: int | None
    """Partition."""
    offset: int | None
    """Offset."""
    schema_id: int | None
    """Schema id in the payload's frame."""
    attempts: int
    """How often it was tried."""
    at: int
    """When."""
    content_hash: str
    """SHA-256 of the payload, in hex."""
    payload: bytes
    """The input as it was."""
    payload_key: bytes | None
    """The record's key, for a stage."""

Outcome = Literal["PUBLISHED", "IGNORED", "DEAD_LETTERED"]

class InputOutcome(TypedDict):
    """What became of one input of a connector."""

    input_id: str
    """UUIDv5 of source system, source message identity and content hash."""
    connector: str
    """The connector's name."""
    agency: str
    """The agency it serves."""
    kind: str
    """Message or file type, e.g. ADT^A01; empty when unreadable."""
    message_id: str
    """The source's identity of the message; may be empty."""
    content_hash: str
    """SHA-256 of the input, in hex."""
    received: int
    """When it was read."""
    outcome: Outcome
    """What became of it."""
    reason: str
    """Reason code from a closed list; empty when published."""
    events: list[str]
    """Ids of the facts that were published, in order."""
    size: int
    """Bytes."""

class IdentityLinked(TypedDict):
    """The source says that these identifiers are one person."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    linked: list[Identifier]
    """Identifiers that are the subject's, beside those in meta.subject."""
    reason: Code
    """The source's trigger, e.g. A24."""

class IdentityMerged(TypedDict):
    """The source has merged a person's records: the retired identifiers now mean the subject."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    retired: list[Identifier]
    """The identifiers that were given up, the strongest first."""
    retired_key: str
    """The record key under which the retired person's facts were published."""
    reason: Code
    """The source's trigger. Mapped: MERGED or IDENTIFIER_CHANGED."""

class IdentityUnlinked(TypedDict):
    """The source says that these identifiers are not the subject's, whatever was said before. What came under both at once is the subject's."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    unlinked: list[Identifier]
    """Identifiers that are somebody else's."""
    reason: Code
    """The source's trigger, e.g. A37. Mapped: UNLINKED, or CONFIRMED for an operator's decision."""

class PersonDetails(TypedDict):
    """What is personal about a person."""

    family_name: str | None
    """Family name."""
    given_name: str | None
    """Given names."""
    birth_date: str | None
    """As the source gave it, ISO 8601 where it could be read; may be partial."""

RelationKind = Literal["GUARDIAN_OF", "HAS_GUARDIAN", "CONTACT", "OTHER"]

class Relation(TypedDict):
    """A relation to another person."""

    kind: RelationKind
    """The subject is … the other."""
    person: Identifier
    """The other person."""

class PersonRegistered(TypedDict):
    """An agency has registered a person."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    status: Code
    """Mapped: ACTIVE, INACTIVE, DECEASED, UNKNOWN."""
    roles: list[str]
    """Roles at the agency: PATIENT, PUPIL, TEACHER, GUARDIAN, STAFF, OTHER."""
    relations: list[Relation]
    """Relations that the source lists."""
    institution: Institution | None
    """The institution that knows the person."""
    details: PersonDetails | None
    """Names and birth date."""

class PersonUpdated(TypedDict):
    """An agency has changed what it knows about a person."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    status: Code
    """Mapped: ACTIVE, INACTIVE, DECEASED, UNKNOWN."""
    roles: list[str]
    """Roles at the agency: PATIENT, PUPIL, TEACHER, GUARDIAN, STAFF, OTHER."""
    relations: list[Relation]
    """Relations that the source lists."""
    institution: Institution | None
    """The institution that knows the person."""
    details: PersonDetails | None
    """Names and birth date."""

class FoundSlot(TypedDict):
    """A slot on a shelf."""

    id: str
    """The slot's id at its source."""
    start: int
    """Start."""
    end: int
    """End, exclusive."""
    resource: str | None
    """Code of the person, room or machine."""
    place: str | None
    """Code of the place."""
    valid_until: int
    """The offer ends here."""

RefusalStatus = Literal["OPEN", "CLOSED"]

class IdentityRefused(TypedDict):
    """Sources say that two keys are one citizen, and the router does not believe it: for operators, who find out and decide. The highest revision for a refusal holds."""

    citizen: str
    """One of the two keys, which is the record key."""
    refusal_id: str
    """UUIDv5 of the reason and the two keys: the same as long as it lasts."""
    revision: int
    """Counts from 1."""
    status: RefusalStatus
    """Whether it still stands in the way."""
    reason: str
    """Why it is refused: identity.two_national_numbers, identity.in_use, identity.told_apart or identity.cycle (docs/router.md)."""
    other: str
    """The other key."""
    because: list[str]
    """The two keys that must not meet, where these are others."""
    agencies: list[str]
    """Agencies that say so, in the order of their names."""
    said: int
    """When it was first said."""
    cause: str
    """Event id of the fact after which the router said this."""

MoveKind = Literal["CLAIM", "STATE", "FACT"]

class Move(TypedDict):
    """Passed between two citizens' keys inside the router."""

    kind: MoveKind
    """CLAIM: the receiver's key is an alias of from_key. STATE: the state that from_key had. FACT: a fact that came under from_key."""
    from_key: str
    """Sender's key."""
    to_key: str
    """Receiver's key, which is the record key."""
    cause: str
    """Event id of the fact that caused it."""
    source_topic: str | None
    """For FACT: the topic it came on."""
    payload: bytes
    """For STATE: the encoded state. For FACT: the framed record."""
    from_national: bool
    """True when from_key is the pseudonym of a national identifier; such a key is the stronger."""
    hops: int
    """How often it was passed on; a bound on it ends every circle."""

class Refusal(TypedDict):
    """Something was said that the router could read but not act upon, and why; for operators."""

    subject: str
    """The record key: the citizen's or the shelf's."""
    event_id: str
    """The fact that was refused."""
    record: str
    """Its record type."""
    agency: str
    """Whose connector wrote it."""
    reason: str
    """Why, from a closed list, e.g. proposal.closed (docs/coordination.md)."""
    reference: str
    """What it named: a proposal, request or slot; may be empty. Never holds personal data."""

class SlotLost(TypedDict):
    """A slot of a proposal can no longer be had, inside the router."""

    citizen: str
    """Who asked to hear of it; the record key."""
    shelf: str
    """Where the slot lay."""
    proposal_id: str
    """As it was in SlotsWatched."""
    slot: str
    """Its id."""
    hops: int
    """How often it was passed on to another key of the citizen's; a bound on it ends every circle."""

class SlotsAsked(TypedDict):
    """A citizen's key asks a shelf for slots, inside the router."""

    citizen: str
    """Who asks; the answer's key."""
    shelf: str
    """Who is asked; the record key."""
    round: int
    """Given back in the answer."""
    after: int
    """The present minute."""
    begin: int
    """Slots that begin at or after this."""
    end: int
    """Slots that end at or before this."""
    most: int
    """At most so many: those nearest to one of `near`, the earliest first where none is given."""
    near: list[int]
    """Starts of what the citizen has to go to anyway, and of what may be moved."""

class SlotsFound(TypedDict):
    """What a shelf has, for the citizen that asked, inside the router."""

    citizen: str
    """Who asked; the record key."""
    shelf: str
    """Who answers."""
    round: int
    """As it was in the question."""
    slots: list[FoundSlot]
    """The slots, by start."""

class SlotsWatched(TypedDict):
    """A citizen's key wants to hear when one of these slots is lost, inside the router."""

    citizen: str
    """Who is to hear; the answer's key."""
    shelf: str
    """Where the slots lie; the record key."""
    proposal_id: str
    """Given back in the answer."""
    slots: list[str]
    """Their ids."""

class Slot(TypedDict):
    """A time that an agency could give a citizen."""

    id: str
    """The slot's id, unique within the source system."""
    start: Time
    """Start."""
    end: Time
    """End, exclusive; at most a day after the start."""
    resource: str | None
    """Code of the person, room or machine that it is with; the same code is the same one."""
    place: str | None
    """Code of the place (room, building)."""
    valid_until: Time | None
    """The offer ends here; without it, at the start."""

class SlotWithdrawn(TypedDict):
    """A time that was offered is no longer free."""

    meta: Meta
    """Identity, times and source. Its subject is no citizen: the key is the shelf's (schemas/shelves.py), without identifiers."""
    institution: Institution
    """Where."""
    service: Code
    """What would have been done."""
    slot: str
    """The slot's id."""
    reason: Code
    """Mapped: TAKEN, CLOSED, MOVED, UNKNOWN."""

class SlotsOffered(TypedDict):
    """An agency offers times for one of its services. A slot that is offered again replaces what was said of it."""

    meta: Meta
    """Identity, times and source. Its subject is no citizen: the key is the shelf's (schemas/shelves.py), without identifiers."""
    institution: Institution
    """Where."""
    service: Code
    """What is done; the same as in the appointments that may be moved to it."""
    slots: list[Slot]
    """The times."""

LeavePhase = Literal["STARTED", "ENDED"]

class StayRef(TypedDict):
    """A stay's (visit's) identity at its source."""

    system: str
    """The source that assigned the id."""
    id: str
    """The visit id."""

StayCorrection = Literal["ADMISSION_CANCELLED", "DISCHARGE_CANCELLED", "MOVED_HERE", "MOVED_AWAY", "OTHER"]

class StayDetails(TypedDict):
    """What is sensitive about a stay."""

    reason: str | None
    """Why, in words."""
    ward: str | None
    """Ward, in words."""

class StayCorrected(TypedDict):
    """What was said about a stay was wrong."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    stay: StayRef
    """Which stay."""
    institution: Institution
    """Where it is."""
    correction: StayCorrection
    """What was wrong."""
    other_key: str | None
    """For MOVED_…: the record key of the citizen it was moved from or to."""
    details: StayDetails | None
    """Reason and ward."""

class StayEnded(TypedDict):
    """A citizen was discharged."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    stay: StayRef
    """Which stay."""
    institution: Institution
    """Where it is."""
    end: Time
    """Discharged."""
    disposition: Code | None
    """Where to."""
    details: StayDetails | None
    """Reason and ward."""

class StayOnLeave(TypedDict):
    """A citizen went on leave from a stay, or came back."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    stay: StayRef
    """Which stay."""
    institution: Institution
    """Where it is."""
    phase: LeavePhase
    """Begins or ends."""
    at: Time
    """When."""
    expected_return: Time | None
    """When the citizen is expected back."""
    details: StayDetails | None
    """Reason and ward."""

class StayStarted(TypedDict):
    """A citizen was admitted or registered as a visitor."""

    meta: Meta
    """Identity, times, source, subject and handling of the fact."""
    stay: StayRef
    """Which stay."""
    institution: Institution
    """Where it is."""
    start: Time
    """Admitted."""
    kind: Code
    """Patient class. Mapped: INPATIENT, OUTPATIENT, EMERGENCY, PREADMIT, OTHER, UNKNOWN."""
    ward: str | None
    """Code of the ward."""
    details: StayDetails | None
    """Reason and ward."""

CaseState = Literal["OPEN", "DECIDED", "CLOSED"]

class EntryDetails(TypedDict):
    """What is sensitive about an entry."""

    title: str | None
    """Title."""
    text: str | None
    """Text."""

class CaseStatus(TypedDict):
    """Where a citizen's case stands and who holds it."""

    citizen: str
    """The citizen's key."""
    case: str
    """The case, as system|id."""
    revision: int
    """Counts from 1."""
    kind: Code
    """Kind of case."""
    agency: str
    """The agency that handles it."""
    state: CaseState
    """Where it stands."""
    holder: Holder | None
    """Who has to act."""
    since: Time
    """Since when."""
    last_step: Code
    """The last step that was done."""
    next_step: Code | None
    """What comes next."""
    expected_by: Time | None
    """By when."""
    sensitivity: Sensitivity
    """How sensitive."""
    protection: Protection
    """Protection marking."""
    details: EntryDetails | None
    """Title and text."""

class CaseWithdrawn(TypedDict):
    """A case that was said under this citizen's key is another citizen's: two citizens had been taken for one. A later CaseStatus with a higher revision brings it back."""

    citizen: str
    """The citizen's key."""
    case: str
    """Which case, as CaseStatus names it."""
    revision: int
    """Counts on from CaseStatus; the highest for a citizen and a case holds."""
    cause: str
    """Event id of the fact that caused it."""

class CitizenMoved(TypedDict):
    """What is under this citizen's key belongs to another key: entries and cases keep their ids, and what comes later comes under the other key. The highest revision for a key holds."""

    citizen: str
    """The key that is an alias from now on."""
    moved_to: str
    """The citizen's key; the same as `citizen` when a key that had moved stands for itself again."""
    revision: int
    """How much was known about the citizen's identifiers when this was said."""
    cause: str
    """Event id of the fact that caused it."""

EntryStatus = Literal["CURRENT", "CORRECTED", "RETRACTED"]

class EntryChanged(TypedDict):
    """An entry of the timeline was corrected, withdrawn, stands again, or is another citizen's; everything else about it stays. May come before its entry when citizens were merged."""

    citizen: str
    """The key under which the entry was said."""
    entry_id: str
    """Which entry."""
    revision: int
    """Counts on from the entry's own revision; the highest holds."""
    status: EntryStatus
    """Whether it still stands."""
    replaced_by: str | None
    """Entry that corrected or withdrew it."""
    moved_to: str | None
    """The key whose entry it is, when that is not the key under which the entry was said: two citizens had been taken for one. That key's CitizenMoved counts."""

class TimelineEntry(TypedDict):
    """One step in a citizen's timeline. The same entry id with a higher revision replaces it."""

    citizen: str
    """The citizen's key."""
    entry_id: str
    """The entry's id: the id of the fact that made it."""
    revision: int
    """Counts from 1."""
    at: Time
    """When it happened, as the source has it."""
    recorded: int
    """When the source recorded it. Entries are ordered by `placed` (where that is null, `at`), then by it, then by `sequence` (null first), then by `rank`, then by entry id."""
    sequence: int | None
    """The source's own sequence number, where it has one."""
    placed: int | None
    """Where it stands in the timeline when `at` cannot be right (a day after it was recorded, or before 1900); null otherwise."""
    rank: int
    """What must have come first by its nature has the smaller one: what opens before what decides, what decides before what ends."""
    kind: str
    """Record type of the fact, e.g. AppointmentScheduled."""
    text: str
    """Key of the text to show, e.g. appointment.scheduled."""
    agency: str
    """The agency that said it."""
    institution: Institution | None
    """Where."""
    case: str | None
    """The case it belongs to, as system|id."""
    reference: str | None
    """The appointment, stay, enrolment or exam it is about, as system|id."""
    start: Time | None
    """Start of what was planned."""
    end: Time | None
    """End of what was planned."""
    invited: list[Invitee]
    """Who is on the list of a meeting; empty for anything else."""
    holder: Holder | None
    """Who has to act after it."""
    next_step: Code | None
    """What comes next."""
    expected_by: Time | None
    """By when."""
    status: EntryStatus
    """Whether it still stands."""
    replaced_by: str | None
    """Entry that corrected or withdrew it."""
    confidence: TimeConfidence
    """How far the entry's time can be trusted."""
    sensitivity: Sensitivity
    """How sensitive."""
    protection: Protection
    """Protection marking."""
    details: EntryDetails | None
    """Title and text."""
