"""A claimed set into what is to be done with it. Pure: the source reads the bytes and keeps the state."""

from dataclasses import dataclass

from connectors.kit.outcomes import DeadLetter, Ignore, Publish, Translation
from connectors.school import vocabulary
from connectors.school.difference import is_mass_deletion
from connectors.school.facts import facts
from connectors.school.merge import Merged, RosterContext, merge
from connectors.school.parse import parse
from connectors.school.problems import SetRefusedError
from connectors.school.sets import RosterSet
from connectors.school.state import State
from schemas.errors import PoisonError


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done with a set."""

    translation: Translation | None
    """None: it is held, and has no outcome until a person decides."""
    state: State | None = None
    """To be kept once the translation is on the bus; None when nothing was accepted."""
    report: str = ""
    """For the person who sent it, when it is refused or held."""


def translate(roster: RosterSet, state: State, context: RosterContext, label: str, *, released: bool) -> Plan:
    """Compare the set with the last accepted ``state``.

    A set is accepted as a whole or not at all. ``released`` lets one pass that ends many enrolments.
    """
    try:
        merged = merge(state, parse(roster, context.settings), context)
        if not released and (report := _mass_deletion(state, merged, context)):
            return Plan(None, report=report)
        told = facts(state, merged, context, label)
    except SetRefusedError as refused:
        return refusal(refused)
    if told.facts:
        return Plan(Publish(told.facts), told.state)
    return Plan(Ignore("unchanged"), told.state)


def refusal(problem: PoisonError) -> Plan:
    """Why a set cannot be used. The report names places, never values."""
    report = problem.report() if isinstance(problem, SetRefusedError) else f"{problem} ({problem.reason})"
    letter = DeadLetter(problem.reason, str(problem), problem.where, type(problem).__name__)
    return Plan(letter, report=report)


def stands_alone(roster: RosterSet) -> bool:
    """Whether the set says by itself who is enrolled, so that it need not wait for an older one."""
    return roster.modes.get("enrollments") == "bulk"


def _mass_deletion(old: State, merged: Merged, context: RosterContext) -> str:
    limits = context.settings.mass_deletion
    active = sum(vocabulary.is_active(value.status) for value in old.enrollments.values())
    counts = (
        ("active enrolments", merged.ended, active),
        ("exams", merged.items_removed, len(old.line_items)),
    )
    return "\n".join(
        f"The set would end {ended} of {before} {what}, more than {limits.percent:g} %. It is held:"
        " release it if the school means it, or send a right one."
        for what, ended, before in counts
        if is_mass_deletion(ended, before, percent=limits.percent, at_least=limits.at_least)
    )
