"""Acknowledgements (HL7 v2 chapter 2.9): which codes a message gets, and the ACK message itself.

Original mode (MSH-15 and MSH-16 empty): one answer, AA or AR. Enhanced mode (either one filled): a commit
acknowledgement, CA or CR, as MSH-15 asks, then an application acknowledgement, AA or AR, as MSH-16 asks.
AE and CE are never sent: many senders block their whole queue on them.
"""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from typing import NamedTuple

from connectors.hospital.header import Header

_WANTED = {("AL", True), ("AL", False), ("SU", True), ("ER", False)}
_NEW_ERR = (2, 5)
_THREE_PART_TYPE = (2, 4)
_DEFAULT = Header((b"MSH", b"|", b"^~\\&"))


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a message is rejected; what goes into its ERR segment. No field holds a value of the message."""

    code: str
    """From table HL70357."""
    problem: str
    where: str = ""
    """As in dead letters, e.g. ``MSH-18``."""


def is_acknowledgement(header: Header) -> bool:
    """Whether the message is itself an answer, which is never answered (chapter 2.9.2)."""
    return header.code(9) in ("ACK", "MCF")


def answer_codes(header: Header | None, *, accepted: bool) -> tuple[str, ...]:
    """The acknowledgement codes that the sender is waiting for, in the order of sending; may be empty."""
    accept, application = (header.code(15), header.code(16)) if header else ("", "")
    if header and is_acknowledgement(header):
        return ()
    if not accept and not application:
        return ("AA" if accepted else "AR",)
    codes = []
    if (accept, accepted) in _WANTED:
        codes.append("CA" if accepted else "CR")
    if (application, accepted) in _WANTED:
        codes.append("AA" if accepted else "AR")
    return tuple(codes)


def control_ids() -> Callable[[], str]:
    """Message control ids of our own: unique over restarts, at most 20 characters (the limit before 2.7)."""
    run = secrets.token_hex(5).upper()
    numbers: Iterator[int] = count(1)
    return lambda: f"{run}{next(numbers) % 10**10}"


def acknowledge(
    header: Header | None, code: str, *, control_id: str, at: datetime, rejection: Rejection | None = None
) -> bytes:
    """The ACK message, unframed.

    It speaks the sender's delimiters and version and goes back to MSH-3 and MSH-4. What it echoes it
    echoes as bytes, so that it is in the message's character set even where that is not known.
    A message without a readable header gets the default delimiters and an empty MSA-2, one with ambiguous
    encoding characters the default ones.
    """
    fields = header.fields if header else ()
    shape = _shape(fields[:7], fields[8:10], fields[11:])
    echo = header.raw(10) if header and shape.readable else b""
    separator = shape.separator
    answer = (
        b"".join((shape.begin, _stamp(at), shape.middle, control_id.encode(), shape.end, b"\rMSA"))
        + separator
        + code.encode()
        + separator
        + echo
        + b"\r"
    )
    if rejection:
        answer += _error(rejection, separator, shape.encoding, shape.version) + b"\r"
    return answer


class _Shape(NamedTuple):
    """What is the same in all answers to a source: its MSH around the time and the control id."""

    begin: bytes
    middle: bytes
    end: bytes
    separator: bytes
    encoding: bytes
    version: tuple[int, int] | None
    readable: bool
    """Whether the separators of the message can be trusted."""


@lru_cache(maxsize=256)
def _shape(first: tuple[bytes, ...], kind: tuple[bytes, ...], rest: tuple[bytes, ...]) -> _Shape:
    """By a header's fields to MSH-6, MSH-8 and 9, and those from MSH-11 on."""
    source = Header((*_padded(first, 7), b"", *_padded(kind, 2), b"", *rest)) if first else _DEFAULT
    separator, encoding = source.raw(1), source.raw(2)
    if not _usable(separator, encoding):
        encoding = _DEFAULT.raw(2)
        source = source if _usable(separator, encoding) else _DEFAULT
        separator = source.raw(1)
    component = encoding[:1]
    version = source.version
    trigger = source.code(9, 2).encode("latin-1")
    message_type = [b"ACK", trigger] if trigger else [b"ACK"]
    if trigger and (version is None or version >= _THREE_PART_TYPE):
        message_type.append(b"ACK")
    begin = [b"MSH", encoding, source.raw(5), source.raw(6), source.raw(3), source.raw(4), b""]
    end = [b"", source.raw(11) or b"P", source.raw(12) or b"2.5"]
    end += [b""] * 5 + [source.raw(18)] if source.raw(18) else []
    return _Shape(
        separator.join(begin),
        separator.join([b"", b"", component.join(message_type), b""]),
        separator.join(end),
        separator,
        encoding,
        version,
        source is not _DEFAULT,
    )


def _padded(fields: tuple[bytes, ...], number: int) -> tuple[bytes, ...]:
    return (*fields, *(b"",) * (number - len(fields)))


@lru_cache(maxsize=16)
def _stamp(at: datetime) -> bytes:
    return at.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000").encode()


def _usable(separator: bytes, encoding: bytes) -> bool:
    signs = (separator + encoding).decode("latin-1")
    return bool(encoding) and not any(
        sign.isalnum() or sign.isspace() or signs.count(sign) > 1 for sign in signs
    )


def _error(rejection: Rejection, separator: bytes, encoding: bytes, version: tuple[int, int] | None) -> bytes:
    component = encoding[:1]
    location = _location(rejection.where)
    text = "".join(sign for sign in rejection.problem if sign.isascii() and (sign.isalnum() or sign == " "))
    if version and version < _NEW_ERR:
        subcomponent = encoding[3:4] or b"&"
        code = subcomponent.join([rejection.code.encode(), text.encode(), b"HL70357"])
        return separator.join([b"ERR", component.join([*[*location, b"", b"", b""][:3], code])])
    code = component.join([rejection.code.encode(), b"", b"HL70357"])
    fields = [b"ERR", b"", component.join(location), code, b"E", b"", b"", b"", text.encode()]
    return separator.join(fields)


def _location(where: str) -> list[bytes]:
    """``PID[2]-3.1`` as the components of ERL: segment, its number, field, field repetition, component."""
    segment, _, field = where.partition("-")
    name, _, number = segment.partition("[")
    if not name:
        return []
    parts = [name.encode(), number.rstrip("]").encode() or b"1"]
    if field:
        main, _, component = field.partition(".")
        parts.append(main.encode())
        if component:
            parts += [b"1", component.encode()]
    return parts
