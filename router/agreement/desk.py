"""Where the rest of the router meets a citizen's bundles: offers, answers, changed appointments, time."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from router.agreement import saga, words
from router.agreement.bundle import (
    CONFIRMED,
    COUNTERED,
    DECLINED,
    EXPIRED,
    HELD,
    OPEN,
    Bundle,
    Move,
    Seat,
    open_bundle,
    request_id,
)
from router.agreement.saga import Saying
from router.calendar import calendar_of
from router.events import Event, Outputs, Turn
from router.evidence import FOREIGN
from router.facts import institution_name
from router.planning.outlook import mark_due, refuse_slot, slot_name
from router.refusals import Reason, refusal
from router.rules import Rules
from router.state import CONFIDENCES, Citizen, Records, marks_of

Value = Mapping[str, Any]
MOST_ENDED = 8
"""So many ended bundles of a citizen are kept, beside those of which something is still held."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What a proposal's or request's id looks like; anything else might be anything, and is not passed on."""
ANSWERS = frozenset({"ProposalAnswered", "RequestAnswered"})


def may_offer(records: Records) -> bool:
    """Whether a proposal may be offered: there is one open proposal for a citizen at a time."""
    return open_bundle(records.bundles) is None


def owing(records: Records) -> frozenset[str]:
    """Agencies that have not let go of what they may hold: their appointments stay where they are for now."""
    return frozenset(
        seat.agency for bundle in records.bundles if bundle.has_failed for seat in bundle.owing()
    )


def offer(records: Records, proposal: Value, outputs: Outputs) -> None:
    """Offer a plan to the citizen: a ``Proposal`` as it is to be said, of status OPEN, with ``answer_by``.

    There must be none open (``may_offer``).
    """
    records.bundles = (*_remembered(records.bundles), _bundle(proposal))
    bundle, saying = records.bundles[-1], Saying(proposal["citizen"], outputs)
    saying.stands(bundle)
    saying.step(bundle)


def _remembered(bundles: Sequence[Bundle]) -> list[Bundle]:
    ended = [bundle for bundle in bundles if not any(seat.again is not None for seat in bundle.seats)]
    forgotten = ended[: max(0, len(ended) - MOST_ENDED + 1)]
    return [bundle for bundle in bundles if bundle not in forgotten]


def _bundle(proposal: Value) -> Bundle:
    agencies = list(dict.fromkeys(move["agency"] for move in proposal["moves"]))
    return Bundle(
        key=proposal["citizen"],
        proposal=proposal["proposal_id"],
        revision=0,
        stage=OPEN,
        reason=proposal["reason"],
        since=proposal["at"]["instant"],
        until=proposal["answer_by"]["instant"],
        confirm_by=0,
        moves=[_move(move, agencies.index(move["agency"])) for move in proposal["moves"]],
        seats=[Seat(agency) for agency in agencies],
        gains=list(proposal["gains"]),
        numbers=dict(proposal["numbers"]),
        findings=list(proposal["findings"]),
        marks=marks_of("EXACT", proposal["sensitivity"], proposal["protection"]),
    )


def _move(move: Value, seat: int) -> Move:
    old_end = move["old_end"]
    return Move(
        move["appointment"]["system"],
        move["appointment"]["id"],
        seat,
        institution_name(move["institution"]),
        move["old_start"]["instant"],
        None if old_end is None else old_end["instant"],
        CONFIDENCES.index(move["old_start"]["confidence"]),
        move["slot"],
        move["start"]["instant"],
        move["end"]["instant"],
        move["resource"],
        move["place"],
    )


