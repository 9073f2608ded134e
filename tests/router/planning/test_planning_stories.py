"""Random stories of appointments, slots, statements, answers and time, against a small oracle.

The oracle is a notebook: what was said last of each appointment and each slot. It knows nothing of rounds,
states or the planner. Whatever the story and wherever a restart falls: the same states byte for byte and the
same words, never two open proposals, and each made of slots that were to be had when it was made.
"""

from itertools import combinations, product
from random import Random

from hypothesis import event, given, settings
from hypothesis import strategies as st

from router.rules import load_rules
from tests.router.building import appointment, at, cancelled, fact
from tests.router.planning.village import MINUTE, Village
from tests.router.slots import PHYSIO, offered, slot, withdrawn

AGENCY = "hospital.innlandet"
RULES = load_rules(inboxes=[AGENCY])
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MONDAY = at("2026-03-09 00:00")
SERVICES = ({**PHYSIO, "mapped": "PHYSIOTHERAPY"}, {**PHYSIO, "mapped": "NEUROLOGY"})
LENGTH = 30 * MINUTE


class Notebook:
    """What was said last: here everything is said in the order in which it is recorded."""

    def __init__(self):
        self.appointments = {}
        self.slots = {}
        self.refused = {}
        self.open = None

    def to_be_had(self, name, now):
        """When a slot is, if it may be proposed now."""
        span, until = self.slots[name]
        return span if until > now and self.refused.get(name, 0) <= now else None


def times(draw, least):
    return least + draw(st.integers(0, 10)) * 12 * HOUR + draw(st.integers(8, 12)) * HOUR


@st.composite
def stories(draw):
    """Steps of a story, each with what the notebook writes down, at a rising time."""
    now, steps = MONDAY - 10 * DAY, []
    for number in range(draw(st.integers(8, 30))):
        now += draw(st.sampled_from((MINUTE, HOUR, 5 * HOUR, 30 * HOUR)))
        service = draw(st.integers(0, 1))
        kind = draw(
            st.sampled_from(
                (
                    "visit",
                    "visit",
                    "visit",
                    "cancel",
                    "slots",
                    "slots",
                    "slots",
                    "gone",
                    "matters",
                    "answer",
                    "time",
                )
            )
        )
        name = draw(st.sampled_from(("a1", "a2", "a3", "a4")))
        slots = draw(
            st.lists(
                st.tuples(st.sampled_from(("s1", "s2", "s3", "s4", "s5")), st.integers(0, 40)),
                max_size=4,
                unique_by=lambda each: each[0],
            )
        )
        start = times(draw, MONDAY - 3 * DAY)
        steps.append(
            (kind, number, now, service, name, start, slots, draw(st.sampled_from(("DECLINED", "COUNTERED"))))
        )
    return steps


def events_of(notebook, step):  # noqa: PLR0911 - one return for each kind
    """What a step says, written down."""
    kind, number, now, service, name, start, slots, answer = step
    name, more = f"{name}-{service}", {"recorded": now, "id": f"event-{number}"}
    if kind == "visit":
        notebook.appointments[name] = start
        return [appointment("N1", name, start, start + LENGTH, service=SERVICES[service], **more)]
    if kind == "cancel":
        notebook.appointments.pop(name, None)
        return [cancelled("N1", name, **more)]
    if kind == "slots":
        spans = [(f"{each}-{service}", MONDAY + half * 6 * HOUR) for each, half in slots]
        for each, begin in spans:
            if begin > now:
                notebook.slots[each] = (begin, begin + LENGTH), begin
        return [
            offered(
                [slot(each, begin, begin + LENGTH) for each, begin in spans],
                service=SERVICES[service],
                **more,
            )
        ]
    if kind == "gone" and slots:
        gone = f"{slots[0][0]}-{service}"
        notebook.slots.pop(gone, None)
        return [withdrawn(gone, service=SERVICES[service], **more)]
    if kind == "matters":
        said = [{"kind": "NOT_ON", "weight": "WISH", "weekdays": [number % 7], "minute": None}]
        return [fact("MattersStated", "N1", {"matters": said, "details": None}, **more)]
    if kind == "answer" and notebook.open:
        body = {
            "proposal_id": notebook.open["proposal_id"],
            "answer": answer,
            "reason": None,
            "wishes": [],
            "details": None,
        }
        return [fact("ProposalAnswered", "N1", body, **more)]
    return []


