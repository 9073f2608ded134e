"""A set's bytes into typed rows, and the codes and lists that OneRoster writes into single columns."""

import re
from dataclasses import dataclass

from connectors.school.problems import Problem, SetRefusedError
from connectors.school.records import TABLES, Row, Table, read_records
from connectors.school.sets import Mode, RosterSet
from connectors.school.settings import SchoolSettings

_USER_ID = re.compile(r"\{\s*(?P<type>[^{}:]+?)\s*:\s*(?P<id>[^{}]*?)\s*\}")


@dataclass(frozen=True, slots=True)
class ParsedSet:
    """All rows of a set, by table; only tables that are in the set."""

    version: str
    system_code: str
    modes: dict[str, Mode]
    missing: tuple[str, ...]
    tables: dict[str, tuple[Row, ...]]
    repeated: int
    """Rows whose id came again further down in the same file; the later row counts."""


def parse(roster: RosterSet, settings: SchoolSettings) -> ParsedSet:
    """Read all tables; raises SetRefusedError with every place in every file that is wrong."""
    problems: list[Problem] = []
    tables: dict[str, tuple[Row, ...]] = {}
    repeated = 0
    for name in roster.modes:
        table = _table(name, roster.version, settings)
        try:
            rows = read_records(
                f"{name}.csv",
                roster.files[f"{name}.csv"],
                required=table.required,
                kept=table.kept,
                needed=table.needed,
                encoding_fallback=settings.encoding_fallback,
            )
        except SetRefusedError as refused:
            problems += refused.problems
            continue
        last = {row["sourcedId"]: row for row in rows}
        repeated += len(rows) - len(last)
        tables[name] = tuple(last[row] for row in sorted(last))
    if problems:
        raise SetRefusedError(*problems)
    return ParsedSet(roster.version, roster.system_code, dict(roster.modes), roster.missing, tables, repeated)


def listed(value: str) -> tuple[str, ...]:
    """A list in one column, ``a,b`` with or without blanks; empty parts fall out."""
    return tuple(part for part in (piece.strip() for piece in value.split(",")) if part)


def user_ids(value: str) -> dict[str, str]:
    """``{LDAP:12},{LTI:15}`` (OneRoster CSV 1.1, users.csv, userIds) by type in lower case."""
    return {match["type"].casefold(): match["id"] for match in _USER_ID.finditer(value)}


def national_id(row: Row, place: str) -> str:
    """The value at the place that the settings name: a column, ``userIds:TYPE`` or ``none``; may be empty."""
    if place == "none":
        return ""
    column, _, kind = place.partition(":")
    return user_ids(row[column]).get(kind.casefold(), "") if kind else row[column]


def _table(name: str, version: str, settings: SchoolSettings) -> Table:
    table = TABLES[name]
    if name != "users":
        return table
    column = settings.national_id.partition(":")[0]
    extra = tuple({settings.protection_column, column} - {"none"} - set(table.kept))
    # In 1.1 the role is a column of users.csv; 1.2 moved it to roles.csv.
    role = ("role",) if version == "1.1" else ()
    optional = tuple(name for name in (*table.optional, *sorted(extra)) if name not in role)
    return Table((*table.required, *role), optional, table.needed)
