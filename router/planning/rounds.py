"""From a due mark to a proposal: ask the shelves, collect what they have, plan, and offer what is better.

A round begins at a tick and ends when all shelves have answered, or two minutes later with what has come.
While nothing better is found, the next one comes later and later, at last once a day: slots may be offered
meanwhile. What was planned for once is not planned again, and what was proposed once not proposed again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from router.agreement import desk
from router.appointments import Visit
from router.calendar import calendar_of
from router.events import MOVES, Output, Outputs
from router.people import spoken_of
from router.planning.better import better_plan
from router.planning.outlook import NEVER, Found, Outlook, Round
from router.planning.problem import MOST_SLOTS
from router.planning.proposal import Plan, proposal
from router.planning.situation import movable, shelf_of
from router.rules import Rules
from router.spans import MINUTE
from router.state import Citizen, Records

_PATIENCE = 2 * MINUTE
_WHILE_OPEN = 15 * MINUTE
"""Until it is looked again whether a bundle is still open."""
_LONGEST_PAUSE = 1440
_MOST_NEAR = 16
_MOST_ROUNDS = 1 << 30
_LAST = 1 << 62
"""No instant of ours lies beyond: a source may say anything."""


def wake(records: Records) -> int | None:
    """When planning wants a tick."""
    outlook = records.outlook
    if outlook is None:
        return None
    if outlook.asked is not None:
        return outlook.asked.minute + _PATIENCE
    return None if outlook.due == NEVER else outlook.due


def tick(home: str, citizen: Citizen, minute: int, rules: Rules, outputs: Outputs) -> None:
    """Begin what is due, and end what has waited long enough."""
    outlook = citizen.records.outlook
    if outlook is None:
        return
    if outlook.refused:
        outlook.refused = {name: start for name, start in outlook.refused.items() if start > minute}
    if outlook.asked is not None:
        if minute < outlook.asked.minute + _PATIENCE:
            return
        _conclude(home, citizen, outlook, rules, outputs)
    if outlook.due == NEVER or outlook.due > minute:
        return
    outlook.due = NEVER
    if not desk.may_offer(citizen.records):
        outlook.due = minute + _WHILE_OPEN
        return
    _ask(home, citizen, outlook, minute, rules, outputs)


def found(home: str, citizen: Citizen, value: Mapping[str, Any], rules: Rules, outputs: Outputs) -> None:
    """A shelf has answered; the last answer ends the round."""
    outlook = citizen.records.outlook
    if outlook is None or outlook.asked is None or outlook.round != value["round"]:
        return
    shelves = outlook.asked.shelves
    if value["shelf"] in shelves:
        shelves[value["shelf"]] = [
            Found(
                each["id"], each["start"], each["end"], each["resource"], each["place"], each["valid_until"]
            )
            for each in value["slots"][:MOST_SLOTS]
        ]
    if all(slots is not None for slots in shelves.values()):
        _conclude(home, citizen, outlook, rules, outputs)


def _ask(home: str, citizen: Citizen, outlook: Outlook, minute: int, rules: Rules, outputs: Outputs) -> None:
    visits = movable(spoken_of(citizen, home), citizen, rules, minute)
    if not visits:
        return
    starts = [visit.start for visit in visits]
    first, last = min(starts), max(visit.end for visit in visits)
    outlook.round = (outlook.round + 1) % _MOST_ROUNDS
    outlook.asked = Round(minute, dict.fromkeys(sorted({shelf_of(visit) for visit in visits})))
    near = _near(citizen, visits, rules)
    for shelf in outlook.asked.shelves:
        value = {
            "citizen": home,
            "shelf": shelf,
            "round": outlook.round,
            "after": minute,
            "begin": max(minute + rules.search.notice, first - rules.search.reach),
            "end": min(last + rules.search.reach, _LAST),
            "most": MOST_SLOTS,
            "near": near,
        }
        outputs.append(Output(MOVES, shelf, "SlotsAsked", value))


def _near(citizen: Citizen, visits: Sequence[Visit], rules: Rules) -> list[int]:
    """Starts of what may be moved, and of what the citizen has to go to at the same places anyway."""
    calendar = calendar_of(citizen, rules)
    places = {visit.place.name for visit in visits}
    first = min(visit.start for visit in visits) - rules.search.reach
    last = max(visit.start for visit in visits) + rules.search.reach
    others = [
        one.start for one in calendar.around(first, last) if one.place.name in places and one.start >= first
    ]
    starts = dict.fromkeys([visit.start for visit in visits] + sorted(others))
    return sorted(list(starts)[:_MOST_NEAR])


def _conclude(home: str, citizen: Citizen, outlook: Outlook, rules: Rules, outputs: Outputs) -> None:
    """Plan with what the shelves have said, and offer what is better."""
    asked, outlook.asked = outlook.asked, None
    if asked is None:
        return
    if not desk.may_offer(citizen.records):  # two citizens have become one meanwhile
        outlook.due = asked.minute + _WHILE_OPEN
        return
    key, minute = spoken_of(citizen, home), asked.minute
    visits = movable(key, citizen, rules, minute)
    slots = {shelf: found or [] for shelf, found in asked.shelves.items()}
    plan = better_plan(key, citizen, rules, minute, visits, slots)
    if plan is not None:
        _offer(home, citizen, plan, rules, outputs)
    elif visits and outlook.due == NEVER:
        outlook.due = minute + outlook.pause * MINUTE
        outlook.pause = min(outlook.pause * 2, _LONGEST_PAUSE)


def _offer(home: str, citizen: Citizen, plan: Plan, rules: Rules, outputs: Outputs) -> None:
    said = proposal(spoken_of(citizen, home), calendar_of(citizen, rules), plan, rules)
    desk.offer(citizen.records, said, outputs)
    on_shelves: dict[str, list[str]] = {}
    for move in plan.moves:
        on_shelves.setdefault(shelf_of(move.visit), []).append(move.slot)
    for shelf, slots in sorted(on_shelves.items()):
        value = {"citizen": home, "shelf": shelf, "proposal_id": said["proposal_id"], "slots": slots}
        outputs.append(Output(MOVES, shelf, "SlotsWatched", value))
