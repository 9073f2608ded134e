"""What the other rooms rely on in the catalogue, written down by hand."""

from datetime import timedelta

import pytest

from schemas.catalogue import catalogue
from schemas.remarks import remarks, unknown_remarks

UNIFIED = ["person", "appointment", "stay", "case", "education", "citizen"]


@pytest.mark.parametrize("name", UNIFIED)
def test_unified_topics_are_co_partitioned_and_have_a_place_for_failures(name: str) -> None:
    topic = catalogue().topics[name]
    assert (topic.key, topic.partitions, topic.cleanup, topic.sensitivity) == (
        "citizen",
        8,
        "delete",
        "SENSITIVE",
    )
    assert topic.dead_letter == f"{name}.dlq"
    assert "samband.FactRetracted" in topic.records
    assert not topic.internal


def test_all_topics_are_there() -> None:
    operated = ["router.citizen.operations", "router.citizen.ticks"]
    dead_letters = [f"{name}.dlq" for name in [*UNIFIED, "inputs", "router.moves", "slot", *operated]]
    others = ["inputs", "timeline", "coordination", "router.moves", "router.citizen.changelog"]
    others += [*operated, "router.citizen.parked", "router.citizen.order"]
    others += ["slot", "inbox", "refusals"]
    assert sorted(catalogue().topics) == sorted([*UNIFIED, *dead_letters, *others])


def test_an_inbox_is_a_topic_for_each_agency_that_takes_requests() -> None:
    topics = catalogue().topics
    named = [topic.name for topic in topics["inbox"].all_of(["school.granly", "hospital.a", "school.granly"])]
    assert named == ["inbox.hospital.a", "inbox.school.granly"]
    assert topics["inbox"].all_of(()) == []
    assert topics["slot"].all_of(["hospital.a"]) == [topics["slot"]]


def test_retention_is_what_kafka_takes() -> None:
    person = catalogue().topics["person"]
    assert (person.retention, person.retention_ms) == (timedelta(days=730), 730 * 24 * 3600 * 1000)
    assert catalogue().topics["router.citizen.changelog"].retention_ms == -1


def test_a_record_is_found_by_both_its_names() -> None:
    record = catalogue().records["StayEnded"]
    assert record is catalogue().records["samband.stay.StayEnded"]
    assert (record.full_name, record.short_name, record.topics) == (
        "samband.stay.StayEnded",
        "StayEnded",
        ("stay",),
    )
    assert catalogue().by_id[record.schema_id] == (record, record.versions[record.version])


def test_a_retraction_goes_over_every_unified_topic() -> None:
    assert sorted(catalogue().records["FactRetracted"].topics) == sorted(UNIFIED)


def test_each_record_type_comes_once() -> None:
    names = [record.full_name for record in catalogue().record_types]
    assert names == sorted(set(names))
    assert len(names) * 2 == len(catalogue().records)


def test_what_waits_for_an_operator_fits_the_changelog() -> None:
    topics = catalogue().topics
    read = [topic for topic in topics.values() if "router" in topic.readers and topic.records]
    largest = max(topic.max_message_bytes for topic in read)
    assert topics["router.citizen.changelog"].max_message_bytes > largest + 64 * 1024


def test_a_dead_letter_of_16_mebibytes_fits_its_topic() -> None:
    assert catalogue().topics["inputs.dlq"].max_message_bytes > 16 * 1024 * 1024 + 64 * 1024


def test_remarks_are_a_closed_list() -> None:
    assert {
        "time.no_zone",
        "time.date_only",
        "time.doubtful",
        "code.unknown",
        "id.check_digit",
    } <= remarks().keys()
    assert unknown_remarks(["time.no_zone", "time.odd", "colour.red"]) == ["colour.red", "time.odd"]
