"""A school year in sets: what each gives, by hand. The number is one that Skatteetaten lists for tests."""

from datetime import UTC, datetime

import pytest

from connectors.school.testing import (
    SetWriter,
    category,
    clock,
    enrollment,
    line_item,
    school,
    school_class,
    user,
)
from tests.connectors.school.rig import AGENCY, PSEUDONYMS, SYSTEM, Rig, local, norwegian

ORG_SYSTEM = "urn:oid:2.16.578.1.12.4.1.4.101"
NUMBER = "16822548834"
SCHOOL = {"system": ORG_SYSTEM, "id": "974600951", "department": None}
FAR = "2099-03-12"


def micros(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()) * 1_000_000


def bulk(*, pupils=("p1",), exam_day=FAR, exams=("e1",), **columns: str) -> SetWriter:
    names = {"p1": ("Ola", "Nordmann"), "p2": ("Per", "Hansen")}
    made = SetWriter()
    made.add("orgs", school("s1", "Granvik skole", "974600951"))
    made.add("classes", school_class("4b", "4B", "s1"))
    made.add("users", user("g1", "parent", ("Kari", "Nordmann"), "s1", agentSourcedIds="p1"))
    made.add("users", *(user(p, "student", names[p], "s1", **(columns if p == "p1" else {})) for p in pupils))
    made.add("enrollments", *(enrollment(p, "4b", "s1", beginDate="2098-08-17") for p in pupils))
    made.add("categories", category("c1", "Heldagsprøve og eksamen"), category("c2", "Lekser"))
    made.add("lineItems", *(line_item(e, "Matematikk", "4b", "c1", exam_day) for e in exams))
    made.add("lineItems", line_item("h1", "Side 12", "4b", "c2", FAR))
    return made


async def test_the_first_set_gives_everything(rig: Rig):
    bulk(identifier=NUMBER, agentSourcedIds="g1").drop_zip(rig.inbox, "first.zip")
    facts = await rig.work()
    by_key = sorted((fact.record, fact.key) for fact in facts)
    pupil, guardian = norwegian(NUMBER), local("g1")
    assert by_key == sorted(
        [
            ("PersonRegistered", pupil["pseudonym"]),
            ("PersonRegistered", guardian["pseudonym"]),
            ("EnrollmentChanged", pupil["pseudonym"]),
            ("ExamScheduled", pupil["pseudonym"]),
        ]
    )
    registered = {fact.key: fact.value for fact in facts if fact.record == "PersonRegistered"}
    child = registered[pupil["pseudonym"]]
    assert child["meta"]["subject"]["identifiers"] == [pupil, local("p1")]
    assert child["roles"] == ["PUPIL"]
    assert child["relations"] == [{"kind": "HAS_GUARDIAN", "person": guardian}]
    assert child["institution"] == SCHOOL
    assert child["details"] == {"family_name": "Nordmann", "given_name": "Ola", "birth_date": None}
    assert child["meta"]["remarks"] == ["id.synthetic"]
    parent = registered[guardian["pseudonym"]]
    assert parent["relations"] == [{"kind": "GUARDIAN_OF", "person": pupil}]
    assert parent["roles"] == ["GUARDIAN"]

    (enrolled,) = [fact.value for fact in facts if fact.record == "EnrollmentChanged"]
    assert enrolled["enrollment"] == PSEUDONYMS.of(f"{SYSTEM}/enrollments", "p1_4b")
    assert enrolled["school"] == SCHOOL
    assert enrolled["class_id"] == "4b"
    assert enrolled["role"] == {"code": "student", "system": "oneroster:role", "mapped": "PUPIL"}
    assert enrolled["status"] == {"code": "", "system": "oneroster:status", "mapped": "ACTIVE"}
    assert enrolled["begin"] == {
        "instant": micros(2098, 8, 16, 22),
        "source": "2098-08-17",
        "confidence": "DATE_ONLY",
    }
    assert enrolled["end"] is None
    assert enrolled["details"] == {"title": "4B", "text": None}

    (exam,) = [fact.value for fact in facts if fact.record == "ExamScheduled"]
    assert (exam["exam"], exam["class_id"], exam["school"]) == ("e1", "4b", SCHOOL)
    assert exam["start"] == {"instant": micros(2099, 3, 11, 23), "source": FAR, "confidence": "DATE_ONLY"}
    assert exam["end"] is None
    assert exam["kind"] == {"code": "c1", "system": f"{SYSTEM}/categories", "mapped": "EXAM"}
    assert exam["details"] == {"title": "Matematikk", "text": None}
    assert rig.outcomes == [("PUBLISHED", "")]
    assert rig.lying_in("archive") == ["first.zip"]
    (outcome,) = rig.bus.on("inputs")
    assert outcome.value["kind"] == "OneRoster 1.1 bulk"
    assert {fact.value["meta"]["source"]["agency"] for fact in facts} == {AGENCY}


