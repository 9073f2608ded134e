"""Character sets: MSH-18 from the bytes, the fallback, and sets that lie."""

import pytest

from connectors.hospital.charset import codec_name, decode
from connectors.hospital.header import Header
from connectors.hospital.hl7 import Unparseable

NAME = "Størdal Åse"


def encoded(declared: str, codec: str, text: str = NAME) -> bytes:
    return f"MSH|^~\\&|PAS|S|||2026||ADT^A01|1|P|2.5||||||{declared}\rPID|1||7||{text}".encode(codec)


def read(payload: bytes, fallback: str = "iso8859-1") -> str:
    header = Header.of(payload)
    assert header is not None
    return decode(payload, header, fallback)


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("8859/1", "iso8859-1"),
        ("8859/15", "iso8859-15"),
        ("8859/1~ISO IR6", "iso8859-1"),
        ("UNICODE UTF-8", "utf-8"),
        ("UTF-8", "utf-8"),
        ("UNICODE", "utf-8"),
        ("WINDOWS-1252", "windows-1252"),
        ("cp1252", "windows-1252"),
        ("", "utf-8"),
        ("", "iso8859-1"),
        ('""', "iso8859-1"),
    ],
)
def test_text_is_read_in_the_declared_character_set(declared, codec):
    assert read(encoded(declared, codec)).endswith(NAME)


def test_the_fallback_is_the_sources_setting():
    payload = encoded("", "windows-1252", "5 €")
    assert read(payload, "windows-1252").endswith("5 €")


@pytest.mark.parametrize(
    ("declared", "codec"),
    [("ASCII", "iso8859-1"), ("UNICODE UTF-8", "iso8859-1"), ("8859/1", "utf-8"), ("WINDOWS-1252", "utf-8")],
)
def test_a_character_set_that_lies_is_refused_without_quoting_the_text(declared, codec):
    with pytest.raises(Unparseable) as caught:
        read(encoded(declared, codec))
    assert (caught.value.reason, caught.value.where) == ("hl7.charset_lies", "MSH-18")
    assert caught.value.__cause__ is None
    assert "rdal" not in f"{caught.value}{caught.value.fix}"


def test_an_unknown_character_set_matters_only_where_it_is_needed():
    assert read(encoded("ISO IR87", "ascii", "Stordal")).endswith("Stordal")
    with pytest.raises(Unparseable) as caught:
        read(encoded("ISO IR87", "iso8859-1"))
    assert caught.value.reason == "hl7.charset_unknown"


@pytest.mark.parametrize("part", [1, 2, 4, 9, 10, 15])
def test_all_parts_of_8859_are_known(part):
    assert codec_name(f"8859/{part}") == f"iso8859-{part}"
