"""The MSH segment as bytes: what is needed before a message can be decoded, and to answer one that cannot."""

import re
from dataclasses import dataclass

_LONGEST = 8_192
"""Bytes. An MSH segment is some hundred bytes; what goes on for longer is not one."""
_END = re.compile(rb"[\r\n]")
_VERSION = re.compile(r"2\.([3-8])(?:\.\d+)*")
_CODE = re.compile(r"[A-Z][A-Z0-9]{2}")


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of MSH, still encoded, by their number in the standard."""

    fields: tuple[bytes, ...]

    @classmethod
    def of(cls, payload: bytes) -> "Header | None":
        """The header of a message, or None when it does not begin with one."""
        head = payload[:_LONGEST].lstrip(b"\xef\xbb\xbf\r\n ")
        separator = head[3:4]
        if not head.startswith(b"MSH") or not separator:
            return None
        end = _END.search(head)
        line = head[: end.start()] if end else head
        return cls((b"MSH", separator, *line.split(separator)[1:]))

    def raw(self, field: int) -> bytes:
        """The field as it was sent; empty when absent."""
        return self.fields[field] if field < len(self.fields) else b""

    def code(self, field: int, component: int = 1) -> str:
        """A component of the first repetition of a field that holds ASCII codes; empty when absent."""
        raw = self.raw(field)
        encoding = self.raw(2)
        if encoding[1:2] and encoding[1:2] in raw:
            raw = raw.split(encoding[1:2], 1)[0]
        parts = raw.split(encoding[:1]) if encoding else [raw]
        return parts[component - 1].decode("latin-1").strip(' "') if component <= len(parts) else ""

    @property
    def kind(self) -> str:
        """``ADT^A01``: message code and trigger of MSH-9; empty when they are not codes of the standard."""
        code, trigger = self.code(9), self.code(9, 2)
        if not _CODE.fullmatch(code):
            return ""
        return f"{code}^{trigger}" if _CODE.fullmatch(trigger) else code

    @property
    def processing(self) -> str:
        """MSH-11, the processing id: P, D or T."""
        return self.code(11)

    @property
    def version(self) -> tuple[int, int] | None:
        """MSH-12 as numbers, or None when it is not a version that the connector reads (2.3 to 2.8.x)."""
        found = _VERSION.fullmatch(self.code(12))
        return (2, int(found[1])) if found else None

    @property
    def charset(self) -> str:
        """MSH-18's first repetition, the message's default character set."""
        return self.code(18)
