"""HL7 v2 encoding rules (chapter 2 of the standard): segments, fields, components, escapes.

Only what is asked for is split: a message is a list of segment lines until a field is read. Positions are
those of the standard and begin at 1; MSH-1 is the field separator itself.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from schemas.errors import PoisonError

NULL = '""'
"""What a sender writes to say "delete the value", in contrast to an absent field (chapter 2.5.3)."""

_DEFAULT_ENCODING = "^~\\&"
_NONE = "\ue000"
"""Stands for a separator that the message does not have."""
_NAME = 3
_HEAD = 11
"""Characters that hold MSH-1 and MSH-2: at most six after ``MSH|``."""
_HEADERS = ("MSH", "FHS", "BHS")


class Unparseable(PoisonError):  # noqa: N818 - the tree in schemas.errors names what it is
    """Not an HL7 v2 message that can be read; the sender gets a reject."""


class Delimiters(NamedTuple):
    """The separators of one message, from MSH-1 and MSH-2."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str

    @classmethod
    def of(cls, header: str) -> "Delimiters":
        r"""Read them from an MSH segment.

        A truncated MSH-2 (``^~``) is filled up with the defaults that are still free. A fifth character is
        2.7's truncation character and is not needed for reading. ``^~\\&``, an escape character that the
        sender's own software wrote twice, is read as ``^~\&``.

        Raises:
            Unparseable: the same character stands for two things, or a separator is a letter or digit.

        """
        return _delimiters(header[:_HEAD])


@lru_cache(maxsize=256)
def _delimiters(header: str) -> Delimiters:
    separator = header[3:4]
    if not separator:
        raise Unparseable("the message ends after MSH", reason="hl7.delimiters", where="MSH-1")
    encoding = re.split(f"[{re.escape(separator)}\r\n]", header[4:], maxsplit=1)[0]
    if encoding[2:4] == "\\\\":
        encoding = encoding[:3] + encoding[4:]
    given = separator + encoding[:4]
    if len(set(given)) != len(given) or any(sign.isalnum() or sign.isspace() for sign in given):
        raise Unparseable(
            "the field separator or the encoding characters are ambiguous",
            reason="hl7.delimiters",
            where="MSH-2",
        )
    defaults = _DEFAULT_ENCODING[len(given) - 1 :]
    return Delimiters(*given, *(_NONE if sign in given else sign for sign in defaults))


class Segment:
    """One segment, split into fields at the first access."""

    __slots__ = ("_delimiters", "_fields", "_line", "name", "sequence")

    def __init__(self, line: str, delimiters: Delimiters, sequence: int = 1) -> None:
        """``sequence`` is its number among the segments of the same name, from 1."""
        self.name = line[:_NAME]
        self.sequence = sequence
        self._line = line
        self._delimiters = delimiters
        self._fields: list[str] | None = None

    def raw(self, field: int) -> str:
        """The field as it was sent, with repetitions and escapes; empty when absent."""
        fields = self._fields or self._split()
        return fields[field] if field < len(fields) else ""

    def is_null(self, field: int) -> bool:
        """Whether the sender asks to delete the value (``""``), as opposed to not sending it."""
        return self.raw(field) == NULL

    def repetitions(self, field: int) -> "list[Repetition]":
        """The repetitions of a field that hold something."""
        raw = self.raw(field)
        if not raw or raw == NULL:
            return []
        if self.name in _HEADERS and field <= 2:  # noqa: PLR2004 - MSH-1 and MSH-2 are the separators
            return [Repetition(raw, self._delimiters)]
        return [Repetition(part, self._delimiters) for part in raw.split(self._delimiters.repetition) if part]

    def text(self, field: int, component: int = 1, subcomponent: int = 1) -> str:
        """The value in the field's first repetition, unescaped; empty when absent or null."""
        fields = self._fields or self._split()
        raw = fields[field] if field < len(fields) else ""
        if not raw:
            return ""
        signs = self._delimiters
        if signs.repetition in raw:
            raw = raw.split(signs.repetition, 1)[0]
        return _pick(raw, signs, component, subcomponent)

    def values(self, field: int, *components: int) -> list[str]:
        """Components of the first repetition, in the order asked for, as ``text`` gives them."""
        raw = self.raw(field)
        if not raw:
            return [""] * len(components)
        signs = self._delimiters
        return Repetition(raw.split(signs.repetition, 1)[0], signs).values(*components)

    def _split(self) -> list[str]:
        self._fields = fields = self._line.split(self._delimiters.field)
        if self.name in _HEADERS:
            fields.insert(1, self._delimiters.field)
        return fields


class Repetition(NamedTuple):
    """One repetition of a field."""

    raw: str
    delimiters: Delimiters

    def text(self, component: int = 1, subcomponent: int = 1) -> str:
        """The value, unescaped; empty when absent or null."""
        return _pick(self.raw, self.delimiters, component, subcomponent)

    def values(self, *components: int) -> list[str]:
        """Several values at once, in the order asked for, as ``text`` gives them."""
        signs = self.delimiters
        parts = self.raw.split(signs.component)
        return [_value(parts[one - 1], signs, 1) if one <= len(parts) else "" for one in components]


