"""The MSH segment as bytes: what is needed before a message can be decoded, and to answer one that cannot."""

import re
from dataclasses import dataclass
from functools import lru_cache

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
        return _component(raw, self.raw(2), component) if raw else ""

    @property
    def kind(self) -> str:
        """``ADT^A01``: message code and trigger of MSH-9; empty when they are not codes of the standard."""
        return _kind(self.raw(9), self.raw(2))

    @property
    def processing(self) -> str:
        """MSH-11, the processing id: P, D or T."""
        return self.code(11)

    @property
    def version(self) -> tuple[int, int] | None:
        """MSH-12 as numbers, or None when it is not a version that the connector reads (2.3 to 2.8.x)."""
        return _version(self.code(12))

    @property
    def charset(self) -> str:
        """MSH-18's first repetition, the message's default character set."""
        return self.code(18)


# A source's headers are alike but for their time and number, so what their fields say is kept.


@lru_cache(maxsize=1024)
def _component(raw: bytes, encoding: bytes, component: int) -> str:
    if encoding[1:2] and encoding[1:2] in raw:
        raw = raw.split(encoding[1:2], 1)[0]
    parts = raw.split(encoding[:1]) if encoding else [raw]
    return parts[component - 1].decode("latin-1").strip(' "') if component <= len(parts) else ""


@lru_cache(maxsize=256)
def _kind(raw: bytes, encoding: bytes) -> str:
    code, trigger = _component(raw, encoding, 1), _component(raw, encoding, 2)
    if not _CODE.fullmatch(code):
        return ""
    return f"{code}^{trigger}" if _CODE.fullmatch(trigger) else code


@lru_cache(maxsize=256)
def _version(text: str) -> tuple[int, int] | None:
    found = _VERSION.fullmatch(text)
    return (2, int(found[1])) if found else None
