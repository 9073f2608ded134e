"""Character sets of HL7 v2 (table 0211): MSH-18 is read from the bytes, before anything is decoded."""

from connectors.hospital.header import Header
from connectors.hospital.hl7 import Unparseable
from schemas.errors import PoisonError

_NAMES = {
    "ASCII": "ascii",
    "USASCII": "ascii",
    "UNICODE": "utf-8",
    "UNICODEUTF8": "utf-8",
    "UTF8": "utf-8",
    "ISO106461": "utf-8",
    "WINDOWS1252": "windows-1252",
    "CP1252": "windows-1252",
    "ANSI": "windows-1252",
    "GB180302000": "gb18030",
    "BIG5": "big5",
} | {
    spelling.format(part): f"iso8859-{part}"
    for part in (*range(1, 12), *range(13, 17))
    for spelling in ("8859{}", "ISO8859{}", "ISOIEC8859{}")
}
_SINGLE_BYTE = ("iso8859-", "windows-")
_ESCAPE = 0x1B


def codec_name(declared: str) -> str | None:
    """Python's name of a character set as MSH-18 or a setting spells it, or None when it is not known."""
    return _NAMES.get("".join(sign for sign in declared.upper() if sign.isalnum()))


def decode(payload: bytes, header: Header, fallback: str) -> str:
    """The message as text.

    MSH-18's first repetition is the message's character set. Where it is empty, a message that is valid
    UTF-8 is read as such, and any other one in ``fallback``, the source's setting: text in a single-byte
    character set is hardly ever valid UTF-8 by chance. For the same reason a message that declares a
    single-byte set and holds UTF-8 is refused rather than published with mangled names.

    Raises:
        Unparseable: the bytes are not in the declared character set, or it is not known.

    """
    if payload.isascii() and _ESCAPE not in payload:
        return payload.decode("ascii")
    declared = header.charset
    if not declared:
        try:
            return payload.decode("utf-8")
        except UnicodeDecodeError:
            return _strictly(payload, fallback)
    codec = codec_name(declared)
    if codec is None:
        raise Unparseable(
            "the declared character set is not supported",
            reason="hl7.charset_unknown",
            where="MSH-18",
            fix="send UNICODE UTF-8 or one of 8859/1 to 8859/15",
        )
    if codec.startswith(_SINGLE_BYTE) and _is_utf8(payload):
        raise _lies()
    return _strictly(payload, codec)


def _strictly(payload: bytes, codec: str) -> str:
    try:
        return payload.decode(codec)
    except UnicodeDecodeError:
        raise _lies() from None  # the codec's own error quotes the payload


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _lies() -> PoisonError:
    return Unparseable(
        "the bytes are not in the character set that the message declares",
        reason="hl7.charset_lies",
        where="MSH-18",
        fix="declare the character set in MSH-18, or set the connector's fallback_charset",
    )
