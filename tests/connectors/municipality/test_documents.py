"""Reading documents: what is refused and where, the order of events, and what no document may leak."""

# ruff: noqa: E501 - tables read better with one case to a line

import json
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.outcomes import DeadLetter, Fact, Publish, SourceInput
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.reasons import DEAD_LETTER_REASONS
from connectors.municipality.node import Node
from connectors.municipality.order import in_order
from connectors.municipality.settings import MunicipalitySettings
from connectors.municipality.subject import Context
from connectors.municipality.testing import CaseFile
from connectors.municipality.translate import translate

SETTINGS = MunicipalitySettings.model_validate({"drop": {"folder": "drop"}, "institution": "0301"})
CONTEXT = Context("kommune.test", SETTINGS, Pseudonyms(b"k" * 32, "1"))
APPLICANT, PARENT = "13116900216", "01010750160"
AT = "2026-03-02T09:00:00.000Z"
RECEIVED = 1_772_450_000_000_000


def carried(payload: bytes, place: str = "sak-1") -> tuple[Fact, ...]:
    made = translate(SourceInput(payload=payload, received=RECEIVED), CONTEXT, place)
    assert isinstance(made, Publish), made
    return made.facts


def one(event: dict[str, Any], **envelope: Any) -> Fact:
    case = CaseFile("F-1", APPLICANT, envelope=envelope).add({"hendelsestidspunkt": AT, **event})
    (fact,) = carried(case.payload())
    return fact


def refused(payload: bytes, place: str = "sak-1") -> DeadLetter:
    made = translate(SourceInput(payload=payload, received=RECEIVED), CONTEXT, place)
    assert isinstance(made, DeadLetter), made
    assert made.reason in DEAD_LETTER_REASONS
    return made


GOOD = CaseFile("F-1", APPLICANT).add(
    {"type": "soknadsStatus", "hendelsestidspunkt": AT, "status": "MOTTATT"}
)


def changed(**event: Any) -> bytes:
    return CaseFile("F-1", APPLICANT).add({**GOOD.events[0], **event}).payload()


@pytest.mark.parametrize(
    ("payload", "reason", "where"),
    [
        (b"", "input.empty", ""),
        (b" \n ", "input.empty", ""),
        (b"\xef\xbb\xbf" + GOOD.payload(), "json.encoding", "byte 0"),
        (GOOD.payload().decode().encode("utf-16"), "json.encoding", "byte 0"),
        (GOOD.payload() + b"\xff", "json.encoding", f"byte {len(GOOD.payload())}"),
        (GOOD.payload() + b" x", "json.syntax", None),
        (GOOD.payload()[:-5], "json.syntax", None),
        (b'{"hendelser": [NaN]}', "json.not_a_number", "line 1 column 16"),
        (b'{"hendelser": [-Infinity]}', "json.not_a_number", None),
        (b'{"a": "\\ud800"}', "json.syntax", None),
        (b'{"a": 1, "a": 2}', "json.duplicate_key", ""),
        (b"[" * 5000 + b"]" * 5000, "json.too_deep", None),
        (b'{"a":' * 60 + b"1" + b"}" * 60, "json.too_deep", ""),
        (b'{"a":' + b"9" * 5000 + b"}", "json.syntax", None),
        (b"[]", "value.wrong_type", ""),
        (b"{}", "value.missing", "/hendelser"),
        (b'{"hendelser": []}', "value.missing", "/hendelser"),
        (b'{"hendelser": {}}', "value.wrong_type", "/hendelser"),
        (b'{"hendelser": [1]}', "value.wrong_type", "/hendelser/0"),
        (b'{"hendelser": [{}]}', "value.missing", "/hendelser/0/type"),
        (b'{"digisosSoker": 1, "fiksDigisosId": "F-1"}', "value.wrong_type", "/digisosSoker"),
        (changed(type=7), "value.wrong_type", "/digisosSoker/hendelser/0/type"),
        (changed(type="Ola Nordmann, Storgata 1"), "value.wrong_type", "/digisosSoker/hendelser/0/type"),
        (changed(hendelsestidspunkt=None), "value.missing", "/digisosSoker/hendelser/0/hendelsestidspunkt"),
        (changed(hendelsestidspunkt="2026-02-30T10:00:00Z"), "time.unreadable", "/digisosSoker/hendelser/0/hendelsestidspunkt"),
        (changed(hendelsestidspunkt="0001-01-01T00:00:00"), "time.unreadable", "/digisosSoker/hendelser/0/hendelsestidspunkt"),
        (CaseFile("F-1", "131169").add(GOOD.events[0]).payload(), "subject.unusable", "/sokerFnr"),
        (CaseFile(APPLICANT, APPLICANT).add(GOOD.events[0]).payload(), "digisos.case_id", "/fiksDigisosId"),
        (CaseFile("../../etc", APPLICANT).add(GOOD.events[0]).payload(), "digisos.case_id", "/fiksDigisosId"),
    ],
)  # fmt: skip
def test_what_is_refused_and_where(payload: bytes, reason: str, where: str | None) -> None:
    letter = refused(payload)
    assert letter.reason == reason
    if where is not None:
        assert letter.where == where
    assert "Nordmann" not in str(letter)
    assert "131169" not in str(letter)


