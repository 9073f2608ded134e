"""Whether anything is lost is worked out from what stands in the topics."""

from typing import Any

from samband.accounting import AgencyTotals, Ledger


def outcome(connector: str, what: str, *events: str, reason: str = "") -> dict[str, Any]:
    return {"connector": connector, "kind": "", "outcome": what, "events": list(events), "reason": reason}


def fact(event_id: str) -> dict[str, Any]:
    return {"meta": {"event_id": event_id}}


def read(ledger: Ledger, *records: tuple[str, str, dict[str, Any]]) -> Ledger:
    for offset, (topic, record, value) in enumerate(records):
        ledger.add(topic, (0, offset), record, value)
    return ledger


def test_a_week_in_which_all_went_well():
    ledger = read(
        Ledger(),
        ("inputs", "InputOutcome", outcome("hospital", "PUBLISHED", "a", "b")),
        ("inputs", "InputOutcome", outcome("hospital", "IGNORED", reason="duplicate")),
        ("inputs", "InputOutcome", outcome("school", "DEAD_LETTERED", reason="csv.header")),
        ("stay", "StayStarted", fact("a")),
        ("person", "PersonUpdated", fact("b")),
        ("timeline", "TimelineEntry", {"entry_id": "a"}),
        ("timeline", "TimelineEntry", {"entry_id": "b"}),
    )
    sent = {"hospital": 2, "school": 1}
    assert ledger.lost(sent) == 0
    assert ledger.totals(sent) == {
        "hospital": AgencyTotals(sent=2, inputs=2, published=1, ignored=1, dead_lettered=0, events=2),
        "school": AgencyTotals(sent=1, inputs=1, published=0, ignored=0, dead_lettered=1, events=0),
    }


def test_input_without_an_outcome_is_lost():
    ledger = read(Ledger(), ("inputs", "InputOutcome", outcome("hospital", "IGNORED", reason="duplicate")))
    assert ledger.lost({"hospital": 3}) == 2


def test_connector_that_says_nothing_has_lost_everything():
    assert Ledger().lost({"school": 4}) == 4


def test_fact_that_was_promised_and_is_not_there_is_lost():
    ledger = read(Ledger(), ("inputs", "InputOutcome", outcome("hospital", "PUBLISHED", "a")))
    assert ledger.lost({"hospital": 1}) == 1


def test_fact_that_the_router_never_showed_is_lost():
    ledger = read(
        Ledger(),
        ("inputs", "InputOutcome", outcome("hospital", "PUBLISHED", "a")),
        ("stay", "StayStarted", fact("a")),
    )
    assert ledger.lost({"hospital": 1}) == 1


def test_fact_that_the_router_dead_lettered_is_not_lost():
    ledger = read(
        Ledger(),
        ("inputs", "InputOutcome", outcome("hospital", "PUBLISHED", "a")),
        ("stay", "StayStarted", fact("a")),
        ("stay.dlq", "DeadLetter", {"origin": "STAGE"}),
    )
    assert ledger.lost({"hospital": 1}) == 0


def test_record_that_is_read_twice_counts_once():
    ledger = Ledger()
    for _ in range(2):
        ledger.add("inputs", (0, 7), "InputOutcome", outcome("hospital", "IGNORED", reason="duplicate"))
    assert ledger.totals({})["hospital"].inputs == 1


def test_other_inputs_dead_letters_do_not_hide_a_loss():
    ledger = read(
        Ledger(),
        ("stay", "StayStarted", fact("a")),
        ("inputs.dlq", "DeadLetter", {"origin": "CONNECTOR"}),
    )
    assert ledger.lost({}) == 1


def test_requests_are_no_inputs_of_a_legacy_system_and_slots_have_no_timeline() -> None:
    ledger = read(
        Ledger(),
        ("inputs", "InputOutcome", {**outcome("town", "PUBLISHED", "s1"), "kind": "slots"}),
        ("slot", "SlotsOffered", fact("s1")),
        ("inputs", "InputOutcome", {**outcome("town", "PUBLISHED"), "kind": "AgencyRequest.HOLD"}),
    )
    assert ledger.lost({"town": 1}) == 0
    assert ledger.lost({"town": 2}) == 1
    assert ledger.requests == {"town": {"PUBLISHED": 1}}
    unsaid = read(Ledger(), ("inputs", "InputOutcome", outcome("town", "PUBLISHED", "s2")))
    assert unsaid.lost({"town": 1}) == 1
