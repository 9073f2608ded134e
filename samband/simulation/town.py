"""Draws a whole town with all that happens in it; the same numbers give the same town."""

from samband.simulation.habits_cases import Cases
from samband.simulation.habits_health import Health
from samband.simulation.habits_school import SchoolYear
from samband.simulation.history import CaseStep, HealthStep, Town
from samband.simulation.places import micros
from samband.simulation.population import households


def build(citizens: int, days: int, seed: int) -> Town:
    """A town of ``citizens`` people and what happens in it in so many days."""
    town = Town(households(citizens, seed), days)
    health, cases = Health(town.people(), days, seed), Cases(days, seed)
    school = SchoolYear(days, seed)
    town.exports = school.exports
    for household in town.households:
        town.health.extend(health.of(household))
        town.cases.extend(cases.of(household))
        town.attendances.extend(school.attendances(household))
    town.exams.extend(school.exams())
    town.openings = sorted(health.openings(), key=lambda each: (micros(each.at), each.number))
    town.health.sort(key=_when)
    town.cases.sort(key=_when)
    return town


def _when(step: HealthStep | CaseStep) -> tuple[float, int]:
    return step.at.timestamp(), step.person.sequence
