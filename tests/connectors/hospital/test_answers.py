"""What a hospital says, held against what it was asked."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hospital.answers import AGAIN, DONE, TAKEN, Verdict, heard, is_gone, verdict
from connectors.hospital.asks import Act, ask
from connectors.hospital.hl7 import Message, Unparseable
from tests.connectors.hospital.test_asks import delivery, move

OSLO = ZoneInfo("Europe/Oslo")
ASKED = {act: ask(act, "r1", "p1", move()) for act in Act}
OURS = f"{ASKED[Act.HOLD].placer}^SAMBAND"
NEW_TIME, OLD_TIME, OTHER_TIME = "20261117090000+0100", "20261116090000+0100", "20261118090000+0100"


def said(text: str, act: Act, **settings: Any) -> Verdict | None:
    found = heard(Message(text), OSLO)
    return None if found is None else verdict(found, ASKED[act], delivery(**settings))


def acknowledgement(code: str, act: Act, *more: str, kind: str = "ACK") -> str:
    head = f"MSH|^~\\&|PAS|SYKEHUS|||20261116090001+0100||{kind}^S01|H1|P|2.5.1"
    return "\r".join((head, f"MSA|{code}|{ASKED[act].control_id}", *more))


def siu(trigger: str, *, placer: str = "", filler: str = "", status: str = "", start: str = "") -> str:
    times = f"^^^{start}" if start else ""
    sch = f"SCH|{placer}|{filler}|||||||||{times}||||||||||||||{status}"
    return f"MSH|^~\\&|PAS|SYKEHUS|||20261116090001+0100||SIU^{trigger}|H1|P|2.5.1\r{sch}"


def error(code: str, own: str = "") -> str:
    return f"ERR|||{code}^^HL70357|E|{own}"


@pytest.mark.parametrize("act", list(Act))
@pytest.mark.parametrize(
    ("code", "by_acknowledgement", "by_message"),
    [
        ("AA", DONE, TAKEN),
        ("CA", TAKEN, TAKEN),
        ("AR", AGAIN, AGAIN),
        ("CR", AGAIN, AGAIN),
        ("??", None, None),
    ],
)
def test_what_an_acknowledgement_means(act, code, by_acknowledgement, by_message):
    text = acknowledgement(code, act)
    assert said(text, act) == by_acknowledgement
    assert said(text, act, answered_by="message") == by_message


@pytest.mark.parametrize(
    ("code", "errors", "mapped"),
    [
        ("AE", [], "UNKNOWN"),
        ("CE", [], "UNKNOWN"),
        ("AE", [error("204")], "UNKNOWN_SLOT"),
        ("AE", [error("205")], "TAKEN"),
        ("AR", [error("200")], "NOT_ALLOWED"),
        ("CR", [error("203")], "NOT_ALLOWED"),
        ("AE", [error("101")], "OTHER"),
        ("AE", [error("101", "TAKEN")], "TAKEN"),
        ("AE", [error("101", "E-77")], "CLOSED"),
        ("AE", [error("0"), error("205")], "TAKEN"),
        ("AE", ["ERR|^^^205&Duplicate"], "TAKEN"),  # before 2.5
        ("AE", [error("999")], "UNKNOWN"),
    ],
)
def test_why_it_is_refused(code, errors, mapped):
    found = said(acknowledgement(code, Act.HOLD, *errors), Act.HOLD, refusals={"E-77": "CLOSED"})
    assert found is not None
    assert found.state == "REFUSED"
    assert found.reason is not None
    assert found.reason["mapped"] == mapped
    assert is_gone(found.reason) == (mapped in ("TAKEN", "CLOSED", "UNKNOWN_SLOT"))


@pytest.mark.parametrize("code", ["206", "207"])
@pytest.mark.parametrize("kind", ["AE", "AR", "CE", "CR"])
def test_what_passes_is_asked_again(kind, code):
    assert said(acknowledgement(kind, Act.HOLD, error(code)), Act.HOLD) == AGAIN


def test_an_appointment_that_the_hospital_does_not_know():
    found = said(acknowledgement("AE", Act.MOVE, error("204")), Act.MOVE)
    assert found == Verdict("REFUSED", {"code": "204", "system": "HL70357", "mapped": "UNKNOWN_APPOINTMENT"})
    for undoing in (Act.LET_GO, Act.MOVE_BACK):  # what is not there is not in the wrong place either
        assert said(acknowledgement("AE", undoing, error("204")), undoing) == DONE


def test_an_answer_to_something_else_is_none():
    assert said(acknowledgement("AA", Act.MOVE), Act.HOLD) is None


@pytest.mark.parametrize(
    ("status", "hold", "let_go"),
    [("Booked", DONE, DONE), ("Pending", DONE, DONE), ("", TAKEN, TAKEN),
     ("Cancelled", "UNKNOWN", DONE), ("Blocked", "CLOSED", DONE), ("Waitlist", "UNKNOWN", DONE)],
)  # fmt: skip
def test_a_response_says_how_the_appointment_stands(status, hold, let_go):
    def response(act: Act) -> Verdict | None:
        sch = f"SCH|{OURS}|N1{'|' * 23}{status}"
        return said(acknowledgement("AA", act, sch, kind="SRR"), act, answered_by="message")

    found = response(Act.HOLD)
    if isinstance(hold, str):
        assert found is not None
        assert found.reason is not None
        assert (found.state, found.reason["mapped"]) == ("REFUSED", hold)
    else:
        assert found == hold
    assert response(Act.LET_GO) == let_go


@pytest.mark.parametrize(
    ("text", "act", "state"),
    [
        (siu("S12", placer=OURS, filler="N1", status="Pending"), Act.HOLD, "DONE"),
        (siu("S14", placer=OURS, filler="N1", status="Blocked"), Act.HOLD, "REFUSED"),
        (siu("S15", placer=OURS, filler="N1"), Act.HOLD, "REFUSED"),
        (siu("S15", placer=OURS, filler="N1"), Act.LET_GO, "DONE"),
        (siu("S12", placer=OURS, filler="N1"), Act.LET_GO, None),
        (siu("S12", placer="ELSE", filler="N1"), Act.HOLD, None),
        (siu("S12", filler="N1"), Act.HOLD, None),
        (siu("S23", placer=OURS, filler="T7"), Act.HOLD, None),
        (siu("S13", filler="A1", start=NEW_TIME), Act.MOVE, "DONE"),
        (siu("S13", placer=OURS, filler="A1", start=NEW_TIME), Act.MOVE, "DONE"),
        (siu("S13", filler="A1", start=OTHER_TIME), Act.MOVE, None),
        (siu("S13", placer=OURS, filler="A1", start=OTHER_TIME), Act.MOVE, "REFUSED"),
        (siu("S14", filler="A1"), Act.MOVE, None),
        (siu("S15", filler="A1"), Act.MOVE, "REFUSED"),
        (siu("S15", filler="A1"), Act.MOVE_BACK, "DONE"),  # nothing is left that could be at the wrong time
        (siu("S13", filler="A2", start=NEW_TIME), Act.MOVE, None),
        (siu("S13", placer=OURS, filler="A1", start=NEW_TIME), Act.HOLD, None),
        (siu("S13", filler="A1", start=OLD_TIME), Act.MOVE_BACK, "DONE"),
        (siu("S13", filler="A1", start=NEW_TIME), Act.MOVE_BACK, None),
        (siu("S13", placer=OURS, filler="A1", start=NEW_TIME), Act.MOVE_BACK, None),  # late word of the move
        (siu("S13", placer=OURS, filler="A1", start=OTHER_TIME), Act.MOVE_BACK, "REFUSED"),
        (siu("S13", placer="A1", start=NEW_TIME), Act.MOVE, "DONE"),  # known by the placer's id alone
        (siu("S13", filler="A1", start="20260230"), Act.MOVE, None),
    ],
)
def test_a_notification_is_an_answer_where_it_is_about_the_same(text, act, state):
    found = said(text, act)
    assert (found and found.state) == state


def test_why_by_the_reason_of_the_event():
    text = siu("S15", placer=OURS, filler="N1").replace("|N1||||", "|N1||||CLOSED")
    found = said(text, Act.HOLD)
    assert found is not None
    assert found.reason is not None
    assert found.reason["mapped"] == "CLOSED"


@pytest.mark.parametrize("kind", ["ADT^A01", "ORU^R01", "ACK", ""])
def test_what_cannot_be_an_answer_is_not_heard(kind):
    assert heard(Message(f"MSH|^~\\&|PAS||||2026||{kind}|1|P|2.5.1"), OSLO) is None


@given(st.text(max_size=200), st.sampled_from(list(Act)))
def test_nothing_that_is_said_breaks_anything(rest, act):
    for kind in ("ACK", "SRR^S01", "SIU^S12", "SIU^S13"):
        try:
            message = Message(
                f"MSH|^~\\&|A|B|||2026||{kind}|1|P|2.5.1\rMSA|AE|{ASKED[act].control_id}\r{rest}"
            )
        except Unparseable:
            continue
        found = heard(message, OSLO)
        assert found is not None
        verdict(found, ASKED[act], delivery())
