"""Puts a set on top of the last accepted state: what the source says now, in the state's own terms. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from connectors.kit.identifiers import NotAnIdentifierError, normalise
from connectors.kit.pseudonyms import Pseudonyms
from connectors.school import vocabulary
from connectors.school.difference import Changes, compare
from connectors.school.parse import ParsedSet, listed, national_id
from connectors.school.records import Row
from connectors.school.settings import SchoolSettings
from connectors.school.state import Enrollment, LineItem, Org, RoleRow, SchoolClass, State, User
from schemas.records import Identifier

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RosterContext:
    """What a set is read with."""

    settings: SchoolSettings
    pseudonyms: Pseudonyms
    agency: str
    system: str
    """Of the source's own ids: ``oneroster:<code>``."""
    received: int
    """When the set was taken, microseconds since the epoch."""
    written: int
    """When the source wrote it: the files' own time."""

    def local(self, sourced_id: str) -> str:
        """The pseudonym of a person's id at this source."""
        return self.pseudonyms.of(self.system, sourced_id)

    def own(self, table: str, sourced_id: str) -> str:
        """A stand-in for a row's id, which may be made of a person's."""
        return self.pseudonyms.of(f"{self.system}/{table}", sourced_id)

    def digest(self, *parts: object) -> str:
        """A keyed digest of parts of a row."""
        return self.pseudonyms.digest(msgspec.json.encode(parts, order="deterministic"))


@dataclass(frozen=True, slots=True)
class Merged:
    """The state with the set on top. ``people`` and ``exams`` still say what the bus was told before."""

    state: State
    users: dict[str, Row]
    """Rows of users.csv in this set, by local pseudonym: the only place where names are."""
    births: dict[str, Row]
    line_items: dict[str, Row]
    enrollments: Changes
    ended: int
    """Active enrolments that the set ends."""
    items_removed: int


def merge(old: State, parsed: ParsedSet, context: RosterContext) -> Merged:
    """The set on top of ``old``. Tables that are not in the set stay as they are."""
    rows = parsed.tables
    users = {context.local(row["sourcedId"]): row for row in rows.get("users", ())}
    births = {context.local(row["sourcedId"]): row for row in rows.get("demographics", ())}
    items = {row["sourcedId"]: row for row in rows.get("lineItems", ())}
    enrolled = {context.own("enrollments", row["sourcedId"]): row for row in rows.get("enrollments", ())}
    roles = {context.own("roles", row["sourcedId"]): row for row in rows.get("roles", ())}
    line_items, items_gone = _items(old, items, parsed, context)
    enrollments, changes = _enrollments(old, enrolled, parsed, context)
    state = msgspec.structs.replace(
        old,
        orgs=_laid(old.orgs, _by_id(parsed, "orgs"), lambda row: Org(row["identifier"])),
        classes=_laid(
            old.classes,
            _by_id(parsed, "classes"),
            lambda row: SchoolClass(row["schoolSourcedId"], row["title"]),
        ),
        categories=_laid(
            old.categories,
            _by_id(parsed, "categories"),
            lambda row: vocabulary.exam_kind(row["title"], context.settings),
        ),
        line_items=line_items,
        users=_users(old, users, context),
        roles=_laid(
            old.roles,
            roles,
            lambda row: RoleRow(context.local(row["userSourcedId"]), row["role"], row["orgSourcedId"]),
        ),
        births=_laid(old.births, births, lambda row: context.digest(row["birthDate"])),
        enrollments=enrollments,
    )
    ended = sum(
        vocabulary.is_active(before.status)
        and not (row in enrollments and vocabulary.is_active(enrollments[row].status))
        for row, before in old.enrollments.items()
    )
    return Merged(state, users, births, items, changes, ended, len(items_gone))


def _by_id(parsed: ParsedSet, table: str) -> dict[str, Row]:
    return {row["sourcedId"]: row for row in parsed.tables.get(table, ())}


def _laid(old: Mapping[str, T], rows: Mapping[str, Row], made: Callable[[Row], T]) -> dict[str, T]:
    """Rows on top of the old table; only a row that says so deletes."""
    deleted = {row for row, values in rows.items() if values.deleted}
    kept = {row: value for row, value in old.items() if row not in deleted}
    return kept | {row: made(values) for row, values in rows.items() if row not in deleted}


