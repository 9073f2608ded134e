"""Reads JSON step by step, so that every refusal says where it is wrong and never what stood there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from connectors.kit import times
from schemas.errors import PoisonError
from schemas.records import Time

_CODE: Final = re.compile(r"[A-Za-zÆØÅæøå][A-Za-z0-9ÆØÅæøå_.-]{0,63}")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


@dataclass(frozen=True, slots=True)
class Node:
    """A JSON object and its place in the document, as a JSON pointer (RFC 6901)."""

    value: dict[str, Any]
    where: str = ""

    @classmethod
    def of(cls, value: object, where: str = "") -> "Node":
        """``value``, which must be an object."""
        if not isinstance(value, dict):
            raise _wrong(where, "an object is expected here")
        return cls(value, where)

    def at(self, name: str) -> str:
        """The pointer to a member."""
        return f"{self.where}/{name.replace('~', '~0').replace('/', '~1')}"

    def has(self, name: str) -> bool:
        """True unless the member is absent or null."""
        return self.value.get(name) is not None

    def text(self, name: str) -> str:
        """A text that must be there."""
        found = self.optional(name)
        if found is None:
            raise PoisonError("a text is missing here", reason="value.missing", where=self.at(name))
        return found

    def optional(self, name: str) -> str | None:
        """A text; None where it is absent, null or blank."""
        found = self.value.get(name)
        if found is None:
            return None
        if not isinstance(found, str):
            raise _wrong(self.at(name), "a text is expected here")
        return found if found.strip() else None

    def code(self, name: str) -> str:
        """A code that may be absent (then empty). Longer or freer text could be personal and is refused."""
        found = self.optional(name) or ""
        if found and not _CODE.fullmatch(found):
            raise _wrong(self.at(name), "a code is expected here: letters, digits, _ . -")
        return found

    def reference(self, name: str) -> str | None:
        """An id that the source made up; refused where it is no id."""
        found = self.optional(name)
        if found is not None and not _ID.fullmatch(found):
            raise _wrong(self.at(name), "an id is expected here: letters, digits, _ . : -")
        return found

    def references(self, name: str) -> list[str]:
        """One id or a list of ids: the format has had both."""
        found = self.value.get(name)
        if found is None or isinstance(found, str):
            single = self.reference(name)
            return [] if single is None else [single]
        if not isinstance(found, list):
            raise _wrong(self.at(name), "an id or a list of ids is expected here")
        held = Node({str(number): item for number, item in enumerate(found)}, self.at(name))
        return [item for number in held.value if (item := held.reference(number)) is not None]

    def child(self, name: str) -> "Node":
        """An object that must be there."""
        if not self.has(name):
            raise PoisonError("an object is missing here", reason="value.missing", where=self.at(name))
        return Node.of(self.value[name], self.at(name))

    def children(self, name: str) -> Iterator["Node"]:
        """The objects of a list; none where it is absent."""
        found = self.value.get(name)
        if found is None:
            return
        if not isinstance(found, list):
            raise _wrong(self.at(name), "a list is expected here")
        for number, item in enumerate(found):
            yield Node.of(item, f"{self.at(name)}/{number}")

    def time(self, name: str, zone: ZoneInfo) -> Time:
        """A time that must be there and readable."""
        found = times.iso(self.text(name), zone)
        if found is None:
            raise PoisonError(
                "not a time, or there is no such time", reason="time.unreadable", where=self.at(name)
            )
        return found

    def optional_time(self, name: str, zone: ZoneInfo) -> Time | None:
        """A time; None where it is absent or a placeholder for "unknown"."""
        found = self.optional(name)
        return None if found is None else times.iso(found, zone)


def _wrong(where: str, problem: str) -> PoisonError:
    return PoisonError(problem, reason="value.wrong_type", where=where)