async def test_the_same_again_says_nothing(rig: Rig):
    bulk().drop_zip(rig.inbox, "one.zip")
    assert len(await rig.work()) == 4
    bulk().drop_zip(rig.inbox, "two.zip")
    assert await rig.work() == []
    assert rig.outcomes == [("PUBLISHED", ""), ("IGNORED", "unchanged")]
    bulk().drop_folder(rig.inbox, "three")
    assert await rig.work() == []


async def test_hours_make_an_exam_a_time(rig: Rig):
    made = bulk(exams=())
    made.add("lineItems", line_item("e1", "Norsk", "4b", "c1", "2099-06-02", **clock("9:00", "12:30")))
    made.drop_zip(rig.inbox, "a.zip")
    (exam,) = [fact.value for fact in await rig.work() if fact.record == "ExamScheduled"]
    # Summer time: Oslo is two hours ahead of UTC on 2 June.
    assert exam["start"]["instant"] == micros(2099, 6, 2, 7)
    assert exam["end"]["instant"] == micros(2099, 6, 2, 10, 30)
    assert exam["start"]["confidence"] == "NO_ZONE"


async def test_a_moved_exam_supersedes_and_a_returned_one_is_a_new_fact(rig: Rig):
    bulk().drop_zip(rig.inbox, "1.zip")
    (first,) = [fact for fact in await rig.work() if fact.record == "ExamScheduled"]
    bulk(exam_day="2099-03-20").drop_zip(rig.inbox, "2.zip")
    (moved,) = await rig.work()
    assert moved.value["start"]["source"] == "2099-03-20"
    assert moved.value["meta"]["supersedes"] == first.value["meta"]["event_id"]
    bulk().drop_zip(rig.inbox, "3.zip")
    (returned,) = await rig.work()
    assert returned.value["meta"]["supersedes"] == moved.value["meta"]["event_id"]
    ids = {fact.value["meta"]["event_id"] for fact in (first, moved, returned)}
    assert len(ids) == 3, "the bus would take a fact that returns under its old id for a repetition"


async def test_an_exam_is_withdrawn_by_a_delta_row(rig: Rig):
    bulk().drop_zip(rig.inbox, "1.zip")
    (exam,) = [fact for fact in await rig.work() if fact.record == "ExamScheduled"]
    delta = SetWriter(mode="delta")
    delta.add(
        "lineItems",
        {"sourcedId": "e1", "status": "tobedeleted", "dateLastModified": "2098-11-01T10:00:00.000Z"},
    )
    delta.drop_zip(rig.inbox, "2.zip")
    (retracted,) = await rig.work()
    assert retracted.record == "FactRetracted"
    assert retracted.topic == "education"
    assert retracted.key == exam.key
    assert retracted.value["record"] == "ExamScheduled"
    assert retracted.value["meta"]["retracts"] == exam.value["meta"]["event_id"]
    assert retracted.value["meta"]["recorded"]["instant"] == micros(2098, 11, 1, 10)