def _absence_deletes(parsed: ParsedSet, table: str, context: RosterContext) -> bool:
    return parsed.modes.get(table) == "bulk" and table in context.settings.absence_deletes


def _items(
    old: State, rows: dict[str, Row], parsed: ParsedSet, context: RosterContext
) -> tuple[dict[str, LineItem], set[str]]:
    laid = _laid(
        old.line_items,
        rows,
        lambda row: LineItem(
            class_id=row["classSourcedId"],
            category=row["categorySourcedId"],
            title=row["title"],
            due=row["dueDate"],
            start=row["metadata.startTime"],
            end=row["metadata.endTime"],
            recorded=row["dateLastModified"],
        ),
    )
    if _absence_deletes(parsed, "lineItems", context):
        laid = {item: value for item, value in laid.items() if item in rows}
    return laid, old.line_items.keys() - laid.keys()


def _enrollments(
    old: State, rows: dict[str, Row], parsed: ParsedSet, context: RosterContext
) -> tuple[dict[str, Enrollment], Changes]:
    new = {row: _enrollment(values, context) for row, values in rows.items() if not values.deleted}
    deleted = {row for row, values in rows.items() if values.deleted}
    changes = compare(
        {row: value.digest for row, value in old.enrollments.items()},
        {row: value.digest for row, value in new.items()},
        deleted,
        absence_deletes=_absence_deletes(parsed, "enrollments", context),
    )
    kept = {row: value for row, value in old.enrollments.items() if row not in changes.removed}
    return kept | {row: new[row] for row in (*changes.added, *changes.changed)}, changes


def _enrollment(row: Row, context: RosterContext) -> Enrollment:
    columns = ("userSourcedId", "classSourcedId", "schoolSourcedId", "role", "status", "beginDate", "endDate")
    return Enrollment(
        digest=context.digest(*(row[column] for column in columns)),
        user=context.local(row["userSourcedId"]),
        class_id=row["classSourcedId"],
        school=row["schoolSourcedId"],
        role=row["role"],
        status=row["status"],
        begin=row["beginDate"],
        end=row["endDate"],
        recorded=row["dateLastModified"],
    )


def _users(old: State, rows: dict[str, Row], context: RosterContext) -> dict[str, User]:
    users = dict(old.users)
    for ref, row in rows.items():
        if not row.deleted:
            users[ref] = _user(ref, row, context)
        elif ref in users:  # kept, so that enrolments that end later still find the person
            users[ref] = msgspec.structs.replace(
                users[ref],
                status="tobedeleted",
                digest=context.digest("tobedeleted"),
                recorded=row["dateLastModified"],
            )
    return users


def _user(ref: str, row: Row, context: RosterContext) -> User:
    settings = context.settings
    remarks: list[str] = []
    identifiers: list[Identifier] = []
    if value := national_id(row, settings.national_id):
        try:
            known = normalise(settings.country, value)
        except NotAnIdentifierError:
            remarks.append(vocabulary.NO_NATIONAL_ID)
        else:
            remarks += known.warnings
            if known.national:  # a made-up or local number says no more than the source's own id
                identifiers.append(context.pseudonyms.identifier(known.system, known.value, national=True))
    identifiers.append({"system": context.system, "pseudonym": ref, "national": False})
    protection, known_marking = vocabulary.protection(row[settings.protection_column])
    if not known_marking:
        remarks.append(vocabulary.UNKNOWN_CODE)
    columns = sorted(column for column in row.values if column != "dateLastModified")
    return User(
        identifiers=tuple(identifiers),
        digest=context.digest(*((column, row[column]) for column in columns)),
        role=row["role"],
        org=next(iter(listed(row["orgSourcedIds"])), row["primaryOrgSourcedId"]),
        status=vocabulary.DISABLED if _is_disabled(row) else row["status"],
        agents=tuple(sorted(context.local(agent) for agent in listed(row["agentSourcedIds"]))),
        protection=protection,
        remarks=tuple(remarks),
        recorded=row["dateLastModified"],
    )


def _is_disabled(row: Row) -> bool:
    return row["enabledUser"].casefold() == "false" and vocabulary.is_active(row["status"])
