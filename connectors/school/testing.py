"""A stand-in of a school system: builds OneRoster sets and drops them the way such systems do.

Shipped because the demo and the tests use the same one. Rows are mappings from column to value; columns that
a row leaves out are blank, and columns that the standard does not know are written behind the standard's.
"""

import csv
import io
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Row = Mapping[str, str]

_COMMON = ("sourcedId", "status", "dateLastModified")
_USERS = (
    *_COMMON, "enabledUser", "orgSourcedIds", "role", "username", "userIds", "givenName", "familyName",
    "middleName", "identifier", "email", "sms", "phone", "agentSourcedIds", "grades", "password",
)  # fmt: skip
_USERS_1_2 = (
    *_COMMON, "enabledUser", "username", "userIds", "givenName", "familyName", "middleName", "identifier",
    "email", "sms", "phone", "agentSourcedIds", "grades", "password", "userMasterIdentifier",
    "resourceSourcedIds", "preferredGivenName", "preferredMiddleName", "preferredFamilyName",
    "primaryOrgSourcedId", "pronouns",
)  # fmt: skip
HEADERS: dict[str, tuple[str, ...]] = {
    "academicSessions": (*_COMMON, "title", "type", "startDate", "endDate", "parentSourcedId", "schoolYear"),
    "categories": (*_COMMON, "title"),
    "classes": (
        *_COMMON, "title", "grades", "courseSourcedId", "classCode", "classType", "location",
        "schoolSourcedId", "termSourcedIds", "subjects", "subjectCodes", "periods",
    ),
    "courses": (
        *_COMMON, "schoolYearSourcedId", "title", "courseCode", "grades", "orgSourcedId", "subjects",
        "subjectCodes",
    ),
    "demographics": (*_COMMON, "birthDate", "sex"),
    "enrollments": (
        *_COMMON, "classSourcedId", "schoolSourcedId", "userSourcedId", "role", "primary", "beginDate",
        "endDate",
    ),
    "lineItems": (
        *_COMMON, "title", "description", "assignDate", "dueDate", "classSourcedId", "categorySourcedId",
        "gradingPeriodSourcedId", "resultValueMin", "resultValueMax",
    ),
    "orgs": (*_COMMON, "name", "type", "identifier", "parentSourcedId"),
    "roles": (
        *_COMMON, "userSourcedId", "roleType", "role", "beginDate", "endDate", "orgSourcedId",
        "userProfileSourcedId",
    ),
    "users": _USERS,
}  # fmt: skip
"""Columns of each file, OneRoster 1.1 (``roles`` and the longer ``users`` of 1.2)."""


@dataclass
class SetWriter:
    """One set, bulk or delta."""

    version: Literal["1.1", "1.2"] = "1.1"
    mode: Literal["bulk", "delta"] = "bulk"
    system_code: str = ""
    tables: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, table: str, *rows: Row) -> "SetWriter":
        """Add rows to a table; a table without rows can be added too, and is then empty, not absent."""
        self.tables.setdefault(table, []).extend(rows)
        return self

    def files(self) -> dict[str, bytes]:
        """All files of the set by name, the manifest first."""
        present = [
            ("manifest.version", "1.0"),
            ("oneroster.version", self.version),
            *((f"file.{name}", self.mode if name in self.tables else "absent") for name in sorted(HEADERS)),
            ("source.systemName", ""),
            ("source.systemCode", self.system_code),
        ]
        files = {"manifest.csv": csv_bytes(("propertyName", "value"), present)}
        for name, rows in self.tables.items():
            standard = _USERS_1_2 if name == "users" and self.version == "1.2" else HEADERS[name]
            extra = sorted({column for row in rows for column in row} - set(standard))
            header = (*standard, *extra)
            files[f"{name}.csv"] = csv_bytes(header, [[row.get(name, "") for name in header] for row in rows])
        return files

    def drop_folder(self, inbox: Path, name: str) -> Path:
        """Write the set as a folder, under a hidden name first."""
        return drop_folder(self.files(), inbox, name)

    def drop_zip(self, inbox: Path, name: str) -> Path:
        """Write the set as a zip, under a name that ends in ``.part`` first."""
        return drop_zip(self.files(), inbox, name)


def csv_bytes(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """RFC 4180: CRLF, quotes where needed, UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode()


def rows_of(data: bytes) -> list[dict[str, str]]:
    """The rows of a CSV file with a header, as a school reads a request."""
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """A zip of ``files``."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def drop_folder(files: Mapping[str, bytes], inbox: Path, name: str) -> Path:
    """Write ``files`` as the folder ``name`` in ``inbox``, complete when it appears."""
    hidden = inbox / f".{uuid.uuid4().hex}"
    hidden.mkdir()
    for file, data in files.items():
        (hidden / file).write_bytes(data)
    return hidden.rename(inbox / name)


def drop_zip(files: Mapping[str, bytes], inbox: Path, name: str) -> Path:
    """Write ``files`` as the zip ``name`` in ``inbox``, complete when it appears."""
    part = inbox / f"{uuid.uuid4().hex}.part"
    part.write_bytes(zip_bytes(files))
    return part.rename(inbox / name)


def school(sourced_id: str, name: str, organisation_number: str = "") -> Row:
    """A row of orgs.csv."""
    return {"sourcedId": sourced_id, "name": name, "type": "school", "identifier": organisation_number}


def school_class(sourced_id: str, title: str, school_id: str) -> Row:
    """A row of classes.csv."""
    return {
        "sourcedId": sourced_id, "title": title, "classType": "homeroom", "schoolSourcedId": school_id,
    }  # fmt: skip


def user(sourced_id: str, role: str, names: tuple[str, str], school_id: str, **columns: str) -> Row:
    """A row of users.csv; ``names`` are given and family name. Columns such as ``identifier`` follow."""
    return {
        "sourcedId": sourced_id,
        "enabledUser": "true",
        "orgSourcedIds": school_id,
        "role": role,
        "username": sourced_id,
        "givenName": names[0],
        "familyName": names[1],
        **columns,
    }


def enrollment(user_id: str, class_id: str, school_id: str, role: str = "student", **columns: str) -> Row:
    """A row of enrollments.csv; its id is made of the user's and the class's."""
    return {
        "sourcedId": f"{user_id}_{class_id}",
        "userSourcedId": user_id,
        "classSourcedId": class_id,
        "schoolSourcedId": school_id,
        "role": role,
        **columns,
    }


def category(sourced_id: str, title: str) -> Row:
    """A row of categories.csv; its title says whether line items of it are exams."""
    return {"sourcedId": sourced_id, "title": title}


def line_item(sourced_id: str, title: str, class_id: str, category_id: str, due: str, **columns: str) -> Row:
    """A row of lineItems.csv. ``due`` is a date; for hours see `clock`."""
    return {
        "sourcedId": sourced_id,
        "title": title,
        "classSourcedId": class_id,
        "categorySourcedId": category_id,
        "dueDate": due,
        **columns,
    }


def clock(start: str, end: str) -> dict[str, str]:
    """Extension columns with an exam's hours on its day, such as ``09:00`` and ``12:00``."""
    return {"metadata.startTime": start, "metadata.endTime": end}
