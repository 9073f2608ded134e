"""The router's core: one citizen's state and one event in, the next state and what to say out.

Deterministic and total: it reads no clock, no file and no environment, and it raises nothing for any record
that the contract allows. The state that is given may be changed in place; its owner must not use it again.
"""

from collections.abc import Sequence
from typing import TypeVar

from router.agreement import desk
from router.calendar import calendar_of
from router.cases import remember_views, say_cases
from router.coordination import protection_changed, thing_changed
from router.corrections import facts_about
from router.events import Event, Outputs, Turn
from router.evidence import SAYS_WHO, came_under, hear, hear_again, heard
from router.facts import (
    CASE,
    PLANNED,
    Taken,
    case_fact,
    meeting_reference,
    plain_fact,
    planned_fact,
    reference,
    withdrawn_ids,
)
from router.identity import MOST_HOPS, absorb, claimed, learn, move_to, pass_fact, pass_on
from router.people import open_refusals, persons, regroup, spoken_of, survey, whose
from router.planning import hearing, rounds
from router.rules import Rules
from router.state import KIND_NUMBER, Citizen, FactId, Records, Withdrawal, fact_id
from router.stored import BLOCK, make_block
from router.timeline import say_changed_entries, say_entry

_R = TypeVar("_R")
_K = TypeVar("_K", str, bytes)


def step(key: str, state: Citizen | None, event: Event, rules: Rules) -> tuple[Citizen | None, Outputs]:
    """The next state of ``key`` and the records to write, in order."""
    citizen = state or Citizen()
    outputs: Outputs = []
    if event.record in KIND_NUMBER:
        citizen = _told(Turn(key, rules, event.value["meta"]["event_id"], outputs), citizen, event)
    elif event.record == "Move":
        turn = Turn(key, rules, event.value["cause"], outputs, event.value["hops"])
        citizen = _moved(turn, citizen, event)
    elif event.record in hearing.ANSWERS:
        hearing.answered(key, citizen, event, rules, outputs)
    records = citizen.records
    return (citizen if records.alias is not None or records.members else state), outputs


def tick(key: str, citizen: Citizen, minute: int, rules: Rules) -> tuple[Citizen, Outputs]:
    """The same for a minute that a citizen asked for by ``wake``."""
    outputs: Outputs = []
    for person in persons(citizen):
        if person.records.bundles:
            desk.told(spoken_of(person, key), person, minute, rules, outputs)
        if person.records.outlook:
            rounds.tick(key, person, minute, rules, outputs)
    return citizen, outputs


def wake(citizen: Citizen) -> int | None:
    """When a citizen wants a tick, in microseconds since the epoch; None for never."""
    records = citizen.records
    if not (records.bundles or records.outlook or records.people):
        return None
    everybody = records.people or (records,)
    found = [desk.wake(each) for each in everybody if each.bundles]
    found += [rounds.wake(each) for each in everybody if each.outlook]
    return min((time for time in found if time is not None), default=None)


def _moved(turn: Turn, citizen: Citizen, event: Event) -> Citizen:
    """A message from another key of, perhaps, the same citizen."""
    move = event.value
    if move["kind"] == "CLAIM":
        return claimed(turn, citizen, move)
    alias = citizen.records.alias
    if alias is not None:
        if turn.hops < MOST_HOPS:
            pass_on(turn, alias, move)
            return citizen
        citizen = Citizen()
    if isinstance(event.moved, Citizen):
        absorb(turn, citizen, event.moved.records)
    elif event.moved is not None and event.moved.record in KIND_NUMBER:
        return _told(turn, citizen, event.moved)
    return citizen


def _told(turn: Turn, citizen: Citizen, event: Event) -> Citizen:
    """A fact about the citizen."""
    alias = citizen.records.alias
    if alias is not None:
        pass_fact(turn, alias, event)
        return citizen
    meta = event.value["meta"]
    came = came_under(meta)
    origin = None if event.record in SAYS_WHO else heard(citizen, meta, came)
    if origin is None:
        better = learn(turn, citizen, event)
        if better is not None:
            citizen = move_to(turn, citizen, *better)
            pass_fact(turn, better[0], event)
            return citizen
        origin = hear_again(citizen, meta, came)
    if citizen.records.people or citizen.records.statements:
        new = _remember_of_several(turn, citizen, event, origin)
    else:
        new = _remember(turn, citizen, event, origin)
    if citizen.loose >= BLOCK:
        make_block(citizen)
    if new and event.record in _SPOKEN:
        person = whose(citizen, origin)
        if event.record in desk.ANSWERS:
            desk.answered(turn, spoken_of(person, turn.home), person, persons(citizen), event)
        if event.record in hearing.STATEMENTS:
            hearing.stated(spoken_of(person, turn.home), person, event, turn.rules, turn.outputs)
    return citizen