@pytest.mark.parametrize("place", ["", f"Ola {APPLICANT}", "131169 00216", "a/b", "x" * 200])
def test_a_bare_document_needs_a_place_that_is_an_id(place: str) -> None:
    bare = CaseFile("ignored").add(GOOD.events[0]).payload()
    assert refused(bare, place).reason == "digisos.case_id"


def test_a_file_name_goes_over_the_bus_as_a_pseudonym_only() -> None:
    (fact,) = carried(CaseFile("ignored").add(GOOD.events[0]).payload(), "Ola Nordmann")
    assert "Nordmann" not in str(fact)
    assert fact.body["case"]["id"].startswith("1.")


def test_an_envelope_names_person_and_case() -> None:
    fact = one({"type": "soknadLest"}, sakstype="AVLASTNING", orgnr="889640782")
    national, local = fact.identifiers
    assert (national["system"], national["national"]) == ("urn:oid:2.16.578.1.12.4.1.4.1", True)
    assert national["pseudonym"] == CONTEXT.pseudonyms.of("urn:oid:2.16.578.1.12.4.1.4.1", APPLICANT)
    assert (local["system"], local["national"]) == ("urn:samband:case:kommune.test", False)
    assert fact.body["case"]["id"] == "F-1"
    assert fact.body["institution"]["id"] == "889640782"
    assert fact.remarks == ()


@pytest.mark.parametrize(
    ("marking", "protection"),
    [
        (None, "NONE"), ("UGRADERT", "NONE"), ("FORTROLIG", "CONFIDENTIAL_ADDRESS"),
        ("STRENGT_FORTROLIG", "STRICTLY_CONFIDENTIAL_ADDRESS"),
        ("STRENGT_FORTROLIG_UTLAND", "STRICTLY_CONFIDENTIAL_ADDRESS"),
        ("NOE_NYTT", "STRICTLY_CONFIDENTIAL_ADDRESS"),
    ],
)  # fmt: skip
def test_the_protection_marking_follows_the_person(marking: str | None, protection: str) -> None:
    assert one({"type": "soknadLest"}, adressebeskyttelse=marking).protection == protection