async def test_absence_ends_enrolments_and_nothing_else(rig: Rig):
    bulk(pupils=("p1", "p2"), exams=("e1", "e2")).drop_zip(rig.inbox, "1.zip")
    await rig.work()
    bulk(pupils=("p1",), exams=("e1",)).drop_zip(rig.inbox, "2.zip")
    facts = await rig.work()
    # p2 is gone from users.csv, enrollments.csv, and e2 from lineItems.csv: only the enrolment ends, and with
    # it p2's own two exams. p2 the person and p1's e2 stay.
    key = local("p2")["pseudonym"]
    assert [(fact.record, fact.key) for fact in facts] == [
        ("EnrollmentChanged", key),
        ("FactRetracted", key),
        ("FactRetracted", key),
    ]
    assert facts[0].value["status"] == {
        "code": "tobedeleted",
        "system": "oneroster:status",
        "mapped": "ENDED",
    }
    assert facts[0].value["class_id"] == "4b"


async def test_absence_from_a_delta_or_a_missing_file_ends_nothing(rig: Rig):
    bulk(pupils=("p1", "p2")).drop_zip(rig.inbox, "1.zip")
    await rig.work()
    SetWriter(mode="delta").add("enrollments").drop_zip(rig.inbox, "2.zip")
    SetWriter(mode="bulk").add("classes", school_class("4b", "4B", "s1")).drop_zip(rig.inbox, "3.zip")
    assert await rig.work() == []


async def test_exams_may_end_by_absence_where_the_settings_say_so(make_rig):
    rig = make_rig(absence_deletes=["enrollments", "lineItems"])
    bulk(exams=("e1", "e2")).drop_zip(rig.inbox, "1.zip")
    await rig.work()
    bulk(exams=("e1",)).drop_zip(rig.inbox, "2.zip")
    assert [fact.record for fact in await rig.work()] == ["FactRetracted"]


async def test_an_exam_that_has_taken_place_is_not_withdrawn(rig: Rig):
    bulk(pupils=("p1", "p2"), exam_day="2020-05-04").drop_zip(rig.inbox, "1.zip")
    await rig.work()
    bulk(pupils=("p1",), exam_day="2020-05-04").drop_zip(rig.inbox, "2.zip")
    assert [fact.record for fact in await rig.work()] == ["EnrollmentChanged"]


async def test_a_new_pupil_in_a_delta_gets_the_exams_of_the_class(rig: Rig):
    bulk().drop_zip(rig.inbox, "1.zip")
    await rig.work()
    delta = SetWriter(mode="delta").add("enrollments", enrollment("p9", "4b", "s1", status="active"))
    delta.drop_zip(rig.inbox, "2.zip")
    facts = await rig.work()
    assert [(fact.record, fact.key) for fact in facts] == [
        ("EnrollmentChanged", local("p9")["pseudonym"]),
        ("ExamScheduled", local("p9")["pseudonym"]),
    ]


async def test_another_id_for_the_same_national_number_links(rig: Rig):
    bulk(identifier=NUMBER).drop_zip(rig.inbox, "1.zip")
    await rig.work()
    delta = SetWriter(mode="delta")
    delta.add(
        "users", user("new-id", "student", ("Ola", "Nordmann"), "s1", status="active", identifier=NUMBER)
    )
    delta.add("users", {"sourcedId": "p1", "status": "tobedeleted"})
    delta.drop_zip(rig.inbox, "2.zip")
    facts = await rig.work()
    assert [fact.record for fact in facts] == ["IdentityLinked", "PersonUpdated"]
    assert {fact.key for fact in facts} == {norwegian(NUMBER)["pseudonym"]}
    assert facts[0].value["linked"] == [local("p1")]
    assert facts[1].value["status"]["mapped"] == "ACTIVE", "the id ended, not the person"


async def test_a_deleted_user_becomes_inactive(rig: Rig):
    bulk().drop_zip(rig.inbox, "1.zip")
    await rig.work()
    delta = SetWriter(mode="delta").add("users", {"sourcedId": "g1", "status": "tobedeleted"})
    delta.drop_zip(rig.inbox, "2.zip")
    (fact,) = await rig.work()
    assert (fact.record, fact.key) == ("PersonUpdated", local("g1")["pseudonym"])
    assert fact.value["status"]["mapped"] == "INACTIVE"
    assert fact.value["details"] is None


