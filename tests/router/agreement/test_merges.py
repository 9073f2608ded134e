"""A bundle ends whole when citizens are found to be one, or not to be one, while it is under way."""

import pytest

from router.agreement import desk
from router.events import Output
from router.step import tick, wake
from router.stored import dump, load
from tests.router.agreement.building import DAY, MINUTE, agency_says, citizen_says, move, proposal
from tests.router.agreement.rig import RULES, START
from tests.router.building import CODEC, appointment, linked, unlinked
from tests.router.world import World, moved

HOSPITAL, SCHOOL = "hospital.b", "school.c"
OLD, NEW = START + 20 * DAY, START + 30 * DAY
ONE, TWO = "7f1b6f52-7f7e-5d0c-9d55-4c1f0c1e7a01", "7f1b6f52-7f7e-5d0c-9d55-4c1f0c1e7a02"


class Town(World):
    """Keys on two partitions that are told the time."""

    def __init__(self):
        super().__init__(2, RULES)
        self.minute = START

    def say(self, *events):
        for event in events:
            self.put([event])
            self.run()

    def offer(self, key, name, *moves):
        outputs: list[Output] = []
        for states in self.states:
            if key in states:
                citizen = load(states[key])
                desk.offer(citizen.records, proposal(name, list(moves), self.minute, key=key), outputs)
                states[key] = dump(citizen)
        self.hear(outputs)

    def wait(self, minutes=1):
        self.minute += minutes * MINUTE
        for states in self.states:
            for key, data in list(states.items()):
                wanted = wake(load(data))
                if wanted is not None and wanted <= self.minute:
                    citizen, outputs = tick(key, load(data), self.minute, self.rules)
                    states[key] = dump(citizen)
                    self.hear(outputs)
        self.run()

    def hear(self, outputs):
        for output in outputs:
            CODEC.encode(output.record, output.value)
            self.outputs.append(output)
            if output.topic == "router.moves" and output.record == "Move":
                self.put([moved(output)])

    def values(self, record, **wanted):
        values = [output.value for output in self.outputs if output.record == record]
        return [value for value in values if wanted.items() <= value.items()]

    def statuses(self, name):
        return [value["status"] for value in self.values("Proposal", proposal_id=name)]

    def answer(self, agency, said, name=ONE):
        request = self.values("AgencyRequest", agency=agency, proposal_id=name)[-1]
        self.say(agency_says(request, said, self.minute))

    def asked(self, name=ONE):
        return [(one["agency"], one["action"]) for one in self.values("AgencyRequest", proposal_id=name)]


def booked(key, agency, start=OLD):
    return appointment(
        key, f"at {agency}", start, recorded=START, source=(agency, "HIS"), national=key[0] == "N"
    )


def to_move(agency):
    return move(agency, f"at {agency}", OLD, f"slot at {agency}", NEW)


def under_way():
    """A hospital's number under which two agencies are asked to hold."""
    town = Town()
    town.say(booked("L1", HOSPITAL), booked("L1", SCHOOL, OLD))
    town.offer("L1", ONE, to_move(HOSPITAL), to_move(SCHOOL))
    town.say(citizen_says(ONE, "ACCEPTED", START, key="L1"))
    town.wait()
    return town


def test_a_bundle_goes_with_its_citizen_and_is_settled_under_the_other_key():
    town = under_way()
    town.answer(HOSPITAL, "HELD")
    town.say(linked("N1", "L1", recorded=START))
    assert set(town.homes()) == {"N1"}
    town.answer(SCHOOL, "HELD")
    town.answer(SCHOOL, "CONFIRMED")
    town.answer(HOSPITAL, "CONFIRMED")
    assert town.statuses(ONE) == ["OPEN", "ACCEPTED", "SETTLED"]
    assert town.values("Refusal") == []
    assert {request["citizen"] for request in town.values("AgencyRequest")} == {"L1"}


def test_a_deadline_is_kept_under_the_other_key():
    town = under_way()
    town.answer(HOSPITAL, "HELD")
    town.say(linked("N1", "L1", recorded=START))
    town.wait(4 * 60)
    assert town.asked()[2:] == [(HOSPITAL, "RELEASE"), (SCHOOL, "RELEASE")]
    assert town.statuses(ONE)[-1] == "FAILED"


@pytest.mark.parametrize("accepted", [False, True])
def test_of_two_open_bundles_of_one_citizen_the_one_that_is_farther_stays(accepted):
    town = under_way()
    town.say(appointment("N1", "b1", OLD + DAY, recorded=START, source=(SCHOOL, "HIS")))
    town.offer("N1", TWO, move(SCHOOL, "b1", OLD + DAY, "other slot", NEW + DAY))
    if accepted:
        town.say(citizen_says(TWO, "ACCEPTED", START, key="N1"))
    town.say(linked("N1", "L1", recorded=START))
    town.wait()
    assert town.statuses(TWO) == (["OPEN", "FAILED"] if accepted else ["OPEN", "WITHDRAWN"])
    for agency in (HOSPITAL, SCHOOL):
        town.answer(agency, "HELD")
    for agency in (HOSPITAL, SCHOOL):
        town.answer(agency, "CONFIRMED")
    assert town.statuses(ONE) == ["OPEN", "ACCEPTED", "SETTLED"]
    assert town.asked(TWO) == []


def test_a_bundle_with_somebody_elses_appointment_is_let_go_when_they_are_parted():
    town = Town()
    town.say(booked("N1", HOSPITAL), booked("L2", SCHOOL), linked("N1", "L2", recorded=START))
    town.offer("N1", ONE, to_move(HOSPITAL), to_move(SCHOOL))
    town.say(citizen_says(ONE, "ACCEPTED", START, key="N1"))
    town.wait()
    town.answer(HOSPITAL, "HELD")
    town.answer(SCHOOL, "HELD")
    town.answer(SCHOOL, "CONFIRMED")
    town.say(unlinked("N1", "L2", recorded=START + MINUTE))
    town.wait()
    assert town.asked()[4:] == [(HOSPITAL, "RELEASE"), (SCHOOL, "RELEASE")]
    assert town.statuses(ONE) == ["OPEN", "ACCEPTED"]
    town.answer(SCHOOL, "RELEASED")
    town.answer(HOSPITAL, "RELEASED")
    assert town.statuses(ONE) == ["OPEN", "ACCEPTED", "FAILED"]
    told = [entry for entry in town.values("TimelineEntry") if entry["text"] == "proposal.failed.changed"]
    assert len(told) == 1


def test_a_bundle_stays_with_whose_it_is_when_others_are_parted():
    town = Town()
    town.say(booked("N1", HOSPITAL), booked("N1", SCHOOL))
    town.say(appointment("L2", "b1", OLD, recorded=START, national=False), linked("N1", "L2", recorded=START))
    town.offer("N1", ONE, to_move(HOSPITAL), to_move(SCHOOL))
    town.say(unlinked("N1", "L2", recorded=START + MINUTE))
    town.say(citizen_says(ONE, "ACCEPTED", START, key="L2"))
    assert [refusal["reason"] for refusal in town.values("Refusal")] == ["proposal.not_theirs"]
    town.say(citizen_says(ONE, "ACCEPTED", START, key="N1"))
    town.wait()
    for said in ("HELD", "CONFIRMED"):
        for agency in (HOSPITAL, SCHOOL):
            town.answer(agency, said)
    assert town.statuses(ONE) == ["OPEN", "ACCEPTED", "SETTLED"]
