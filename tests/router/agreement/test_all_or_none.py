"""All agencies carry a bundle out or none does: over losses, delays, doubles, other orders and crashes."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from router.agreement import saga
from tests.router.agreement.agencies import Agency
from tests.router.agreement.building import DAY, HOUR, MINUTE, agency_says, citizen_says, move, proposal
from tests.router.agreement.rig import AGENCIES, START, Rig
from tests.router.building import appointment

FAR = START + 90 * DAY
ENDED = {"SETTLED", "FAILED", "DECLINED", "COUNTERED", "EXPIRED", "WITHDRAWN"}
END_TEXTS = ("proposal.settled", "proposal.failed", "proposal.expired", "proposal.withdrawn")
places = st.integers(0, 1000)


class Town(RuleBasedStateMachine):
    """A citizen with two appointments at each of three agencies, and everything that can go wrong."""

    @initialize()
    def begin(self):
        self.rig = Rig()
        self.agencies = {name: Agency(name) for name in AGENCIES}
        self.requests, self.facts = [], []
        self.offered, self.staff_moved = {}, set()
        for place, (name, agency) in enumerate(self.agencies.items()):
            for number in range(2):
                agency.calendar[f"{name}-{number}"] = FAR + (2 * place + number) * DAY
                self.rig.take(self.booked(name, f"{name}-{number}"))
        self.slots = self.clicks = 0

    def booked(self, agency, name, record="AppointmentScheduled"):
        start = self.agencies[agency].calendar[name]
        source = (agency, "HIS")
        return appointment(self.rig.key, name, start, record=record, recorded=self.rig.minute, source=source)

    def take(self, outputs):
        asked = [dict(output.value) for output in outputs if output.record == "AgencyRequest"]
        self.requests += asked
        if any(request["action"] == "CONFIRM" for request in asked):
            offered = self.offered[asked[0]["proposal_id"]]
            assert {request["agency"] for request in asked} == {item["agency"] for item in offered["moves"]}
            assert all(self.agencies[request["agency"]].has_held(request) for request in asked)

    @precondition(lambda self: not self.rig.statuses() or self.rig.statuses()[-1] in ENDED)
    @rule(choice=st.sets(st.sampled_from(AGENCIES), min_size=1), both=st.booleans())
    def offer(self, choice, both):
        moves = []
        for name in sorted(choice):
            for number in range(1 + both):
                self.slots += 1
                old = self.agencies[name].calendar[f"{name}-{number}"]
                new = FAR + 40 * DAY + self.slots * HOUR
                moves.append(move(name, f"{name}-{number}", old, f"s{self.slots}", new))
        name = f"p{len(self.offered)}"
        # What planning looks at is what the router knows; it may have been moved a moment ago.
        self.offered[name] = proposal(name, moves, self.rig.minute)
        self.take(self.rig.offer(self.offered[name]))

    @precondition(lambda self: self.offered and self.rig.statuses()[-1] == "OPEN")
    @rule(said=st.sampled_from([(0, "ACCEPTED")] * 7 + [(1, "ACCEPTED"), (0, "DECLINED"), (0, "COUNTERED")]))
    def citizen_answers(self, said):
        back, answer = said
        self.say(back, answer)
        self.take(self.rig.pass_to(self.rig.minute + MINUTE))

    @precondition(lambda self: self.offered)
    @rule(
        said=st.sampled_from(
            [None] * 8 + [(0, "ACCEPTED"), (0, "DECLINED"), (1, "ACCEPTED"), (0, "COUNTERED")]
        )
    )
    def citizen_answers_again(self, said):
        if said:
            self.say(*said)

    def say(self, back, answer):
        name = f"p{max(0, len(self.offered) - 1 - back)}"
        self.clicks += 1
        self.take(self.rig.take(citizen_says(name, answer, self.rig.minute, id=f"click {self.clicks}")))

    @precondition(lambda self: self.requests)
    @rule(
        place=places,
        fate=st.sampled_from(["done"] * 6 + ["twice", "refused", "lost", "careless"]),
    )
    def agency_works(self, place, fate):
        place %= len(self.requests)
        request = self.requests[place] if fate == "twice" else self.requests.pop(place)
        if fate != "lost":
            self.work(request, willing=fate != "refused", careful=fate != "careless")

    @precondition(lambda self: self.requests)
    @rule()
    def all_agencies_work(self):
        while self.requests:
            self.work(self.requests.pop(0))

    def work(self, request, *, willing=True, careful=True):
        agency = self.agencies[request["agency"]]
        before = dict(agency.calendar)
        answer = agency.receive(request, willing=willing, careful=careful)
        for name, start in agency.calendar.items():
            if before[name] != start:
                self.facts.append(self.booked(agency.name, name, "AppointmentRescheduled"))
        self.facts.append(agency_says(request, answer, self.rig.minute))

    @precondition(lambda self: self.facts)
    @rule(place=places, fate=st.sampled_from(["once"] * 5 + ["twice", "lost"]))
    def fact_arrives(self, place, fate):
        place %= len(self.facts)
        fact = self.facts[place] if fate == "twice" else self.facts.pop(place)
        if fate != "lost":
            self.take(self.rig.take(fact))

    @precondition(lambda self: self.facts)
    @rule()
    def all_facts_arrive(self):
        while self.facts:
            self.take(self.rig.take(self.facts.pop(0)))

    @rule(minutes=st.sampled_from([1, 1, 1, 2, 2, 30, 60, 250, 500]))
    def time_passes(self, minutes):
        self.take(self.rig.pass_to(self.rig.minute + minutes * MINUTE))

    @precondition(lambda self: self.slots)
    @rule(agency=st.sampled_from(AGENCIES), back=st.integers(0, 20))
    def slot_goes(self, agency, back):
        slot = f"s{self.slots - back}"
        if slot not in self.agencies[agency].holds:
            self.agencies[agency].taken.add(slot)

    @rule(
        agency=st.sampled_from(AGENCIES),
        number=st.integers(0, 1),
        really=st.sampled_from([False] * 5 + [True]),
    )
    def staff_moves_an_appointment(self, agency, number, really):
        """By telephone, as long as the agency has not confirmed anything with it."""
        books, name = self.agencies[agency], f"{agency}-{number}"
        if not really or any(appointment == name for _, appointment in books.moved):
            return
        books.calendar[name] += HOUR
        self.facts.append(self.booked(agency, name, "AppointmentRescheduled"))

    @invariant()
    def one_proposal_is_open(self):
        if not hasattr(self, "rig"):
            return
        latest = {value["proposal_id"]: value["status"] for value in self.rig.values("Proposal")}
        assert sum(status not in ENDED for status in latest.values()) <= 1

    def teardown(self):
        if hasattr(self, "rig"):
            self.come_to_rest()
            for name, offered in self.offered.items():
                self.check(name, offered)
            assert not any(agency.holds for agency in self.agencies.values())

    def come_to_rest(self):
        """Everything arrives in the end, and everybody does what is asked."""
        for _ in range(200):
            while self.requests or self.facts:
                while self.requests:
                    self.work(self.requests.pop(0))
                while self.facts:
                    self.take(self.rig.take(self.facts.pop(0)))
            self.take(self.rig.pass_to(self.rig.minute + 6 * HOUR))
            if not (self.requests or self.facts) and not self.busy():
                return
        raise AssertionError("it never comes to rest")

    def busy(self):
        return any(
            bundle.is_open or any(seat.again is not None for seat in bundle.seats)
            for bundle in self.rig.records.bundles
        )

    def check(self, name, offered):
        said = [value for value in self.rig.values("Proposal") if value["proposal_id"] == name]
        assert [value["revision"] for value in said] == list(range(1, len(said) + 1))
        ends = [value["status"] for value in said if value["status"] in ENDED]
        assert len(ends) == 1
        moved = [
            name == proposal_ and item["appointment"]["id"] == appointment_
            for item in offered["moves"]
            for proposal_, appointment_ in self.agencies[item["agency"]].moved
        ].count(True)
        assert moved == (len(offered["moves"]) if ends == ["SETTLED"] else 0)
        end_entries = {
            value["entry_id"]
            for value in self.rig.values("TimelineEntry")
            if value["text"].startswith(END_TEXTS)
        }
        told = [text for text in self.rig.told() if text.startswith(END_TEXTS)]
        assert len(told) == len(end_entries)
        silent = sum(v["status"] in {"DECLINED", "COUNTERED"} for v in self.rig.values("Proposal"))
        assert len(told) == len(self.offered) - silent
        if ends == ["FAILED"]:
            assert self.rig.records.outlook is not None, "a better plan may follow"
        self.check_requests(name)

    def check_requests(self, name):
        for agency in AGENCIES:
            asked = [r for r in self.rig.requests() if (r["proposal_id"], r["agency"]) == (name, agency)]
            assert [r["sequence"] for r in asked] == sorted(r["sequence"] for r in asked)
            assert len({(r["request_id"], r["sequence"], r["action"]) for r in asked}) == len(
                {r["request_id"] for r in asked}
            )
            assert all(r["deadline"]["instant"] % MINUTE == 0 for r in asked)


BOUNDS = settings(
    max_examples=150, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTown = Town.TestCase
TestTown.settings = BOUNDS


def test_it_sees_a_release_that_is_forgotten(monkeypatch):
    """A test of the test: without one of the releases, half a bundle is found."""
    honest = saga.Saying.ask

    def forgetful(saying, bundle, seat, deadline):
        if seat.action(seat.asked) != "RELEASE" or seat is not bundle.seats[-1]:
            honest(saying, bundle, seat, deadline)

    monkeypatch.setattr(saga.Saying, "ask", forgetful)
    quick = settings(BOUNDS, max_examples=300, phases=[Phase.generate], database=None, derandomize=True)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Town, settings=quick)
