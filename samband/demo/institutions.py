"""What the demonstration's institutions are called and coded; the register is ``institutions.yaml``."""

from dataclasses import dataclass
from pathlib import Path

REGISTER = Path(__file__).with_name("institutions.yaml")


@dataclass(frozen=True, slots=True)
class Agency:
    """An institution by its name and its code at its own legacy system."""

    name: str
    code: str


HOSPITAL = Agency("Fjordheim hospital", "FJORDHEIM")
SCHOOL = Agency("Granvik school", "999000001")
MUNICIPALITY = Agency("Granvik municipality", "GRANVIK")
