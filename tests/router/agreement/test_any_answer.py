"""No answer that the contract allows makes the agreement raise, or say what the contract does not allow."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.agreement.bundle import request_id
from router.events import Event
from schemas.catalogue import catalogue
from tests.router.agreement.building import DAY, KEY, MINUTE, citizen_says, move, proposal
from tests.router.agreement.rig import AGENCIES, START, Rig
from tests.router.building import CODEC, TOPIC_OF, appointment
from tests.schemas.values import values

NAMES = ("7f1b6f52-7f7e-5d0c-9d55-4c1f0c1e7a01", "7f1b6f52-7f7e-5d0c-9d55-4c1f0c1e7a02")
RECORDS = ("ProposalAnswered", "RequestAnswered", "AppointmentRescheduled", "AppointmentCancelled")
FACTS = {record: values(catalogue().records[record].schema) for record in RECORDS}
IDS = [request_id(name, agency, sequence) for name in NAMES for agency in AGENCIES for sequence in (1, 2, 3)]
FAR = st.sampled_from([-(2**62), 0, START, START + DAY, 2**62])


@st.composite
def facts(draw):
    record = draw(st.sampled_from(RECORDS))
    value = draw(FACTS[record])
    meta = value["meta"]
    meta["subject"] = {"key": KEY, "identifiers": []}
    meta["source"]["agency"] = draw(st.sampled_from((*AGENCIES, "other")))
    meta["recorded"]["instant"] = draw(FAR)
    meta["supersedes"] = meta["retracts"] = None
    if "proposal_id" in value:
        value["proposal_id"] = draw(st.sampled_from((*NAMES, value["proposal_id"])))
    elif "request_id" in value:
        value["request_id"] = draw(st.sampled_from((*IDS, value["request_id"])))
    else:
        value["appointment"] = {"system": "HIS", "id": draw(st.sampled_from(AGENCIES))}
    return Event(TOPIC_OF[record], KEY, record, value, CODEC.encode(record, value))


steps = st.lists(facts() | st.sampled_from([1, 5, 60, 500, 5000]), max_size=12)


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    agencies=st.sets(st.sampled_from(AGENCIES), min_size=1),
    old=FAR,
    new=FAR,
    accepted=st.booleans(),
    then=steps,
)
def test_whatever_is_answered(agencies, old, new, accepted, then):
    rig = Rig()
    for agency in sorted(agencies):
        rig.take(appointment(KEY, agency, old, source=(agency, "HIS"), recorded=START))
    moves = [move(agency, agency, old, f"s {agency}", new) for agency in sorted(agencies)]
    rig.offer(proposal(NAMES[0], moves, rig.minute))
    if accepted:
        rig.take(citizen_says(NAMES[0], "ACCEPTED", rig.minute))
    for step in then:
        if isinstance(step, Event):
            rig.take(step)
        else:
            rig.pass_to(rig.minute + step * MINUTE)
    assert all(START <= value["at"]["instant"] <= rig.minute + 3 * DAY for value in rig.values("Proposal"))