class Message:
    """A message as segments by name, in the order of sending."""

    __slots__ = ("_first", "_index", "delimiters", "lines")

    def __init__(self, text: str) -> None:
        """Split ``text`` into segments.

        On the wire the separator is CR. LF and CRLF are tolerated: LF separates only where there is no CR,
        so that a line feed inside a field does not break its segment.

        Raises:
            Unparseable: there is no MSH at the beginning, its delimiters are ambiguous, or there is a
                second MSH, of which nothing could be said in one acknowledgement.

        """
        text = text.lstrip("\ufeff\r\n ")
        if text[:_NAME] != "MSH":
            raise Unparseable(
                "the message does not begin with an MSH segment", reason="hl7.no_msh", where="MSH"
            )
        self.delimiters = Delimiters.of(text)
        if "\r" in text:
            self.lines = text.replace("\r\n", "\r").split("\r") if "\n" in text else text.split("\r")
        else:
            self.lines = text.split("\n")
        index: dict[str, list[int]] = {}
        for number, line in enumerate(self.lines):
            name = line[:_NAME]
            if name in index:
                index[name].append(number)
            else:
                index[name] = [number]
        self._index = index
        self._first: dict[str, Segment] = {}
        if len(index["MSH"]) > 1:
            raise Unparseable(
                "the frame holds more than one message", reason="hl7.several_messages", where="MSH[2]"
            )

    def first(self, name: str) -> Segment | None:
        """The first segment of that name; always the same object, so that it is split once."""
        known = self._first.get(name)
        if known is not None:
            return known
        numbers = self._index.get(name)
        if not numbers:
            return None
        found = self._first[name] = Segment(self.lines[numbers[0]], self.delimiters)
        return found

    def all(self, name: str) -> list[Segment]:
        """All segments of that name, in order."""
        first = self.first(name)
        if first is None:
            return []
        rest = self._index[name][1:]
        return [
            first,
            *(Segment(self.lines[number], self.delimiters, place) for place, number in enumerate(rest, 2)),
        ]

    def names(self) -> list[str]:
        """The names of all segments, in order."""
        return [line[:_NAME] for line in self.lines if line]

    def segments(self) -> list[Segment]:
        """All segments in order, for rules that depend on it."""
        seen: dict[str, int] = {}
        found = []
        for line in self.lines:
            if line:
                name = line[:_NAME]
                seen[name] = seen.get(name, 0) + 1
                found.append(Segment(line, self.delimiters, seen[name]))
        return found


def _pick(raw: str, signs: Delimiters, component: int, subcomponent: int) -> str:
    _, sign, _, escape_sign, inner_sign = signs
    if sign in raw:
        parts = raw.split(sign, component)
        if len(parts) < component:
            return ""
        raw = parts[component - 1]
    elif component > 1:
        return ""
    if subcomponent > 1 or inner_sign in raw or escape_sign in raw or raw == NULL:
        return _value(raw, signs, subcomponent)
    return raw


def _value(raw: str, signs: Delimiters, subcomponent: int) -> str:
    if signs.subcomponent in raw:
        parts = raw.split(signs.subcomponent, subcomponent)
        if len(parts) < subcomponent:
            return ""
        raw = parts[subcomponent - 1]
    elif subcomponent > 1:
        return ""
    if raw == NULL:
        return ""
    return unescape(raw, signs) if signs.escape in raw else raw


_FORMATTING = {".br": "\n", ".sp": "\n", ".ce": "\n", ".fi": "", ".nf": "", "H": "", "N": ""}
_HEX = re.compile(r"X(?:[0-9A-Fa-f]{2})+")


def unescape(raw: str, signs: Delimiters) -> str:
    r"""Replace the escape sequences of chapter 2.7.

    ``\F\ \S\ \T\ \R\ \E\`` and ``\P\`` are separators, ``\Xdd…\`` bytes in UTF-8 or else ISO 8859-1,
    ``\.br\`` and its like line breaks, ``\H\ \N\`` highlighting (dropped). Others, and a lone escape
    character, stay as they are: much software writes paths without escaping them.
    """
    escape = signs.escape
    parts = raw.split(escape)
    found = [parts[0]]
    index, last = 1, len(parts) - 1
    while index <= last:
        meaning = _meaning(parts[index], signs) if index < last else None
        if meaning is None:
            found += (escape, parts[index])
            index += 1
        else:
            found += (meaning, parts[index + 1])
            index += 2
    return "".join(found)


def _meaning(code: str, signs: Delimiters) -> str | None:
    separators = {
        "F": signs.field,
        "S": signs.component,
        "T": signs.subcomponent,
        "R": signs.repetition,
        "E": signs.escape,
        "P": "#",
    }
    if code in separators:
        return separators[code]
    if code in _FORMATTING:
        return _FORMATTING[code]
    if _HEX.fullmatch(code):
        data = bytes.fromhex(code[1:])
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.decode("iso8859-1")
    return None


def escape(text: str, signs: Delimiters) -> str:
    """Write ``text`` so that it can stand in a field; the inverse of ``unescape``."""
    codes = {
        signs.escape: "E",
        signs.field: "F",
        signs.component: "S",
        signs.subcomponent: "T",
        signs.repetition: "R",
    }
    escaped = {ord(sign): f"{signs.escape}{code}{signs.escape}" for sign, code in codes.items()}
    escaped[ord("\r")] = f"{signs.escape}X0D{signs.escape}"
    escaped[ord("\n")] = f"{signs.escape}.br{signs.escape}"
    return text.translate(escaped)
