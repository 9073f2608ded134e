"""Whom a message is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.connectors.hospital.messages import (
    AGENCY,
    FNR,
    FNR_SYSTEM,
    PSEUDONYMS,
    facts,
    identifier,
    letter,
    raw,
    reading,
)

VISIT = "PV1|1|I|||||||||||||||||V1"
OWN = f"{AGENCY}:SYKEHUS"
NATIONAL = f"{FNR}^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR"


def subject(pid3: str, using=None, pid: str = "") -> list[dict[str, object]]:
    return [dict(one) for one in facts(raw(pid or f"PID|1||{pid3}", VISIT), using)[0].identifiers]


@pytest.mark.parametrize(
    "national",
    [
        NATIONAL,
        f"{FNR}^^^^NNNOR",
        f"{FNR}^^^FNR",
        "131169 00216^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR",
        f"{FNR}^^^NHN&2.16.578.1.12.4.1.4.1&ISO",
    ],
)
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_national_number_is_the_key_wherever_it_stands(national, order):
    both = ("4711^^^SYKEHUS^MR", national)
    assert subject("~".join(both[place] for place in order)) == [
        identifier(FNR_SYSTEM, FNR, national=True),
        identifier(OWN, "4711"),
    ]


def test_own_patient_number_before_others_numbers_before_card_numbers():
    found = subject("9^^^CARDS^DL~8^^^OTHER^MR~7^^^OTHER~4711^^^SYKEHUS^MR")
    assert found == [
        identifier(OWN, "4711"),
        identifier(f"{AGENCY}:OTHER", "8"),
        identifier(f"{AGENCY}:OTHER", "7"),
        identifier(f"{AGENCY}:CARDS", "9"),
    ]


def test_an_expired_number_is_listed_last():
    assert subject(f"{FNR}^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR^^^20251231~4711^^^SYKEHUS^MR") == [
        identifier(OWN, "4711"),
        identifier(FNR_SYSTEM, FNR, national=True),
    ]
    assert subject("1^^^A^MR^^20070103^99991231")[0] == identifier(f"{AGENCY}:A", "1")


@pytest.mark.parametrize("value", ["", "0000000000", "0", "999999", "UKJENT", '""'])
def test_a_placeholder_is_nobody(value):
    assert letter(raw(f"PID|1||{value}^^^SYKEHUS^MR", VISIT)) == ("subject.missing", "PID-3")
    assert subject(f"{value}^^^SYKEHUS^MR~4711^^^SYKEHUS^MR") == [identifier(OWN, "4711")]


@pytest.mark.parametrize("kind", ["AN", "VN", "XX", "BA"])
def test_numbers_of_accounts_visits_and_cards_are_nobodys(kind):
    assert letter(raw(f"PID|1||5^^^SYKEHUS^{kind}", VISIT)) == ("subject.missing", "PID-3")


def test_an_oid_is_the_same_everywhere_and_a_name_only_at_its_agency():
    assert subject("4711^^^X&1.2.3&ISO^MR") == [identifier("urn:oid:1.2.3", "4711")]
    assert subject("4711^^^X&1.2.3&HCD^MR") == [identifier(f"{AGENCY}:X", "4711")]


def test_an_id_without_authority_is_the_sending_facilitys():
    assert subject("4711") == [identifier(OWN, "4711")]


def test_old_messages_have_the_patient_in_pid_2():
    assert subject("", pid="PID|1|4711|") == [identifier(OWN, "4711")]


def test_settings_name_further_authorities():
    using = reading(
        authorities={"PERSNR": {"country": "NO"}, "USSSA": {"system": "urn:oid:2.16.840.1.113883.4.1"}}
    )
    assert subject(f"{FNR}^^^persnr", using) == [identifier(FNR_SYSTEM, FNR, national=True)]
    assert subject("123^^^USSSA^SS", using) == [identifier("urn:oid:2.16.840.1.113883.4.1", "123")]


def test_pid_19_is_read_only_where_the_settings_say_so():
    pid = f"PID|1||4711^^^SYKEHUS^MR{'|' * 16}{FNR}"
    assert subject("", pid=pid) == [identifier(OWN, "4711")]
    found = subject("", reading(ssn_country="NO"), pid=pid)
    assert found[0] == identifier(FNR_SYSTEM, FNR, national=True)


def test_something_else_typed_into_a_national_field_is_left_out():
    assert subject("ukjent mann^^^FNR~4711^^^SYKEHUS^MR") == [identifier(OWN, "4711")]


def test_what_is_odd_about_a_number_is_remarked_on():
    found = facts(raw("PID|1||13116900217^^^FNR", VISIT))[0]
    assert "id.check_digit" in found.remarks
    assert "id.local_only" not in found.remarks
    assert "id.local_only" in facts(raw("PID|1||4711", VISIT))[0].remarks


@given(st.permutations(["4711^^^SYKEHUS^MR", NATIONAL, "8^^^OTHER^MR", "1^^^A", "2^^^A", "3^^^CARDS^DL"]))
def test_position_never_matters(order):
    assert subject("~".join(order)) == subject("~".join(sorted(order)))


@pytest.mark.parametrize(
    "text",
    [
        "13116900216",
        "A13116900216",
        "131169-00216",
        "131169 00216",
        "19811218-9876",
        "811218-9876",
        "131052-308T",
        "131052A308T",
        "x" * 201,
    ],
)
def test_codes_that_look_like_a_national_number_leave_as_digests(text):
    token = reading().identities.token(text)
    assert token.startswith("digest.")
    assert text not in token
    assert token == reading().identities.token(text)


@pytest.mark.parametrize(
    "text", ["", "MSG00001", "8919-40", "20210924093000123", "2.16.840.1.113883.4.6", "HUH AE OMU", "Åsen 3"]
)
def test_codes_stay_as_they_are(text):
    assert reading().identities.token(text) == text


def test_a_message_id_of_free_text_leaves_as_a_digest():
    assert reading().identities.message_id("Kari Nordmann").startswith("digest.")
    assert PSEUDONYMS.digest(b"Kari Nordmann")[:32] in reading().identities.message_id("Kari Nordmann")
