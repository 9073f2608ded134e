"""What goes wrong on the way from the town's systems: messages twice, late, and in the wrong order."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from samband.simulation.history import CaseStep, HealthStep, Town
from samband.simulation.places import day_number, micros

_TWICE, _HELD_BACK, _EXPORT_TWICE = 0.03, 0.04, 0.1
_LATEST_HOURS = 60


class Sending(NamedTuple):
    """A message of the clinics' system on its way."""

    at: datetime
    number: int
    """Of the message; one that is sent twice has the same."""
    step: HealthStep


def clinics(town: Town, seed: int) -> Mapping[date, list[Sending]]:
    """When each message is really sent, by day. Cumulative documents and sets are never late: see below."""
    draw = random.Random(f"mishaps|{seed}")  # noqa: S311 - a repeatable draw
    last = day_number(town.days - 1)
    found: dict[date, list[Sending]] = defaultdict(list)
    sendings = sorted(_sendings(town, draw), key=lambda one: (micros(one.at), one.number))
    for sending in sendings:
        found[min(sending.at.date(), last)].append(sending)
    return found


def _sendings(town: Town, draw: random.Random) -> Iterator[Sending]:
    for number, step in enumerate(town.health, 1):
        at = step.at
        if draw.random() < _HELD_BACK:
            at += timedelta(minutes=draw.randrange(1, _LATEST_HOURS * 60))
        yield Sending(at, number, step)
        if draw.random() < _TWICE:
            yield Sending(at + timedelta(minutes=draw.choice((0, 0, 5, 1500))), number, step)


def copies(step: CaseStep, seed: int) -> int:
    """How often a case's document is posted.

    An older document after a newer one would say that what is newer never was: a word of the source's own.
    """
    chance = random.Random(f"mishaps|{seed}|{step.case}|{step.at}").random()  # noqa: S311 - the same
    return 2 if chance < _TWICE else 1


def exported_twice(export: int, seed: int) -> bool:
    """Whether the schools' system writes the same set again."""
    return random.Random(f"mishaps|{seed}|{export}").random() < _EXPORT_TWICE  # noqa: S311 - the same
