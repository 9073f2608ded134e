"""The order of facts, also where a source gives equal or impossible times.

Total, and a function of the facts alone: first the times, then the source's own sequence, then what must have
come first by its nature (what opens before what decides, what decides before what ends), then the id.
"""

from router.spans import DAY
from router.state import CLOSES, KIND_NUMBER, Fact, instant_of

EARLIEST = -2_208_988_800_000_000
"""1900-01-01T00:00Z. No living citizen's fact is older: such a time is a placeholder, as 0001-01-01 is."""
LAST = 5
"""The rank of what ends something, also of a step that closes its case."""
RANKS = {
    **dict.fromkeys(KIND_NUMBER, 3),
    **dict.fromkeys(("PersonRegistered", "IdentityLinked", "IdentityMerged"), 0),
    "PersonUpdated": 1,
    **dict.fromkeys(
        ("CaseOpened", "ReferralSent", "AppointmentScheduled", "StayStarted", "EnrollmentChanged",
         "ExamScheduled"), 2,
    ),
    **dict.fromkeys(("DecisionMade", "ReferralUpdated", "ProposalAnswered"), 4),
    **dict.fromkeys(("StayEnded", "AppointmentCancelled", "AppointmentMissed"), LAST),
    **dict.fromkeys(("StayCorrected", "FactRetracted"), 6),
}  # fmt: skip
"""The place of each record type among facts of one instant of which the source gives no sequence."""
_BY_KIND = tuple(RANKS[name] for name in KIND_NUMBER)

Order = tuple[int, int, bool, int, int, bytes]


def placed(occurred: int, recorded: int) -> int:
    """Where a fact stands in time: when it occurred, unless that cannot be.

    Nothing is written down a day before it has happened (a day, for zones, clocks and dates without a time of
    day), and nothing here happened before 1900: such a fact stands where it was recorded.
    """
    if EARLIEST <= occurred <= recorded + DAY or recorded < EARLIEST:
        return occurred
    return recorded


def placed_at(fact: Fact) -> int:
    """``placed`` of a remembered fact."""
    recorded = instant_of(fact.recorded)
    return recorded if fact.occurred is None else placed(instant_of(fact.occurred), recorded)


def source_order(fact: Fact) -> Order:
    """The order in which the source said it: recorded, placed, sequence (none first), rank, id."""
    recorded, occurred, sequence = instant_of(fact.recorded), fact.occurred, fact.sequence
    when = recorded if occurred is None else placed(instant_of(occurred), recorded)
    return recorded, when, sequence is not None, sequence or 0, _rank(fact), fact.id


def world_order(fact: Fact) -> Order:
    """The order in which it happened: placed, recorded, sequence (none first), rank, id."""
    recorded, occurred, sequence = instant_of(fact.recorded), fact.occurred, fact.sequence
    when = recorded if occurred is None else placed(instant_of(occurred), recorded)
    return when, recorded, sequence is not None, sequence or 0, _rank(fact), fact.id


def _rank(fact: Fact) -> int:
    return LAST if fact.marks & CLOSES else _BY_KIND[fact.kind]