_SPOKEN = desk.ANSWERS | hearing.STATEMENTS.keys()
"""What is said to the router, not only to be remembered."""


def _remember_of_several(turn: Turn, citizen: Citizen, event: Event, origin: int) -> bool:
    """Keep the fact with whose it is. One that takes others back may change who is who."""
    takes_back = bool(withdrawn_ids(event.value))
    refused = open_refusals(citizen.records) if takes_back else []
    person = whose(citizen, origin)
    if not _remember(turn, person, event, origin if person is citizen else hear(person, event.value["meta"])):
        return False
    if person is not citizen:
        say_changed_entries(person, (reference(event.record, event.value),), turn.outputs)
    if takes_back:
        regroup(turn, citizen, survey(turn, citizen), refused)
    return True


def _remember(turn: Turn, citizen: Citizen, event: Event, origin: int) -> bool:
    """Keep the fact and say all that is otherwise because of it; False if it was there already."""
    records, record, value, outputs = citizen.records, event.record, event.value, turn.outputs
    ref = reference(record, value)
    stored = fact_id(value["meta"]["event_id"])
    earlier = facts_about(records, ref)
    for known in earlier:
        if known.id == stored:
            return False
    again = bool(earlier)
    if citizen.calendar is None:
        calendar_of(citizen, turn.rules)
    withdraws = withdrawn_ids(value)
    touched = _touched(citizen, event, ref, withdraws) if withdraws or record in CASE else (ref,)
    _add(citizen, ref, event, stored, origin)
    for target, retracts in withdraws:
        _append(citizen, records.withdrawals, target, Withdrawal(stored, retracts))
    outputs.append(say_entry(citizen, event, ref, stored, first=not again))
    if withdraws or (again and ref[0] in "AS"):
        say_changed_entries(citizen, touched, outputs, new=stored)
    key = citizen.key or spoken_of(citizen, turn.home)
    for about in touched:
        _work_out(turn, key, citizen, about, value["meta"]["recorded"]["instant"])
    return True


def _work_out(turn: Turn, key: str, citizen: Citizen, about: str, moment: int) -> None:
    letter = about[0]
    if letter in "AMSXN":
        thing_changed(key, citizen, about, turn.rules, turn.outputs)
    elif letter == "C":
        say_cases(citizen, key, (about,), turn.outputs)
    elif letter == "P":
        protection_changed(key, citizen, turn.rules, turn.outputs)
    if citizen.records.bundles:
        if letter == "A":
            desk.appointment_changed(turn, key, citizen, about, moment)
        if letter in "AMSXN":
            hearing.check(key, citizen, turn.rules, turn.outputs)


def _touched(citizen: Citizen, event: Event, ref: str, withdraws: Sequence[Taken]) -> Sequence[str]:
    """The things about which a fact may change what stands. How their cases stood before is remembered."""
    touched = [ref]
    if event.record == "MeetingInvited":
        touched.append(meeting_reference(event.value))
    if withdraws:
        touched += _touched_by(citizen.records, withdraws, touched)
    for about in touched:
        if about[0] == "C":
            remember_views(citizen, about)
    return touched


def _touched_by(records: Records, withdraws: Sequence[Taken], already: list[str]) -> list[str]:
    """The things about which a withdrawal may change what stands; rare, so all are looked through."""
    targets = {target for target, _ in withdraws} | records.withdrawals.keys()
    touched = []
    for family in (records.plans, records.cases, records.others):
        for ref, facts in family.items():
            for fact in facts:
                if fact.id in targets:
                    if ref not in already:
                        touched.append(ref)
                    break
    return touched


def _add(citizen: Citizen, ref: str, event: Event, stored: FactId, origin: int) -> None:
    records, record, value = citizen.records, event.record, event.value
    citizen.loose += 1
    if record in CASE:
        _append(citizen, records.cases, ref, case_fact(citizen, stored, record, value, origin))
        if record == "MeetingInvited":
            meeting = planned_fact(citizen, stored, record, value, origin)
            _append(citizen, records.plans, meeting_reference(value), meeting)
            citizen.loose += 1
    elif record in PLANNED:
        _append(citizen, records.plans, ref, planned_fact(citizen, stored, record, value, origin))
    else:
        _append(citizen, records.others, ref, plain_fact(citizen, stored, record, value, origin))


def _append(citizen: Citizen, family: dict[_K, list[_R]], about: _K, row: _R) -> None:
    rows = family.get(about)
    if citizen.first_loose is not None:
        citizen.first_loose.setdefault(about, len(rows) if rows else 0)
    if rows is None:
        family[about] = [row]
    else:
        rows.append(row)
