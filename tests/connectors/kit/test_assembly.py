import hashlib
import re
import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit import times
from connectors.kit.assembly import AssemblyContext, InputIdentity, MisfitError, assemble, event_id
from connectors.kit.outcomes import Fact, SourceInput
from schemas.catalogue import catalogue
from schemas.codec import Codec

CONTEXT = AssemblyContext("hospital", "hospital.innlandet", "basis-1", "coordination")
SOURCE = SourceInput(
    payload=b"MSH|...", received=1_700_000_000_000_000, kind="SIU^S12", system="EPJ|A", message_id="42"
)
CODE = {"code": "1", "system": "s", "mapped": "UNKNOWN"}


def fact(**changes: Any) -> Fact:
    made = Fact(
        record="CaseStepCompleted",
        identifiers=({"system": "urn:oid:1", "pseudonym": "1.abc", "national": True},),
        occurred=times.exact(1_538_660_220_134_000, "2018-10-04T13:37:00.134Z"),
        recorded=times.exact(1_538_660_220_000_000),
        body={"case": {"system": "s", "id": "1"}, "institution": {"system": "s", "id": "i"}, "step": CODE},
        remarks=("time.no_zone", "code.unknown", "time.no_zone"),
    )
    return replace(made, **changes)


def test_the_event_id_is_the_name_based_uuid_of_what_the_contract_says() -> None:
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, "urn:samband:event")
    content = hashlib.sha256(b"MSH|...").hexdigest()
    name = f"hospital.innlandet|EPJ|A\x1f42\x1f{content}\x1f1"
    first, second = assemble([fact(), fact()], SOURCE, CONTEXT)
    assert second.event_id == str(uuid.uuid5(namespace, name))
    assert first.event_id != second.event_id


def test_meta_says_everything() -> None:
    (made,) = assemble([fact()], SOURCE, CONTEXT)
    meta = made.value["meta"]
    assert meta["ingested"] == {"instant": 1_700_000_000_000_000, "source": "", "confidence": "EXACT"}
    assert meta["source"]["agency"] == "hospital.innlandet"
    assert meta["source"]["content_hash"] == hashlib.sha256(b"MSH|...").hexdigest()
    assert meta["subject"]["key"] == "1.abc" == made.key
    assert (meta["legal_basis"], meta["purpose"]) == ("basis-1", "coordination")
    assert meta["remarks"] == ["code.unknown", "time.no_zone"]
    assert meta["hops"] == [{"component": "connector.hospital", "at": 1_700_000_000_000_000}]


def test_headers_are_cloudevents_in_kafka_s_binary_form() -> None:
    (made,) = assemble([fact(protection="CONFIDENTIAL")], SOURCE, CONTEXT)
    headers = dict(made.headers)
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_id"].decode() == made.event_id
    assert headers["ce_source"] == b"urn:samband:agency:hospital.innlandet"
    assert headers["ce_type"] == b"samband.cases.CaseStepCompleted.v1"
    assert headers["ce_time"] == b"2018-10-04T13:37:00.134000Z"
    assert headers["ce_subject"] == b"1.abc"
    assert headers["content-type"] == b"application/avro"
    assert headers["samband_protection"] == b"CONFIDENTIAL"
    assert headers["samband_sensitivity"] == b"SENSITIVE"


def test_all_facts_of_an_input_belong_to_one_trace() -> None:
    first, second = assemble([fact(), fact()], SOURCE, CONTEXT)
    one, two = (dict(made.headers)["traceparent"].decode() for made in (first, second))
    for parent in (one, two):
        # https://www.w3.org/TR/trace-context/#traceparent-header
        assert re.fullmatch(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]", parent)
    assert one.split("-")[1] == two.split("-")[1]
    assert one.split("-")[2] != two.split("-")[2]


@pytest.mark.parametrize(
    "record", ["CaseOpened", "AppointmentScheduled", "StayStarted", "EnrollmentChanged", "PersonUpdated"]
)
def test_a_retraction_goes_where_the_withdrawn_fact_went(record: str) -> None:
    body = {"record": record, "reason": CODE}
    (made,) = assemble([fact(record="FactRetracted", body=body, retracts="x")], SOURCE, CONTEXT)
    assert made.topic == catalogue().records[record].topics[0]
    assert made.value["meta"]["retracts"] == "x"


def test_a_part_s_own_identity_outlives_the_whole() -> None:
    part = fact(identity="case/1", content="digest")
    other = replace(SOURCE, payload=b"grown", message_id="43")
    (before,) = assemble([part], SOURCE, CONTEXT)
    (_, after) = assemble([fact(), part], other, CONTEXT)
    assert before.event_id == after.event_id == event_id("hospital.innlandet|EPJ|A", "case/1", "digest", 0)


def test_two_agencies_with_the_same_system_and_message_have_different_events() -> None:
    elsewhere = replace(CONTEXT, agency="hospital.oslo")
    assert (
        assemble([fact()], SOURCE, CONTEXT)[0].event_id != assemble([fact()], SOURCE, elsewhere)[0].event_id
    )


def test_a_record_outside_the_contract_is_a_fault_of_ours() -> None:
    with pytest.raises(MisfitError):
        assemble([fact(record="NoSuchRecord")], SOURCE, CONTEXT)
    with pytest.raises(MisfitError):
        assemble([fact(record="FactRetracted", body={"record": "InputOutcomes"})], SOURCE, CONTEXT)


def test_the_codec_takes_what_is_assembled() -> None:
    codec = Codec()
    (made,) = assemble([fact()], SOURCE, CONTEXT)
    assert codec.decode(codec.encode(made.record, made.value)).value["meta"] == made.value["meta"]


@given(st.binary(max_size=50), st.text(max_size=20), st.text(max_size=20), st.integers(0, 2**50))
def test_the_same_input_gives_the_same_ids_whenever_it_is_read(
    payload: bytes, system: str, message_id: str, received: int
) -> None:
    source = SourceInput(payload=payload, received=received, system=system, message_id=message_id)
    later = replace(source, received=received + 1)
    assert [made.event_id for made in assemble([fact(), fact()], source, CONTEXT)] == [
        made.event_id for made in assemble([fact(), fact()], later, CONTEXT)
    ]
    assert InputIdentity.of(source, "a") == InputIdentity.of(later, "a")
