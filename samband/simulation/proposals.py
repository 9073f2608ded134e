"""Holds every proposal that was made against the oracle: its times, and what it says that it saves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from samband.simulation.comparison import Difference, Verdict
from samband.simulation.history import AppointmentStep, Change, HealthStep, Town
from samband.simulation.mishaps import Sending
from samband.simulation.oracle_knowledge import Told, sent_on
from samband.simulation.oracle_proposals import ProposalOracle
from samband.simulation.oracle_savings import Move, Proposed
from samband.simulation.places import ZONE, micros
from samband.simulation.way_back import Book, moves_of

_SETTLED, _COUNTERED, _REFUSED = "SETTLED", "COUNTERED", ("DECLINED", "EXPIRED")
Said = Mapping[str, Any]
"""A proposal as it is on the topic."""


@dataclass(frozen=True, slots=True)
class Wire:
    """What clinics said, and what they did because they were asked to."""

    sendings: Mapping[date, Sequence[Sending]]
    happened: Mapping[int, HealthStep | None]
    """By message."""
    books: Mapping[str, Book]


def compare_proposals(
    verdict: Verdict,
    town: Town,
    rules: Path,
    wire: Wire,
    said: Sequence[tuple[Said, str]],
    sequences: Mapping[str, int],
) -> None:
    """Add to the verdict how each proposal, as it was said first and with its last status, should have been.

    ``town`` with all that happened at its clinics; ``sequences`` are citizens' numbers by key.
    """
    oracle = ProposalOracle(town, _told(wire), rules)
    wished: set[str] = set()
    refused: set[tuple[str, str, str]] = set()
    again: set[str] = set()
    """Proposals with a slot that the citizen had refused."""
    proposals: list[tuple[Proposed, str, str]] = []
    for first, status in sorted(said, key=lambda one: (one[0]["at"]["instant"], one[0]["proposal_id"])):
        citizen = first["citizen"]
        proposed = _proposed(first, wishes=citizen in wished)
        proposals.append((proposed, citizen, status))
        slots = {(citizen, move.agency, move.slot) for move in proposed.moves}
        if slots & refused:
            again.add(proposed.name)
        if status == _COUNTERED:
            wished.add(citizen)
        if status in _REFUSED:
            refused |= slots
    twice = _given(oracle, wire, [proposed for proposed, _, status in proposals if status == _SETTLED])
    for proposed, citizen, status in proposals:
        wrong = twice.get(proposed.name) or oracle.wrong_times(proposed)
        if not wrong and citizen in sequences:
            savings = oracle.wrong_savings(sequences[citizen], proposed)
            verdict.compared["savings"] += savings is not None
            wrong = savings or ""
            if savings == "" and proposed.name in again:
                wrong = "no slot that the citizen had refused"
        verdict.compared["proposals"] += 1
        if wrong:
            verdict.differences.append(
                Difference(citizen, "proposals", wrong, f"{status} {_shown(proposed)}")
            )


def _given(oracle: ProposalOracle, wire: Wire, settled: Sequence[Proposed]) -> dict[str, str]:
    """Tells the oracle which slots were given away; what is wrong with that, by proposal."""
    moved = {
        (number, micros(one.start)): one.at for number, all_ in moves_of(wire.books).items() for one in all_
    }
    found: dict[str, str] = {}
    for proposed in settled:
        for move in proposed.moves:
            at = moved.get((move.number, move.new[0]))
            wrong = oracle.give(proposed, move, at) if at else ""
            if wrong:
                found[proposed.name] = wrong
    return found


def _told(wire: Wire) -> Iterator[Told]:
    """What clinics said of appointments, in messages of their own and after what they were asked."""
    known: dict[str, AppointmentStep] = {}
    seen: set[int] = set()
    for day in sorted(wire.sendings):
        for sending in wire.sendings[day]:
            step = wire.happened[sending.number]
            if isinstance(step, AppointmentStep) and sending.number not in seen:
                seen.add(sending.number)
                yield Told(sent_on(day), step)
    for step in wire.happened.values():
        if isinstance(step, AppointmentStep):
            known[step.number] = step
    for number, moves in moves_of(wire.books).items():
        for one in moves:
            last = known[number]
            yield Told(
                one.at,
                replace(last, at=one.at, change=Change.MOVED, start=one.start, minutes=one.minutes),
            )


def _proposed(said: Said, *, wishes: bool) -> Proposed:
    return Proposed(
        said["proposal_id"], _moment(said["at"]["instant"]), said["answer_by"]["instant"],
        tuple(_move(move) for move in said["moves"]), said["numbers"], said["gains"], wishes,
    )  # fmt: skip


def _move(said: Said) -> Move:
    return Move(
        said["appointment"]["id"],
        said["agency"],
        f"{said['institution']['system']}|{said['institution']['id']}",
        (said["old_start"]["instant"], said["old_end"] and said["old_end"]["instant"]),
        said["slot"],
        (said["start"]["instant"], said["end"]["instant"]),
    )


def _shown(proposed: Proposed) -> str:
    moves = ", ".join(
        f"{move.number} {_moment(move.old[0]):%m-%d %H:%M} to {move.slot} {_moment(move.new[0]):%m-%d %H:%M}"
        for move in proposed.moves
    )
    numbers = " ".join(f"{name}={number}" for name, number in sorted(proposed.numbers.items()) if number)
    return f"{proposed.at:%m-%d %H:%M} [{moves}] {numbers}"


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant / 1_000_000, ZONE)