async def test_a_fictive_number_is_not_a_national_identifier(rig: Rig):
    """Born 23 October 1999 and eleven 1s: typed in for pupils who have no number (wis.no)."""
    bulk(identifier="23109911111").drop_zip(rig.inbox, "1.zip")
    facts = await rig.work()
    child = next(fact for fact in facts if fact.key == local("p1")["pseudonym"])
    assert child.value["meta"]["subject"]["identifiers"] == [local("p1")]
    assert "id.fictive" in child.value["meta"]["remarks"]


@pytest.mark.parametrize(
    ("place", "columns"),
    [
        ("userMasterIdentifier", {"userMasterIdentifier": NUMBER}),
        ("userIds:fnr", {"userIds": "{Feide:ola@granvik.no}, {FNR:" + NUMBER + "}"}),
        ("metadata.fnr", {"metadata.fnr": NUMBER}),
    ],
)
async def test_where_the_national_identifier_stands_is_a_setting(make_rig, place, columns):
    rig = make_rig(national_id=place)
    bulk(**columns).drop_zip(rig.inbox, "1.zip")
    keys = {fact.key for fact in await rig.work()}
    assert norwegian(NUMBER)["pseudonym"] in keys


async def test_version_1_2_takes_roles_from_their_own_file(rig: Rig):
    made = SetWriter(version="1.2")
    made.add("users", {"sourcedId": "t1", "enabledUser": "true", "givenName": "Tor", "familyName": "Lie"})
    made.add("roles", {"sourcedId": "r1", "userSourcedId": "t1", "roleType": "primary", "role": "teacher"})
    made.add("roles", {"sourcedId": "r2", "userSourcedId": "t1", "roleType": "secondary", "role": "parent"})
    made.add("demographics", {"sourcedId": "t1", "birthDate": "1980-02-29"})
    made.drop_zip(rig.inbox, "1.zip")
    (fact,) = await rig.work()
    assert fact.value["roles"] == ["GUARDIAN", "TEACHER"]
    assert fact.value["details"] == {"family_name": "Lie", "given_name": "Tor", "birth_date": "1980-02-29"}
    (outcome,) = rig.bus.on("inputs")
    assert outcome.value["kind"] == "OneRoster 1.2 bulk"


async def test_a_protection_marking_follows_the_person_into_every_later_fact(rig: Rig):
    marked = {"metadata.protection": "Strengt fortrolig"}
    bulk(**marked).drop_zip(rig.inbox, "1.zip")
    await rig.work()
    bulk(exam_day="2099-03-20", **marked).drop_zip(rig.inbox, "2.zip")
    (exam,) = await rig.work()
    assert exam.value["meta"]["protection"] == "STRICTLY_CONFIDENTIAL_ADDRESS"
    assert exam.headers["samband_protection"] == "STRICTLY_CONFIDENTIAL_ADDRESS"


async def test_an_unknown_marking_counts_as_the_strictest(rig: Rig):
    bulk(**{"metadata.protection": "kode 19"}).drop_zip(rig.inbox, "1.zip")
    child = next(fact for fact in await rig.work() if fact.key == local("p1")["pseudonym"])
    assert child.value["meta"]["protection"] == "STRICTLY_CONFIDENTIAL_ADDRESS"
    assert "code.unknown" in child.value["meta"]["remarks"]


async def test_codes_outside_the_standard_pass_with_a_remark(rig: Rig):
    made = SetWriter()
    made.add("enrollments", enrollment("p1", "4b", "s1", status="inactive", beginDate="2098-13-45"))
    made.add("enrollments", enrollment("p2", "4b", "s1", role="mascot"))
    made.drop_zip(rig.inbox, "1.zip")
    found = {fact.key: fact.value for fact in await rig.work()}
    ended = found[local("p1")["pseudonym"]]
    assert ended["status"] == {"code": "inactive", "system": "oneroster:status", "mapped": "ENDED"}
    assert ended["begin"] is None
    assert ended["meta"]["remarks"] == ["code.unknown", "time.doubtful"]
    assert found[local("p2")["pseudonym"]]["role"]["mapped"] == "UNKNOWN"
