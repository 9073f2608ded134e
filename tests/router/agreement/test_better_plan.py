"""What fails is followed by a better plan, without what was refused; what is settled closes its findings."""

from tests.router.agreement.building import MINUTE, agency_says
from tests.router.building import appointment, at
from tests.router.planning.test_proposals import (
    NOON_BEFORE,
    RULES,
    answered,
    hamar,
    shelves,
    slots_of,
    states,
    week,
)
from tests.router.planning.village import Village


def asked(village):
    return [output.value for output in village.said if output.record == "AgencyRequest"]


def accepted():
    village = Village(RULES).hear(*shelves(), *week()).tick(NOON_BEFORE)
    village.hear(answered(village.proposals()[0], "ACCEPTED"))
    return village.tick(NOON_BEFORE + MINUTE)


def test_a_slot_that_is_gone_brings_another_plan_without_it():
    village = accepted()
    (hold,) = asked(village)
    assert {each["slot"] for each in hold["moves"]} == {"p1", "n1"}
    village.hear(agency_says(hold, "GONE", NOON_BEFORE + MINUTE))
    village.tick(NOON_BEFORE + 5 * MINUTE)
    assert states(village) == [("FAILED", "proposal.failed.gone"), ("OPEN", "proposal.open")]
    first, second = village.proposals()
    assert slots_of(first) == {"p1", "n1"}
    assert slots_of(second).isdisjoint({"p1", "n1"})


def test_what_is_settled_is_so_and_its_findings_close_with_the_facts():
    village = accepted()
    village.hear(agency_says(asked(village)[-1], "HELD", NOON_BEFORE + MINUTE))
    for move in asked(village)[-1]["moves"]:
        name, start, end = move["appointment"]["id"], move["start"]["instant"], move["end"]["instant"]
        more = {"where": hamar("WEST"), "recorded": NOON_BEFORE + 2 * MINUTE}
        village.hear(appointment("N1", name, start, end, record="AppointmentRescheduled", **more))
    assert states(village) == [("SETTLED", "proposal.settled")]
    found = {
        output.value["finding_id"]: output.value for output in village.said if output.record == "Finding"
    }
    assert all(found[name]["status"] == "CLOSED" for name in village.proposals()[0]["findings"])
    village.tick(at("2026-03-04 12:00"), every=60 * MINUTE)
    assert len(village.proposals()) == 1
