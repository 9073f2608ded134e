"""Granvik school's pupil system, simulated: drops OneRoster 1.1 bulk sets into the connector's folder."""

import os
from pathlib import Path

from connectors.school.testing import (
    SetWriter,
    category,
    drop_zip,
    enrollment,
    line_item,
    school,
    school_class,
    user,
)
from samband.demo.acts import MONDAY, SchoolAct
from samband.demo.institutions import SCHOOL
from samband.demo.people import Family
from samband.demo.week import CLASSES, Week, class_of

_SCHOOL = "granvik-skole"
_PASSWORD = "not-to-leave-the-connector"  # noqa: S105 - shows that passwords in exports are dropped


class SchoolSystem:
    """Writes each set as a zip that appears complete. ``sent`` counts the sets."""

    def __init__(self, week: Week, inbox: Path) -> None:
        """``inbox`` is the ``in`` folder of the connector's drop folder."""
        self._week = week
        self._inbox = inbox
        self._staging = inbox.parent / "staging"
        self._staging.mkdir(exist_ok=True)
        self._last: dict[str, bytes] = {}
        self.sent = 0

    async def deliver(self, act: SchoolAct) -> None:
        """Drop the set that ``act`` describes."""
        files = self._last if act.same_as_before else self._files(act)
        if act.broken:
            files = {**files, "users.csv": files["users.csv"].replace(b"sourcedId,", b"", 1)}
        # The week is simulated, so the file gets the week's time, as an export of that morning would have it.
        export = drop_zip(files, self._staging, f"granvik-{self.sent:03}.zip")
        os.utime(export, (act.at.timestamp(), act.at.timestamp()))
        export.rename(self._inbox / export.name)
        self._last = files
        self.sent += 1

    def _files(self, act: SchoolAct) -> dict[str, bytes]:
        writer = SetWriter(system_code="granvik-sis")
        writer.add("orgs", school(_SCHOOL, "Granvik skole", SCHOOL.code))
        writer.add("classes", *(school_class(name, f"Class {name}", _SCHOOL) for name in CLASSES))
        writer.add("categories", category("exam", "Eksamen"))
        for family in self._week.town:
            self._add_family(writer, family, act)
        for name, day in sorted(act.exams.items()):
            writer.add(
                "lineItems", line_item(f"exam-{name}", "Mathematics, written", name, "exam", day.isoformat())
            )
        return writer.files()

    def _add_family(self, writer: SetWriter, family: Family, act: SchoolAct) -> None:
        children = [f"pupil-{child.sequence}" for child in family.children]
        for parent in family.parents:
            writer.add("users", user(
                f"parent-{parent.sequence}", "parent", (parent.given_name, parent.family_name), _SCHOOL,
                identifier=parent.national_id, agentSourcedIds=",".join(children), password=_PASSWORD,
            ))  # fmt: skip
        guardians = ",".join(f"parent-{parent.sequence}" for parent in family.parents)
        for child, name in zip(family.children, children, strict=True):
            writer.add("users", user(
                name, "student", (child.given_name, child.family_name), _SCHOOL,
                identifier=child.national_id, agentSourcedIds=guardians, password=_PASSWORD,
            ))  # fmt: skip
            if child.national_id not in act.left:
                begin = MONDAY.replace(month=8, day=17).isoformat()
                writer.add("enrollments", enrollment(name, class_of(child), _SCHOOL, beginDate=begin))
