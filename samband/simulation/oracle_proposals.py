"""What a proposal has to be: docs/coordination.md read anew and held against the town.

Its times have to be ones that clinics offered for that service and that nobody had been given; what it says
that it saves has to be what is saved in the calendar of then (`oracle_savings`). That it is the best of all
that could be had is not said: which slots the router had heard of, and which were held, nobody outside knows.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from samband.simulation.history import AppointmentStep, Opening, Town
from samband.simulation.oracle_calendar import MINUTE
from samband.simulation.oracle_findings import FindingsOracle
from samband.simulation.oracle_knowledge import Knowledge, Told
from samband.simulation.oracle_savings import Move, Proposed, SavingsOracle
from samband.simulation.places import REGISTER, micros

_DAY = timedelta(days=1)


class ProposalOracle:
    """Knows what clinics offered and moved, and what was told of everybody."""

    def __init__(self, town: Town, told: Iterable[Told], rules: Path) -> None:
        """``town`` with all that happened at its clinics; ``rules`` is the rules' file."""
        findings = FindingsOracle(rules, REGISTER)
        self._notice = timedelta(hours=findings.notice_hours)
        self._savings = SavingsOracle(findings)
        self._knowledge = Knowledge(town, told, findings.lengths)
        self._openings: dict[tuple[str, str], Opening] = {
            (opening.clinic.agency, opening.number): opening for opening in town.openings
        }
        self._booked = {step.number: step for step in town.health if isinstance(step, AppointmentStep)}
        self._given: dict[tuple[str, str], tuple[str, datetime]] = {}

    def give(self, proposed: Proposed, move: Move, at: datetime) -> str:
        """A settled proposal moved an appointment; what is wrong with that, if it is."""
        name, _ = self._given.setdefault((move.agency, move.slot), (proposed.name, at))
        return "" if name == proposed.name else f"slot {move.slot}, which another settled proposal has"

    def wrong_times(self, proposed: Proposed) -> str:
        """What its times should be and are not; empty when they are right."""
        if len({(move.agency, move.slot) for move in proposed.moves}) < len(proposed.moves):
            return "each slot once"
        return next((wrong for move in proposed.moves for wrong in self._wrong_times(proposed, move)), "")

    def _wrong_times(self, proposed: Proposed, move: Move) -> Iterator[str]:
        booked, opening = self._booked.get(move.number), self._openings.get((move.agency, move.slot))
        if opening is None or booked is None or opening.at >= proposed.at:
            yield f"slot {move.slot} to be offered, and {move.number} to be booked"
            return
        clinic = booked.clinic
        there = opening.clinic.code, opening.department, move.institution
        if there != (clinic.code, booked.department, clinic.institution):
            yield f"slot {move.slot} for {move.number} to be of its clinic and department"
        start = micros(opening.start)
        if move.new != (start, start + opening.minutes * MINUTE):
            yield f"slot {move.slot} when it was offered"
        first = min(move.old[0], start)
        if first < micros(proposed.at + self._notice):
            yield f"{move.number} and slot {move.slot} to be no sooner than the notice"
        if not micros(proposed.at) < proposed.answer_by <= first:
            yield "time to answer before all of it"
        holder, since = self._given.get((move.agency, move.slot), (proposed.name, proposed.at))
        if holder != proposed.name and since + _DAY < proposed.at:
            yield f"slot {move.slot}, which had been somebody else's for a day, not to be proposed"

    def wrong_savings(self, sequence: int, proposed: Proposed) -> str | None:
        """What it should say that it saves; empty when it is right, None when nobody outside can tell.

        It is right if it is so for any of the calendars that may have been known.
        """
        if not self._knowledge.is_clear(sequence):
            return None
        told = ""
        for calendar in self._knowledge.calendars(sequence, proposed.at):
            wrong = self._savings.wrong(calendar, proposed)
            if not wrong:
                return ""
            told = told or wrong
        return told if self._knowledge.is_certain(sequence, proposed.at) else None
