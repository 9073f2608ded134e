"""What differs between the last accepted set and a new one, table by table. Pure, and knows no columns.

A table is a mapping from a row's id to a digest of its content. OneRoster (CSV 1.1 section 2.2, as D2L and
most receivers read it) lets rows end in two ways only: a row says ``tobedeleted``, or a *bulk* file that may
hold everything no longer holds it, which counts for enrolments alone.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Changes:
    """Ids of rows, sorted."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def compare(
    old: Mapping[str, str], new: Mapping[str, str], deleted: Collection[str], *, absence_deletes: bool
) -> Changes:
    """``new`` holds the rows that the set says exist, ``deleted`` the ids that it says have ended."""
    gone = {row for row in deleted if row in old and row not in new}
    if absence_deletes:
        gone |= old.keys() - new.keys()
    return Changes(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(row for row in new.keys() & old.keys() if new[row] != old[row])),
        removed=tuple(sorted(gone)),
    )


def apply(old: Mapping[str, str], new: Mapping[str, str], changes: Changes) -> dict[str, str]:
    """The table after the changes."""
    kept = {row: digest for row, digest in old.items() if row not in changes.removed}
    return kept | {row: new[row] for row in (*changes.added, *changes.changed)}


def is_mass_deletion(ended: int, active: int, *, percent: float, at_least: int) -> bool:
    """Whether so many of the ``active`` rows would end that a person should look first."""
    return ended >= at_least and ended * 100 > percent * active