@pytest.mark.parametrize(
    ("event", "record", "field", "mapped"),
    [
        ({"type": "soknadsStatus", "status": "BEHANDLES_IKKE"}, "CaseStepCompleted", "step", "FINISHED"),
        ({"type": "soknadsStatus", "status": "NY"}, "CaseStepCompleted", "step", "UNKNOWN"),
        ({"type": "soknadLest"}, "CaseStepCompleted", "step", "READ"),
        ({"type": "saksStatus", "referanse": "S1"}, "CaseStepCompleted", "step", "IN_PROGRESS"),
        ({"type": "vedtakFattet", "utfall": "AVSLATT"}, "DecisionMade", "outcome", "REJECTED"),
        ({"type": "vedtakFattet", "utfall": {"utfall": "DELVIS_INNVILGET"}}, "DecisionMade", "outcome", "PARTLY_GRANTED"),
        ({"type": "vedtakFattet"}, "DecisionMade", "outcome", "UNKNOWN"),
        ({"type": "utbetaling", "status": "UTBETALT"}, "CaseStepCompleted", "step", "PAYMENT_MADE"),
        ({"type": "utbetaling", "status": "STOPPET"}, "CaseStepCompleted", "step", "UNKNOWN"),
        ({"type": "dokumentasjonkrav", "status": "RELEVANT"}, "CaseStepCompleted", "step", "CONDITION_SET"),
        ({"type": "foresporselSendt", "tjeneste": "SPESIALISTVURDERING"}, "ServiceRequested", "service", "SPECIALIST_ASSESSMENT"),
        ({"type": "sakKopiertTilArkiv"}, "CaseStepCompleted", "step", "UNKNOWN"),
    ],
)  # fmt: skip
def test_each_type_of_event(event: dict[str, Any], record: str, field: str, mapped: str) -> None:
    fact = one(event)
    assert (fact.record, fact.body[field]["mapped"]) == (record, mapped)
    assert ("code.unknown" in fact.remarks) == (mapped == "UNKNOWN")


def test_a_meeting_lists_the_child_the_parents_and_the_institutions() -> None:
    fact = one(
        {
            "type": "moteinnkalling", "moteid": "M-1", "start": "2026-03-12T14:00:00+01:00",
            "slutt": "2026-03-12T15:00:00+01:00", "sted": "RADHUSET", "tittel": "Ansvarsgruppe",
            "deltakere": [
                {"rolle": "SOKER"}, {"rolle": "FORESATT", "fnr": PARENT}, {"rolle": "FORESATT"},
                {"rolle": "INSTITUSJON", "institusjon": "FJORDHEIM"}, {"rolle": "FAGPERSON", "orgnr": "889640782"},
            ],
        }
    )  # fmt: skip
    assert fact.record == "MeetingInvited"
    assert fact.body["place"] == "RADHUSET"
    invited = [
        (
            item["kind"],
            item["person"] and item["person"]["pseudonym"],
            item["institution"] and item["institution"]["id"],
        )
        for item in fact.body["invited"]
    ]
    fnr = "urn:oid:2.16.578.1.12.4.1.4.1"
    assert invited == [
        ("CITIZEN", CONTEXT.pseudonyms.of(fnr, APPLICANT), None),
        ("GUARDIAN", CONTEXT.pseudonyms.of(fnr, PARENT), None),
        ("GUARDIAN", None, None),
        ("INSTITUTION", None, "FJORDHEIM"),
        ("PROFESSIONAL", None, "889640782"),
    ]
    assert PARENT not in str(fact)


def test_an_address_is_no_place_code() -> None:
    fact = one({"type": "moteinnkalling", "moteid": "M-1", "start": AT, "sted": "Storgata 1, 1234 Bygda"})
    assert fact.body["place"] is None
    assert fact.body["details"]["items"] == ["Storgata 1, 1234 Bygda"]


def test_a_part_that_was_never_meant_is_taken_back() -> None:
    case = CaseFile("F-1", APPLICANT)
    case.add(
        {"type": "saksStatus", "hendelsestidspunkt": AT, "referanse": "S1", "status": "UNDER_BEHANDLING"}
    )
    case.add({"type": "vedtakFattet", "hendelsestidspunkt": AT, "referanse": "S1"})
    case.add({"type": "soknadLest", "hendelsestidspunkt": AT})
    later = "2026-03-03T09:00:00.000Z"
    case.add(
        {"type": "saksStatus", "hendelsestidspunkt": later, "referanse": "S1", "status": "FEILREGISTRERT"}
    )
    assert [fact.body["step"]["mapped"] for fact in carried(case.payload())] == ["READ"]