def answered(turn: Turn, key: str, citizen: Citizen, everybody: Iterable[Citizen], event: Event) -> None:
    """A ``ProposalAnswered`` or ``RequestAnswered`` that ``citizen`` got, who is spoken of as ``key``.

    ``everybody`` are the citizens of the state: an agency's answer belongs to whoever has the bundle.
    """
    if event.record == "ProposalAnswered":
        reason = _citizen_answered(turn, key, citizen, everybody, event.value)
        reference = event.value["proposal_id"]
    else:
        reason = _agency_answered(turn, key, everybody, event.value)
        reference = event.value["request_id"]
    if reason is not None:
        named = reference if _UUID.fullmatch(reference) else ""
        turn.outputs.append(refusal(key, event.record, event.value, reason, named))
        if event.record == "ProposalAnswered":
            turn.outputs.append(words.not_open(key, event.value["meta"]))


def _citizen_answered(
    turn: Turn, key: str, citizen: Citizen, everybody: Iterable[Citizen], value: Value
) -> Reason | None:
    bundle = _proposed(citizen, value["proposal_id"])
    if bundle is None:
        others = [_proposed(person, value["proposal_id"]) for person in everybody]
        return "proposal.not_theirs" if any(others) else "proposal.unknown"
    answer = value["answer"]
    if bundle.stage != OPEN:
        return _already(bundle, answer)
    if answer == "ACCEPTED":
        saga.accept(bundle, turn.rules.inboxes)
        return None
    saying = Saying(key, turn.outputs)
    moment = value["meta"]["recorded"]["instant"]
    saga.decline(bundle, moment, saying, countered=answer == "COUNTERED")
    if answer == "DECLINED":
        _refuse(citizen, bundle, range(len(bundle.seats)))
    if value["reason"] is None or value["reason"]["mapped"] != "NO_CHANGE":
        _plan_again(citizen)
    return None


def _already(bundle: Bundle, answer: str) -> Reason | None:
    """The same answer twice is no harm."""
    said = {DECLINED: "DECLINED", COUNTERED: "COUNTERED"}.get(bundle.stage)
    if bundle.is_open:
        return None if answer == "ACCEPTED" else "proposal.answered"
    return None if answer == said else "proposal.closed"


def _proposed(citizen: Citizen, proposal: str) -> Bundle | None:
    return next((bundle for bundle in citizen.records.bundles if bundle.proposal == proposal), None)


def _agency_answered(turn: Turn, key: str, everybody: Iterable[Citizen], value: Value) -> Reason | None:
    for person in everybody:
        for bundle in person.records.bundles:
            for seat in bundle.seats:
                for sequence in range(1, seat.asked + 1):
                    if request_id(bundle.proposal, seat.agency, sequence) == value["request_id"]:
                        if seat.agency != value["meta"]["source"]["agency"]:
                            return "request.not_theirs"
                        found = person, bundle, seat, sequence
                        return _heard(turn, key, found, value)
    return "request.unknown"


def _heard(turn: Turn, key: str, found: tuple[Citizen, Bundle, Seat, int], value: Value) -> Reason | None:
    citizen, bundle, seat, sequence = found
    failed = bundle.has_failed
    reason = saga.answered(bundle, seat, sequence, value["answer"])
    if bundle.has_failed and not failed:
        _refuse(citizen, bundle, [bundle.seats.index(seat)])
    _proceed(turn, key, citizen, bundle, value["meta"]["recorded"]["instant"])
    return reason


def _proceed(turn: Turn, key: str, citizen: Citizen, bundle: Bundle, moment: int) -> None:
    was_open = bundle.is_open
    saga.proceed(bundle, moment, Saying(key, turn.outputs))
    if was_open and not bundle.is_open:
        _plan_again(citizen)


def appointment_changed(turn: Turn, key: str, citizen: Citizen, about: str, moment: int) -> None:
    """Something new was said about an appointment (``A|system|id``), and recorded at ``moment``."""
    start_of = _starts(citizen, turn.rules)
    for bundle in citizen.records.bundles:
        if saga.appointment_seen(bundle, about, start_of):
            gave_way(key, citizen, bundle, turn.outputs)
        _proceed(turn, key, citizen, bundle, moment)


def _starts(citizen: Citizen, rules: Rules) -> Callable[[Move], int | None]:
    visits = calendar_of(citizen, rules).visits

    def start_of(move: Move) -> int | None:
        found = visits.get(move.ref)
        return None if found is None else found.start

    return start_of


