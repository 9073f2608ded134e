"""Writes HL7 v2 messages: segments, escapes, times and character sets, the other way round than reading."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from connectors.hospital.charset import codec_name
from connectors.hospital.hl7 import Delimiters, escape

SIGNS: Final = Delimiters("|", "^", "~", "\\", "&")
"""The separators that messages of ours use; MSH-2 says so."""


def text(value: str) -> str:
    """``value`` so that it can stand in a field."""
    return escape(value, SIGNS)


def segment(name: str, fields: Mapping[int, str]) -> str:
    """A segment of fields by their number in the standard; MSH-1 is the separator and not among them."""
    written = {number - 1: value for number, value in fields.items()} if name == "MSH" else fields
    return "|".join([name, *(written.get(number, "") for number in range(1, max(written) + 1))])


def components(*parts: str) -> str:
    """A field of several components, each escaped, without empty ones at the end."""
    return "^".join(map(text, parts)).rstrip("^")


def stamp(moment: datetime) -> str:
    """An aware time as HL7 writes it, to the second, with its offset."""
    return moment.strftime("%Y%m%d%H%M%S%z")


def encoded(segments: Sequence[str], charset: str) -> bytes:
    r"""The message in the character set that its MSH-18 names.

    What the set does not have is written as ``\Xdd…\`` (chapter 2.7), which ``hl7.unescape`` reads back.
    """
    whole = "\r".join(segments) + "\r"
    codec = codec_name(charset) or "utf-8"
    try:
        return whole.encode(codec)
    except UnicodeEncodeError:
        return "".join(_fitting(sign, codec) for sign in whole).encode(codec)


def _fitting(sign: str, codec: str) -> str:
    try:
        sign.encode(codec)
    except UnicodeEncodeError:
        return f"\\X{sign.encode().hex().upper()}\\"
    return sign
