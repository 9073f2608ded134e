"""The calendar's questions, each held to an answer that looks at every visit; and the day of an instant."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.appointments import Visit, local_day
from router.calendar import Calendar
from router.rules import load_rules
from router.spans import DAY, HOUR

OSLO = ZoneInfo("Europe/Oslo")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACE = load_rules().place("urn:test", "1")
YEARS = st.integers(-60 * 366 * DAY, 120 * 366 * DAY)
MARCH = (datetime(2026, 3, 2, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
REFS = [f"A|test|{number}" for number in range(8)]


@st.composite
def visits(draw):
    """Close together, so that they meet; some long, some of which only the day is known."""
    start = MARCH + draw(st.integers(0, 30 * 24)) * HOUR
    length = draw(st.sampled_from([HOUR, 3 * HOUR, DAY, DAY + HOUR, 5 * DAY]))
    timed = draw(st.sampled_from([True, True, True, False]))
    ref = draw(st.sampled_from(REFS))
    return Visit(
        ref, "APPOINTMENT", "hospital", "urn:test\x1f1\x1f", PLACE, start, start + length, start + length,
        timed, 0, local_day(start, PLACE.zone), 0, 0,
    )  # fmt: skip


CHANGES = st.lists(visits() | st.sampled_from(REFS), max_size=20)
"""A reference alone: that visit does not take place any more."""


def kept(changes) -> tuple[Calendar, dict[str, Visit]]:
    calendar = Calendar()
    model: dict[str, Visit] = {}
    for change in changes:
        if isinstance(change, str):
            calendar.replace(change, None)
            model.pop(change, None)
        else:
            calendar.replace(change.ref, change)
            model[change.ref] = change
    return calendar, model


@given(CHANGES, st.integers(0, 30 * 24), st.integers(0, 100))
def test_around_finds_what_overlaps_a_span_and_nothing_after_it(changes, first, hours):
    calendar, model = kept(changes)
    begin, end = MARCH + first * HOUR, MARCH + (first + hours) * HOUR
    found = calendar.around(begin, end)
    overlapping = {ref for ref, one in model.items() if one.timed and one.start < end and one.end > begin}
    assert overlapping <= {one.ref for one in found}
    assert all(model[one.ref] is one and one.timed and one.start < end for one in found)
    assert len(found) == len({one.ref for one in found})


@given(CHANGES, visits(), st.integers(1, 14), st.integers(1, 4))
def test_near_finds_all_within_so_many_days_and_few_are_surely_few(changes, seen, days, enough):
    calendar, model = kept(changes)
    near = {ref for ref, one in model.items() if abs(one.day - seen.day) < days}
    assert near <= {one.ref for one in calendar.near(seen, days)}
    if calendar.has_few_near(seen, days, enough):
        assert len(near) < enough


@given(CHANGES, st.integers(0, 35))
def test_a_day_has_the_visits_that_begin_on_it(changes, day):
    calendar, model = kept(changes)
    ordinal = datetime(2026, 3, 1, tzinfo=UTC).toordinal() + day
    assert {one.ref for one in calendar.on_day(ordinal)} == {
        ref for ref, one in model.items() if one.day == ordinal
    }


@given(CHANGES)
def test_what_is_asked_by_place_follows_each_change(changes):
    calendar, model = kept(changes[: len(changes) // 2])
    calendar.at_place(PLACE.name)  # from now on it is kept up to date
    for change in changes[len(changes) // 2 :]:
        ref = change if isinstance(change, str) else change.ref
        seen = None if isinstance(change, str) else change
        calendar.replace(ref, seen)
        model = {
            **{known: one for known, one in model.items() if known != ref},
            **({ref: seen} if seen else {}),
        }
    assert calendar.at_place(PLACE.name) == sorted((one.day, one.start, one.ref) for one in model.values())


@given(YEARS, st.sampled_from(["Europe/Oslo", "Atlantic/Reykjavik", "Asia/Kathmandu", "Pacific/Apia"]))
@example((datetime(2026, 3, 29, 0, 59, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1), "Europe/Oslo")
@example((datetime(2011, 12, 30, 9, 59, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1), "Pacific/Apia")
@example((datetime(2011, 12, 30, 10, 0, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1), "Pacific/Apia")
def test_the_local_day_is_the_calendars(instant, zone):
    moment = EPOCH + timedelta(microseconds=instant)
    assert local_day(instant, ZoneInfo(zone)) == moment.astimezone(ZoneInfo(zone)).toordinal()


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        ("2026-03-28T22:59:59", "2026-03-28"),
        ("2026-03-28T23:00:00", "2026-03-29"),  # winter time begins the day of the change at 23:00 UTC
        ("2026-03-29T21:59:59", "2026-03-29"),
        ("2026-03-29T22:00:00", "2026-03-30"),  # and summer time ends it at 22:00 UTC
    ],
)
def test_the_day_on_which_clocks_change_is_an_hour_shorter(utc, day):
    instant = (datetime.fromisoformat(utc).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
    assert local_day(instant, OSLO) == datetime.fromisoformat(day).toordinal()


@pytest.mark.parametrize("instant", [-(1 << 63), (1 << 63) - 1])
def test_an_instant_that_no_calendar_has_is_the_nearest_one(instant):
    assert datetime.fromordinal(local_day(instant, OSLO)).year == (2 if instant < 0 else 9998)