def slot_lost(key: str, citizen: Citizen, proposal: str, slot: str, outputs: Outputs) -> None:
    """A slot of a proposal can no longer be had. Once it was accepted, the agencies themselves say so."""
    bundle = _proposed(citizen, proposal)
    if bundle is not None and bundle.stage == OPEN and any(move.slot == slot for move in bundle.moves):
        gave_way(key, citizen, bundle, outputs)


def gave_way(key: str, citizen: Citizen, bundle: Bundle, outputs: Outputs) -> None:
    """What the bundle was made of is no longer so."""
    if bundle.stage == OPEN:
        saga.withdraw(bundle, Saying(key, outputs))
        _plan_again(citizen)
    else:
        saga.fail(bundle, "proposal.failed.changed")


def told(key: str, citizen: Citizen, minute: int, rules: Rules, outputs: Outputs) -> None:
    """The time is ``minute``."""
    kept = []
    for bundle in citizen.records.bundles:
        was_open, failed = bundle.is_open, bundle.has_failed
        if saga.told(bundle, minute, rules.patience, Saying(key, outputs)):
            kept.append(bundle)
        if was_open and bundle.stage == EXPIRED:
            _refuse(citizen, bundle, range(len(bundle.seats)))
        elif bundle.has_failed and not failed:
            _refuse(citizen, bundle, [place for place, seat in enumerate(bundle.seats) if _silent(seat)])
        if was_open and not bundle.is_open and bundle.stage != EXPIRED:
            _plan_again(citizen)
    citizen.records.bundles = tuple(kept)


def _silent(seat: Seat) -> bool:
    """It has not said what it was asked last."""
    return seat.said < (CONFIRMED if seat.confirms else HELD)


def wake(records: Records) -> int | None:
    """When a bundle wants the time; None for never."""
    times = [bundle.until for bundle in records.bundles]
    times += [seat.again for bundle in records.bundles for seat in bundle.seats]
    return min((time for time in times if time is not None), default=None)


def carry(sources: Iterable[Records], people: Sequence[Citizen]) -> None:
    """Put the bundles of some states to those citizens under whose keys they were offered."""
    latest: dict[str, Bundle] = {}
    for source in sources:
        for bundle in source.bundles:
            known = latest.get(bundle.proposal)
            if known is None or known.revision < bundle.revision:
                latest[bundle.proposal] = bundle
    for bundle in latest.values():
        theirs = [
            person for person in people if not person.records.members.get(bundle.key, FOREIGN) & FOREIGN
        ]
        (theirs or people)[0].records.bundles += (bundle,)


def regrouped(turn: Turn, key: str, citizen: Citizen) -> None:
    """It is otherwise known who is one citizen: one bundle stays open, if all its appointments are theirs."""
    bundles = citizen.records.bundles
    start_of = _starts(citizen, turn.rules)
    for bundle in bundles:
        if any(saga.appointment_seen(bundle, move.ref, start_of) for move in bundle.moves):
            gave_way(key, citizen, bundle, turn.outputs)
        _proceed(turn, key, citizen, bundle, bundle.since)
    waiting = [bundle for bundle in bundles if bundle.is_open and not bundle.has_failed]
    waiting.sort(key=lambda bundle: (-bundle.stage, bundle.since, bundle.proposal))
    for bundle in waiting[1:]:
        gave_way(key, citizen, bundle, turn.outputs)


def _refuse(citizen: Citizen, bundle: Bundle, seats: Collection[int]) -> None:
    """Leave the slots of these agencies out of later plans."""
    records = citizen.records
    for move in bundle.moves:
        if move.seat in seats:
            name = slot_name(bundle.seats[move.seat].agency, move.slot)
            records.outlook = refuse_slot(records.outlook, name, move.start)


def _plan_again(citizen: Citizen) -> None:
    """A better plan may follow."""
    citizen.records.outlook = mark_due(citizen.records.outlook)
