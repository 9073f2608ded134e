from datetime import UTC, datetime, timedelta

# ruff: noqa: DTZ001 - local times without a zone are what is read here
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit import times

OSLO = ZoneInfo("Europe/Oslo")


def micros(*parts: int) -> int:
    """An independent way to the same number: the standard library's calendar, and string parsing."""
    year, month, day, *clock = (*parts, *(0,) * (7 - len(parts)))
    text = f"{year:04}-{month:02}-{day:02}T{clock[0]:02}:{clock[1]:02}:{clock[2]:02}.{clock[3]:06}+00:00"
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "instant", "confidence"),
    [
        ("20240501103000", micros(2024, 5, 1, 8, 30), "NO_ZONE"),  # summer: Oslo is two hours ahead
        ("20241201103000", micros(2024, 12, 1, 9, 30), "NO_ZONE"),  # winter: one
        ("202405011030", micros(2024, 5, 1, 8, 30), "NO_ZONE"),
        ("2024050110", micros(2024, 5, 1, 8), "NO_ZONE"),
        ("20240501103000.5", micros(2024, 5, 1, 8, 30, 0, 500_000), "NO_ZONE"),
        ("20240501103000+0200", micros(2024, 5, 1, 8, 30), "EXACT"),
        ("20240501103000-0330", micros(2024, 5, 1, 14, 0), "EXACT"),  # Newfoundland
        ("20240501", micros(2024, 4, 30, 22), "DATE_ONLY"),
        ("202405", micros(2024, 4, 30, 22), "DOUBTFUL"),
        ("2024", micros(2023, 12, 31, 23), "DOUBTFUL"),
        ("198808181126+0215", micros(1988, 8, 18, 9, 11), "DOUBTFUL"),  # no place has this offset
        ("20240331023000", micros(2024, 3, 31, 1, 30), "DOUBTFUL"),  # the clock skips this half hour
        ("20241027023000", micros(2024, 10, 27, 0, 30), "DOUBTFUL"),  # it comes twice; the first is meant
    ],
)
def test_hl7_times(text: str, instant: int, confidence: str) -> None:
    assert times.hl7(text, OSLO) == {"instant": instant, "source": text, "confidence": confidence}


@pytest.mark.parametrize(
    ("text", "instant", "confidence"),
    [
        ("2018-10-04T13:37:00.134Z", micros(2018, 10, 4, 13, 37, 0, 134_000), "EXACT"),
        ("2018-10-04T13:37:00.1345678Z", micros(2018, 10, 4, 13, 37, 0, 134_567), "EXACT"),
        ("2018-10-04T13:37+02:00", micros(2018, 10, 4, 11, 37), "EXACT"),
        ("2018-10-04 13:37:00", micros(2018, 10, 4, 11, 37), "NO_ZONE"),
        ("20181004T133700Z", micros(2018, 10, 4, 13, 37), "EXACT"),
        ("2018-10-04", micros(2018, 10, 3, 22), "DATE_ONLY"),
        ("2018-10", micros(2018, 9, 30, 22), "DOUBTFUL"),
    ],
)
def test_iso_times(text: str, instant: int, confidence: str) -> None:
    assert times.iso(text, OSLO) == {"instant": instant, "source": text, "confidence": confidence}


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "x", "20240230", "20241301", "20240501250000", "20090303111060", "2024050110300", "00000000",
        "00010101000000", "19000101", "99991231", "2012010219dd2527", "２０２４０５０１",
    ],
)  # fmt: skip
def test_what_is_no_time_in_hl7(text: str) -> None:
    assert times.hl7(text, OSLO) is None


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "1753-01-01", "9999-12-31", "2023-02-29", "12:00"]
)
def test_what_is_no_time_in_iso(text: str) -> None:
    assert times.iso(text, OSLO) is None


def test_a_date_field_is_a_day_whatever_stands_behind_it() -> None:
    day = times.date_only("2018-10-04T13:37:00.134Z", OSLO)
    assert day == {
        "instant": micros(2018, 10, 3, 22),
        "source": "2018-10-04T13:37:00.134Z",
        "confidence": "DATE_ONLY",
    }
    assert times.date_only("2018-10", OSLO) is None


def test_a_doubtful_time_keeps_the_source_s_words() -> None:
    assert times.doubtful("soon", 5) == {"instant": 5, "source": "soon", "confidence": "DOUBTFUL"}


@given(st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(9998, 1, 1)))
def test_instants_in_utc_agree_with_the_standard_library(moment: datetime) -> None:
    expected = (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    read = times.iso(moment.isoformat() + "Z", OSLO)
    assert read is not None
    assert (read["instant"], read["confidence"]) == (expected, "EXACT")
    assert times.to_datetime(expected) == moment.replace(tzinfo=UTC)


@given(
    st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2100, 1, 1)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
    st.sampled_from(["Europe/Oslo", "Europe/Helsinki", "America/St_Johns", "UTC"]),
)
def test_local_times_agree_with_the_standard_library(moment: datetime, zone: str) -> None:
    read = times.hl7(f"{moment:%Y%m%d%H%M%S}", ZoneInfo(zone))
    assert read is not None
    assert times.to_datetime(read["instant"]) == moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    gap_or_fold = (
        moment.replace(tzinfo=ZoneInfo(zone)).utcoffset()
        != moment.replace(tzinfo=ZoneInfo(zone), fold=1).utcoffset()
    )
    assert read["confidence"] == ("DOUBTFUL" if gap_or_fold else "NO_ZONE")


@given(st.text(max_size=40))
def test_no_text_breaks_a_reader(text: str) -> None:
    for reader in (times.hl7, times.iso, times.date_only):
        read = reader(text, OSLO)
        assert read is None or read["source"] == text


def test_every_offset_in_use_since_2000_is_exact_and_no_other() -> None:
    used = {
        ZoneInfo(name).utcoffset(datetime(year, month, 1))
        for name in available_timezones()
        for year in range(2000, 2026)
        for month in (1, 7)
    }
    for minutes in range(-15 * 60, 15 * 60 + 1, 5):
        sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
        read = times.hl7(f"20240501103000{sign}{hours:02}{rest:02}", OSLO)
        assert read is not None
        assert (read["confidence"] == "EXACT") == (timedelta(minutes=minutes) in used), minutes
