"""Acknowledgements: which codes, and the message."""

from datetime import UTC, datetime

import hl7 as oracle
import pytest

from connectors.hospital.ack import Rejection, acknowledge, answer_codes, control_ids
from connectors.hospital.header import Header

AT = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)


def header(accept: str = "", application: str = "", code: str = "ADT^A01", version: str = "2.5") -> Header:
    found = Header.of(
        f"MSH|^~\\&|PAS|SYKEHUS|SAMBAND|BUS|2026||{code}|M 1|P|{version}|||{accept}|{application}".encode()
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("accept", "application", "accepted", "rejected"),
    [
        ("", "", ("AA",), ("AR",)),
        ("AL", "", ("CA",), ("CR",)),
        ("AL", "NE", ("CA",), ("CR",)),
        ("NE", "AL", ("AA",), ("AR",)),
        ("AL", "AL", ("CA", "AA"), ("CR", "AR")),
        ("NE", "NE", (), ()),
        ("ER", "NE", (), ("CR",)),
        ("SU", "NE", ("CA",), ()),
        ("ER", "ER", (), ("CR", "AR")),
        ("", "SU", ("AA",), ()),
        ("", "ER", (), ("AR",)),
    ],
)
def test_codes_of_original_and_enhanced_mode(accept, application, accepted, rejected):
    assert answer_codes(header(accept, application), accepted=True) == accepted
    assert answer_codes(header(accept, application), accepted=False) == rejected


def test_an_acknowledgement_is_never_acknowledged():
    assert answer_codes(header(code="ACK^A01^ACK"), accepted=True) == ()
    assert answer_codes(header("AL", "AL", "ACK"), accepted=False) == ()


def test_a_message_without_header_is_rejected():
    assert answer_codes(None, accepted=False) == ("AR",)
    answer = oracle.parse(acknowledge(None, "AR", control_id="7", at=AT))
    assert str(answer.segment("MSA")) == "MSA|AR|"


def test_the_answer_goes_back_and_echoes():
    answer = oracle.parse(acknowledge(header(), "AA", control_id="OURS1", at=AT))
    msh = answer.segment("MSH")
    assert [str(msh[n]) for n in (3, 4, 5, 6)] == ["SAMBAND", "BUS", "PAS", "SYKEHUS"]
    assert [str(msh[n]) for n in (7, 9, 10, 11, 12)] == [
        "20261116080000+0000", "ACK^A01^ACK", "OURS1", "P", "2.5",
    ]  # fmt: skip
    assert str(answer.segment("MSA")) == "MSA|AA|M 1"


def test_it_speaks_the_senders_delimiters_and_character_set():
    source = Header.of(
        "MSH$%*/:$Legekontor Ås$X$Y$Z$2026$$ADT%A01$Nø1$P$2.5$$$$$$8859/1\r".encode("iso8859-1")
    )
    answer = acknowledge(source, "AA", control_id="1", at=AT).decode("iso8859-1")
    assert answer.split("\r")[0].startswith("MSH$%*/:$Y$Z$Legekontor Ås$X$")
    assert answer.split("\r")[0].endswith("$8859/1")
    assert answer.split("\r")[1] == "MSA$AA$Nø1"


def test_an_error_names_the_place_and_the_code():
    refusal = Rejection("203", "the HL7 version is not supported", "MSH-12")
    answer = oracle.parse(acknowledge(header(), "AR", control_id="1", at=AT, rejection=refusal))
    error = answer.segment("ERR")
    assert [str(error[n]) for n in (2, 3, 4, 8)] == [
        "MSH^1^12", "203^^HL70357", "E", "the HL7 version is not supported",
    ]  # fmt: skip


def test_an_error_before_2_5_has_the_old_form():
    refusal = Rejection("102", "a problem", "PID[2]-3.4")
    answer = oracle.parse(
        acknowledge(header(version="2.3.1"), "AR", control_id="1", at=AT, rejection=refusal)
    )
    assert str(answer.segment("ERR")[1]) == "PID^2^3^102&a problem&HL70357"
    assert str(answer.segment("MSH")[9]) == "ACK^A01"


def test_control_ids_are_ours_alone_and_short_enough():
    first, second = control_ids(), control_ids()
    ids = [first() for _ in range(100)] + [second() for _ in range(100)]
    assert len(set(ids)) == 200
    assert max(map(len, ids)) <= 20


@pytest.mark.parametrize(
    ("text", "version"),
    [("2.3", (2, 3)), ("2.3.1", (2, 3)), ("2.5^^", (2, 5)), ("2.8.2", (2, 8)), ("2.2", None), ("2.9", None),
     ("3.0", None), ("", None), ("2.55x", None), ("2.10", None)],
)  # fmt: skip
def test_versions(text, version):
    assert header(version=text).version == version


@pytest.mark.parametrize("start", ["MSH|^^\\&|", "MSH||", "MSH|ABCD|"])
def test_a_message_with_ambiguous_delimiters_is_answered_in_the_default_ones(start):
    source = Header.of(f"{start}PAS|SYKEHUS|S|B|2026||ADT^A01|M1|P|2.5".encode())
    answer = acknowledge(source, "AR", control_id="1", at=AT).decode()
    assert answer.startswith("MSH|^~\\&|S|B|PAS|SYKEHUS|")
    assert "MSA|AR|M1" in answer


def test_a_letter_for_a_separator_is_answered_in_the_default_delimiters():
    source = Header.of(b"MSHA^~\\&APASASYKEHUSASABA2026")
    answer = acknowledge(source, "AR", control_id="1", at=AT).decode()
    assert answer.split("\r")[1] == "MSA|AR|"
