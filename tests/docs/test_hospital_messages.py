"""The messages on the hospital's page: those to be read are read so, those to be written are written so."""

import re
from datetime import timedelta

from connectors.hospital.asks import Act, ask, message
from connectors.hospital.settings import ClientTls, HospitalSettings, RequestSettings
from connectors.kit import times
from tests.connectors.hospital.messages import AGENCY, MORNING, facts
from tests.connectors.hospital.test_asks import AT, NINE, OSLO, move
from tests.docs.blocks import blocks
from tools.papers import ROOT

PAGE = "docs/connectors/hospital.md"
SHELF = f"slots|{AGENCY}|SYKEHUS|RAD|:MR-KNE"
DAY, MINUTE = 86_400_000_000, 60_000_000
MOVE = move(
    start=times.exact(NINE + DAY), end=times.exact(NINE + DAY + 45 * MINUTE), place="RAD/MR1",
)  # fmt: skip


def shown(kind: str) -> bytes:
    """The page's message of a type, as it goes over the wire."""
    (found,) = [one.text for one in blocks("hl7") if one.page == PAGE and f"|{kind}" in one.text]
    return found.replace("\n", "\r").encode()


def test_every_message_on_the_page_is_one_of_these() -> None:
    kinds = [one.text.split("|")[8] for one in blocks("hl7")]
    assert kinds == ["SIU^S24", "SIU^S23", "SRM^S01^SRM_S01", "SIU^S13^SIU_S12"]


def test_the_slot_is_offered_and_taken_back() -> None:
    (offered,) = facts(shown("SIU^S24"))
    (slot,) = offered.body["slots"]
    assert (offered.record, offered.key) == ("SlotsOffered", SHELF)
    assert (slot["id"], slot["place"], slot["resource"]) == ("T7", "RAD/MR1", "BERG")
    start = MORNING + timedelta(days=1)
    assert times.to_datetime(slot["start"]["instant"]) == start
    assert times.to_datetime(slot["end"]["instant"]) == start + timedelta(minutes=45)
    (withdrawn,) = facts(shown("SIU^S23"))
    assert (withdrawn.record, withdrawn.key, withdrawn.body["slot"]) == ("SlotWithdrawn", SHELF, "T7")
    assert withdrawn.body["reason"]["mapped"] == "TAKEN"


def test_the_requests_are_written_so() -> None:
    for kind, act in (("SRM", Act.HOLD), ("SIU", Act.MOVE)):
        settings = RequestSettings.model_validate({"host": "localhost", "message": kind})
        written = message(ask(act, "r1", "p1", MOVE), AT, settings, OSLO)
        assert shown("SRM^S01" if kind == "SRM" else "SIU^S13") == written


def test_every_setting_is_on_the_page() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+)(?:\.[a-z_]+)?`", text))
    for settings in (HospitalSettings, RequestSettings):
        assert set(settings.model_fields) - {"tls"} <= named
    for name in ClientTls.model_fields:
        assert f"`tls.{name}`" in text
