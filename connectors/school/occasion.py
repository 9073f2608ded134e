"""What all facts of one set share: its number, its times, and how its ids become the contract's."""

from dataclasses import dataclass

from connectors.kit import times
from connectors.school import vocabulary
from connectors.school.merge import RosterContext
from connectors.school.state import State, User
from schemas.records import Identifier, Institution, Time


@dataclass(frozen=True, slots=True)
class Occasion:
    """One accepted set."""

    context: RosterContext
    state: State
    """With the set on top."""
    sequence: int
    """Number of the set, so that a row that ended and returned unchanged is a new fact."""

    def identity(self, table: str, row: str) -> str:
        """A fact's identity: the same when the same set is read again after a crash."""
        return f"{table}/{row}/{self.sequence}"

    def user(self, ref: str) -> User:
        """The person; one that no set has described is known by the source's id alone."""
        known = self.state.users.get(ref)
        if known is not None:
            return known
        return User((self.local(ref),), "", "", "", "", (), "NONE", (), "")

    def local(self, ref: str) -> Identifier:
        """The source's own id of a person."""
        return {"system": self.context.system, "pseudonym": ref, "national": False}

    def recorded(self, text: str) -> tuple[Time, list[str]]:
        """When the source recorded a row; when it wrote the set where a row does not say (bulk sets)."""
        found = times.iso(text, self.context.settings.zone_info) if text else None
        if found is not None:
            return found, []
        return times.doubtful(text, self.context.written), [vocabulary.UNREADABLE_TIME] if text else []

    def day(self, text: str) -> Time | None:
        """A day; dates and date-times are mixed in one column."""
        return times.date_only(text, self.context.settings.zone_info) if text else None


def institution(occasion: Occasion, org: str) -> Institution:
    """By the organisation's public identifier, else by the source's own id, else the agency as a whole."""
    context = occasion.context
    known = occasion.state.orgs.get(org)
    if known is not None and known.identifier:
        return {"system": context.settings.institution_system, "id": known.identifier, "department": None}
    return {"system": context.system, "id": org or context.agency, "department": None}