def check(village, notebook, heard):
    """What was said since then, held against the notebook."""
    for output in village.said[heard:]:
        if output.record != "Proposal":
            continue
        proposal = dict(output.value)
        if proposal["status"] != "OPEN":
            assert notebook.open is not None
            assert proposal["proposal_id"] == notebook.open["proposal_id"]
            if proposal["status"] in {"DECLINED", "EXPIRED"}:
                notebook.refused.update(
                    (move["slot"], move["start"]["instant"]) for move in proposal["moves"]
                )
            notebook.open = None
            continue
        assert notebook.open is None, "two proposals are open"
        notebook.open = proposal
        event("proposed")
        now = proposal["at"]["instant"]
        assert proposal["gains"]
        assert len({move["slot"] for move in proposal["moves"]}) == len(proposal["moves"])
        for move in proposal["moves"]:
            span = notebook.to_be_had(move["slot"], now)
            assert span == (move["start"]["instant"], move["end"]["instant"])
            assert notebook.appointments[move["appointment"]["id"]] == move["old_start"]["instant"]
            assert move["appointment"]["id"][-1] == move["slot"][-1], "another service"
            assert move["agency"] == AGENCY
            assert min(span[0], move["old_start"]["instant"]) >= now + DAY
            assert now < proposal["answer_by"]["instant"] <= min(span[0], move["old_start"]["instant"])


@settings(max_examples=120, deadline=None)
@given(stories(), st.integers(0, 2**30))
def test_every_story_ends_the_same_with_restarts_and_breaks_no_rule(story, seed):
    random = Random(seed)
    village, twin = Village(RULES), Village(RULES, lambda: random.random() < 0.5)
    notebook, heard = Notebook(), 0
    for step in story:
        village.tick(step[2], every=HOUR)
        check(village, notebook, heard)
        heard = len(village.said)
        events = events_of(notebook, step)
        village.hear(*events)
        check(village, notebook, heard)
        heard = len(village.said)
        twin.tick(step[2], every=HOUR).hear(*events)
        assert twin.bytes_of() == village.bytes_of()
    assert [(each.record, each.value) for each in twin.said] == [
        (each.record, each.value) for each in village.said
    ]


def judged(spans):
    """Overlaps and days of some visits, by hand."""
    overlaps = sum(one[0] < other[1] and other[0] < one[1] for one, other in combinations(spans, 2))
    days = len({(begin - MONDAY) // DAY for begin, _ in spans})
    return overlaps, days, sum(begin for begin, _ in spans)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 20), min_size=2, max_size=4),
    st.lists(st.lists(st.integers(0, 60), max_size=4, unique=True), min_size=4, max_size=4),
)
def test_the_first_proposal_is_the_best_of_all_that_can_be_had(visits, slots):
    """One place, four services, two days in quarters of an hour: all combinations are tried."""

    def span(number):
        begin = MONDAY + 8 * HOUR + number // 40 * DAY + number % 40 * 15 * MINUTE
        return begin, begin + LENGTH

    services = [{**PHYSIO, "mapped": f"SERVICE_{number}"} for number in range(4)]
    visits = [number * 3 for number in visits]
    village = Village(RULES)
    for number, start in enumerate(visits):
        village.hear(appointment("N1", f"a{number}", *span(start), service=services[number]))
    for number, each in enumerate(slots):
        if each:
            village.hear(
                offered([slot(f"s{number}-{one}", *span(one)) for one in each], service=services[number])
            )
    village.tick(MONDAY - 5 * DAY)
    found = {
        output.value["finding_id"]: output.value for output in village.said if output.record == "Finding"
    }
    parties = {
        int(party["reference"][-1])
        for finding in found.values()
        if finding["status"] == "OPEN" and finding["severity"] != "INFO"
        for party in finding["parties"]
    }
    options = [
        [span(start), *(span(one) for one in slots[number])] if number in parties else [span(start)]
        for number, start in enumerate(visits)
    ]
    best = min(map(judged, product(*options)))
    present = judged([span(start) for start in visits])
    proposals = village.proposals()
    if best[:2] >= present[:2]:
        assert not proposals
        return
    event("proposed")
    (proposal,) = proposals
    after = dict(enumerate(map(span, visits)))
    for move in proposal["moves"]:
        after[int(move["appointment"]["id"][-1])] = move["start"]["instant"], move["end"]["instant"]
    assert judged(list(after.values())) == best
    assert proposal["numbers"]["conflicts_after"] == best[0]