def test_a_number_that_others_may_carry_joins_nobody_elsewhere() -> None:
    case = CaseFile("F-1", "23109911111").add(GOOD.events[0])
    (fact,) = carried(case.payload())
    assert fact.identifiers[0]["national"] is False
    assert fact.identifiers[0]["system"].endswith(":kommune.test")
    assert "id.fictive" in fact.remarks


events = st.lists(
    st.builds(
        lambda kind, status, minute, ref: {
            "type": kind, "status": status, "referanse": ref,
            "hendelsestidspunkt": f"2026-03-02T09:0{minute}:00Z",
        },
        st.sampled_from(["soknadsStatus", "saksStatus", "vedtakFattet", "utbetaling", "nytt"]),
        st.sampled_from(["MOTTATT", "UNDER_BEHANDLING", "FERDIGBEHANDLET"]),
        st.integers(0, 1),
        st.sampled_from(["S1", "S2"]),
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@given(events)
def test_any_permutation_of_the_list_gives_the_same_order(listed: list[dict[str, Any]]) -> None:
    zone = ZoneInfo("Europe/Oslo")
    orders = {
        json.dumps([placed.node.value for placed in in_order([Node.of(event) for event in order], zone)])
        for order in permutations(listed)
    }
    assert len(orders) == 1


def test_the_order_of_one_instant_goes_with_the_facts() -> None:
    """Readers order by time and then by sequence; the list names the end first and the part last."""
    case = CaseFile("F-1", APPLICANT)
    for kind, more in (
        ("soknadsStatus", {"status": "FERDIGBEHANDLET"}),
        ("vedtakFattet", {"referanse": "S1", "utfall": {"utfall": "INNVILGET"}}),
        ("saksStatus", {"referanse": "S1", "status": "UNDER_BEHANDLING"}),
    ):
        case.add({"type": kind, "hendelsestidspunkt": AT, **more})
    facts = carried(case.payload())
    sequences = [fact.sequence or 0 for fact in facts]
    assert [fact.record for fact in facts] == ["CaseStepCompleted", "DecisionMade", "CaseStepCompleted"]
    assert sequences[0] < sequences[1] < sequences[2]


def test_a_part_stands_before_its_decision_and_the_end_stands_last() -> None:
    listed = [
        {"type": "vedtakFattet", "referanse": "S1"}, {"type": "soknadsStatus", "status": "FERDIGBEHANDLET"},
        {"type": "saksStatus", "referanse": "S1"}, {"type": "soknadsStatus", "status": "MOTTATT"},
    ]  # fmt: skip
    placed = in_order([Node.of({**event, "hendelsestidspunkt": AT}) for event in listed], ZoneInfo("UTC"))
    assert [item.node.value.get("status", item.kind) for item in placed] == [
        "MOTTATT", "saksStatus", "vedtakFattet", "FERDIGBEHANDLET",
    ]  # fmt: skip


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
members = st.sampled_from(
    ["type", "status", "referanse", "saksreferanse", "utbetalingsreferanse", "dokumenter", "utfall", "deltakere",
     "moteid", "start", "sted", "mottaker", "navKontor", "hendelsestidspunkt", "tittel", "frist"]
)  # fmt: skip


@given(st.binary(max_size=200))
def test_random_bytes_never_break_it(payload: bytes) -> None:
    assert isinstance(
        translate(SourceInput(payload=payload, received=0), CONTEXT, "x1"), DeadLetter | Publish
    )


@given(st.sampled_from(sorted({"moteinnkalling", "soknadsStatus", "vedtakFattet", "utbetaling", "nytt",
                               "dokumentasjonEtterspurt", "foresporselSendt", "tildeltNavKontor"})),
       st.dictionaries(members, json_values, max_size=6))  # fmt: skip
def test_wrong_types_anywhere_are_refusals_and_never_faults(kind: str, event: dict[str, Any]) -> None:
    case = CaseFile("F-1", APPLICANT).add({"hendelsestidspunkt": AT, **event, "type": kind})
    made = translate(SourceInput(payload=case.payload(), received=RECEIVED), CONTEXT)
    assert not isinstance(made, DeadLetter) or made.reason != "translate.failed", made
