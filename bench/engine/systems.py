"""The systems that are compared, each in the shapes in which it is measured."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bench.engine import programs
from bench.engine.programs import NotHereError, Program

LONG, MIDDLE, SHORT = 600_000, 200_000, 20_000
"""Records on the three topics; a shorter one has the first records of the longest."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a run: from which to which of its answers."""

    what: str
    begin: float
    end: float
    """Both as parts of all records of the run."""


FIRST: Final = Window("first 200,000", 0, 1 / 3)
WARM: Final = Window("second half of 600,000", 0.5, 1)
WHOLE: Final = Window("all of 200,000", 0, 1)
FEW: Final = Window("all of 20,000", 0, 1)


@dataclass(frozen=True, slots=True)
class System:
    """A system in one shape."""

    name: str
    make: Callable[[], Program]
    records: int
    windows: tuple[Window, ...]
    processes: int = 1
    threads: int = 1
    variant: str = ""
    most_rounds: int = 99
    """Fewer where no goal needs more."""


OURS: Final = "samband"
OWN_PACE: Final = "samband, its own pace"
OURS_WHOLE: Final = "samband, all fields read"
STREAMS: Final = "kafka-streams"
BY_HAND: Final = "aiokafka by hand"
QUIX: Final = "quix-streams"
FAUST: Final = "faust"

SYSTEMS: Final = (
    System(OURS, programs.ours, LONG, (WARM, FIRST)),
    System(STREAMS, programs.kafka_streams, LONG, (WARM, FIRST)),
    System(BY_HAND, programs.by_hand, MIDDLE, (WHOLE,)),
    System(OURS, programs.ours, LONG, (WARM,), processes=2),
    System(STREAMS, programs.kafka_streams, LONG, (WARM,), threads=2, most_rounds=3),
    System(OWN_PACE, programs.ours, LONG, (WARM, FIRST), variant="own", most_rounds=3),
    System(OURS_WHOLE, programs.ours, MIDDLE, (WHOLE,), variant="whole", most_rounds=3),
    System(QUIX, programs.quix, MIDDLE, (WHOLE,)),
    System(FAUST, programs.faust, SHORT, (FEW,)),
)


class Prepared:
    """Builds and installs each program once, and remembers which could not be had."""

    def __init__(self) -> None:
        self._made: dict[str, Program | NotHereError] = {}

    def program(self, system: System) -> Program:
        """Its program. NotHereError if it cannot be run here."""
        if system.name not in self._made:
            try:
                self._made[system.name] = system.make()
            except NotHereError as error:
                self._made[system.name] = error
        made = self._made[system.name]
        if isinstance(made, NotHereError):
            raise made
        return made
