"""Reads the CSV files of a set, RFC 4180 in UTF-8 with a header as OneRoster asks, and says where one is not.

Only the columns that facts need leave this module. Everything else (passwords, telephone numbers, user
names) is dropped here, row by row, before anything else of the program sees it.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from connectors.school.problems import MOST_PROBLEMS, Problem, SetRefusedError

MANIFEST = "manifest.csv"
_LARGEST_FIELD = 1 << 20


@dataclass(frozen=True, slots=True)
class Table:
    """A file of a set, as far as facts need it."""

    required: tuple[str, ...]
    """Columns that must be there."""
    optional: tuple[str, ...] = ()
    """Columns that are read where they are there."""
    needed: tuple[str, ...] = ("sourcedId",)
    """Columns that must not be blank, unless the row is deleted."""

    @property
    def kept(self) -> tuple[str, ...]:
        """Columns that leave the parser."""
        return (*self.required, *self.optional, "status", "dateLastModified")


TABLES: dict[str, Table] = {
    "orgs": Table(("sourcedId",), ("identifier",)),
    "users": Table(
        ("sourcedId", "givenName", "familyName"),
        (
            "enabledUser",
            "orgSourcedIds",
            "primaryOrgSourcedId",
            "role",
            "userIds",
            "identifier",
            "userMasterIdentifier",
            "agentSourcedIds",
        ),
    ),
    "roles": Table(
        ("sourcedId", "userSourcedId", "role"), ("orgSourcedId",), ("sourcedId", "userSourcedId", "role")
    ),
    "demographics": Table(("sourcedId", "birthDate")),
    "classes": Table(("sourcedId", "title", "schoolSourcedId")),
    "enrollments": Table(
        ("sourcedId", "classSourcedId", "userSourcedId", "role"),
        ("schoolSourcedId", "beginDate", "endDate"),
        ("sourcedId", "userSourcedId", "role"),
    ),
    "categories": Table(("sourcedId", "title")),
    "lineItems": Table(
        ("sourcedId", "title", "dueDate", "classSourcedId", "categorySourcedId"),
        ("metadata.startTime", "metadata.endTime"),
        ("sourcedId", "classSourcedId"),
    ),
}
"""Tables that give facts, in the order in which they are read. Others are left unread."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its kept columns, blanks around values removed; a column that is not there is empty."""

    line: int
    """Where it begins in the file, counted from 1."""
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values.get(column, "")

    @property
    def deleted(self) -> bool:
        """OneRoster's own word for a row that has ended."""
        return self["status"].casefold() == "tobedeleted"


def read_records(
    file: str,
    data: bytes,
    *,
    required: Sequence[str],
    kept: Sequence[str],
    needed: Sequence[str] = (),
    encoding_fallback: str | None = None,
    blank: str = "oneroster.blank",
) -> list[Row]:
    """All rows of a file; raises SetRefusedError that lists every row that is wrong.

    ``blank`` is the reason where one of ``needed`` holds nothing.
    """
    reader = _Records(file, _text(file, data, encoding_fallback))
    header = reader.header()
    places = _places(file, header, required, kept)
    rows: list[Row] = []
    problems: list[Problem] = []
    for line, fields in reader:
        if len(problems) > MOST_PROBLEMS:
            break
        if len(fields) != len(header):
            text = f"The row has {len(fields)} fields, the header {len(header)}"
            problems.append(Problem("csv.row_length", text, file, line))
            continue
        row = Row(line, {column: fields[place].strip() for column, place in places})
        absent = [name for name in needed if not row[name] and (name == "sourcedId" or not row.deleted)]
        problems += [Problem(blank, "A value is needed here", file, line, name) for name in absent]
        rows.append(row)
    problems += reader.problems
    if problems:
        raise SetRefusedError(*sorted(problems, key=lambda problem: problem.line))
    return rows


def read_header(file: str, data: bytes, encoding_fallback: str | None = None) -> list[str]:
    """The names of a file's columns; raises SetRefusedError where there are none."""
    return _Records(file, _text(file, data, encoding_fallback)).header()


def _text(file: str, data: bytes, fallback: str | None) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if fallback is not None:
            return _text(file, _recoded(file, data, fallback), None)
        line = data.count(b"\n", 0, error.start) + 1
        raise SetRefusedError(Problem("csv.encoding", "The file is not UTF-8", file, line)) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SetRefusedError(Problem("csv.control", "The file holds NUL characters", file, line))
    return text


def _recoded(file: str, data: bytes, encoding: str) -> bytes:
    try:
        return data.decode(encoding).encode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        text = f"The file is neither UTF-8 nor {encoding}"
        raise SetRefusedError(Problem("csv.encoding", text, file, line)) from None


def _places(
    file: str, header: list[str], required: Sequence[str], kept: Sequence[str]
) -> list[tuple[str, int]]:
    """Where each kept column stands. Unknown and extension columns pass; case does not matter."""
    seen: dict[str, int] = {}
    problems = []
    for place, name in enumerate(header):
        if seen.setdefault(name.strip().casefold(), place) != place and name.strip():
            problems.append(Problem("csv.duplicate_column", f"Column {place + 1} repeats another", file, 1))
    problems += [
        Problem("csv.missing_column", "The column is missing", file, 1, name)
        for name in required
        if name.casefold() not in seen
    ]
    if problems:
        raise SetRefusedError(*problems)
    return [(name, seen[name.casefold()]) for name in kept if name.casefold() in seen]


class _Records:
    """The csv module with the line on which each record begins, and its errors as problems."""

    def __init__(self, file: str, text: str) -> None:
        csv.field_size_limit(_LARGEST_FIELD)
        self._file = file
        self._reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        self.problems: list[Problem] = []

    def header(self) -> list[str]:
        first = next(iter(self), None)
        if self.problems:
            raise SetRefusedError(*self.problems)
        if first is None:
            raise SetRefusedError(Problem("csv.empty", "The file has no header", self._file))
        return first[1]

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        while True:
            line = self._reader.line_num + 1
            try:
                fields = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                # strict mode: a quote never closed (so that all is one field), or text behind a closing quote
                quote = "unexpected end" in str(error) or "field larger" in str(error)
                text = "A quote is never closed" if quote else "Text follows a closing quote"
                self.problems.append(Problem("csv.quotes", text, self._file, line))
                return
            if fields:
                yield line, fields
