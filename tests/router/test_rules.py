"""Rules and register are checked on load: file, line, place and reason."""

from pathlib import Path

import pytest

from router.rules import DEFAULT_RULES, RulesError, load_rules

REGISTER = """\
institutions:
  - name: One
    kind: HOSPITAL
    codes: [{system: HER, id: "1"}]
    latitude: 61.1
    longitude: 10.5
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "place", "reason"),
    [
        ("kind: HOSPITAL", "kind: CASTLE", 3, "institutions.0.kind", "HOSPITAL"),
        ("latitude: 61.1", "latitude: -61.1", 5, "institutions.0.latitude", "check the signs"),
        (
            "latitude: 61.1\n    longitude: 10.5",
            "latitude: 10.5\n    longitude: 61.1",
            5,
            "latitude",
            "swapped",
        ),
        ("latitude: 61.1", "latitude: 161.1", 5, "institutions.0.latitude", "less than or equal to 90"),
        ("    longitude: 10.5\n", "", 2, "institutions.0", "belong together"),
        ("name: One", "name: One\n    colour: red", 3, "institutions.0.colour", "not permitted"),
        (
            "    longitude: 10.5\n",
            "    longitude: 10.5\n    zone: Europe/Olso\n",
            7,
            "zone",
            "no such time zone",
        ),
        (
            "    longitude: 10.5\n",
            "    longitude: 10.5\n  - name: Two\n    kind: CLINIC\n    codes: [{system: HER, id: '1'}]\n",
            9,
            "institutions.1.codes.0",
            "another institution has this code",
        ),
        (
            "    longitude: 10.5\n",
            "    longitude: 10.5\n    school:\n      hours: {monday: 8-14}\n",
            8,
            "school.hours.monday",
            "08:15-14:00",
        ),
        ("name: One", "name: One\n    country: DE", 3, "institutions.0.country", "'NO', 'SE'"),
        ("name: One", "name: One\n    closed: {weekdays: [caturday]}", 3, "closed.weekdays.0", "'monday'"),
        (
            "name: One",
            "name: One\n    closed:\n      days:\n        - {begin: 2026-03-02, end: 2026-03-01}",
            5,
            "closed.days.0",
            "ends before it begins",
        ),
        ("longitude: 10.5", "longitude: 10.5\n    name: Two", 7, "name", "twice"),
        ("longitude: 10.5", "longitude: 10.5\n    longitude: 11.5", 7, "longitude", "twice"),
        (
            "    longitude: 10.5\n",
            (
                "    longitude: 10.5\njourneys:\n"
                "  - {between: [{system: HER, id: '1'}, {system: HER, id: '2'}], minutes: 5}\n"
            ),
            8,
            "journeys.0.between.1",
            "no institution has this code",
        ),
        (
            "    longitude: 10.5\n",
            (
                "    longitude: 10.5\njourneys:\n"
                "  - {between: [{system: HER, id: '1'}, {system: HER, id: '1'}], minutes: 5}\n"
            ),
            8,
            "journeys.0",
            "from an institution to itself",
        ),
    ],
)
def test_a_wrong_register_is_refused_with_line_and_reason(tmp_path: Path, old, new, line, place, reason):
    file = tmp_path / "register.yaml"
    file.write_text(REGISTER.replace(old, new), encoding="utf-8")
    with pytest.raises(RulesError) as refused:
        load_rules(institutions=file)
    assert str(refused.value).startswith(f"{file}:{line}: ")
    assert place in str(refused.value)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "place", "reason"),
    [
        ("visits: 3", "visits: 1", "burden.visits", "greater than or equal to 2"),
        ("visits_a_day: 4", "visits_a_day: no", "burden.visits_a_day", "valid integer"),
        ("up_to_km: 1.0", "up_to_km: 30000", "travel.modes.0.up_to_km", "less than or equal to 20100"),
        ("up_to_km: 20100", "up_to_km: 1", "travel", "in the order of up_to_km"),
        ("mode: WALK", "mode: HORSE", "travel.modes.0.mode", "'WALK', 'CAR' or 'PUBLIC_TRANSPORT'"),
        ("unknown_minutes: 15", "unknown_minutes: 301", "travel", "longer than longest_minutes"),
        ("appointment_minutes: 30", "appointment_minutes: 0", "durations.appointment_minutes", "greater"),
        ("appointment_minutes: 30", "appointment_minutes: 1441", "durations.appointment_minutes", "1440"),
        ("south: 54, north: 84", "south: 84, north: 54", "bounds", "south lies below north"),
        ("country: NO", "country: XX", "country", "'NO', 'SE'"),
        ("services: []", "services:\n  - {system: s, code: c}", "services.0", "before_minutes or after"),
        (
            "services: []",
            "services:\n  - &one {system: s, code: c, after_minutes: 1}\n  - *one",
            "services.1",
            "listed twice",
        ),
        ("[SCHOOL, ", "[CASTLE, ", "closed_on_holidays.0", "'HOSPITAL'"),
        (
            "free_days: []",
            "free_days: [{begin: 2026-07-01, end: 2062-07-31}]",
            "free_days.0",
            "check the year",
        ),
    ],
)
def test_wrong_rules_are_refused_with_line_and_reason(tmp_path: Path, old, new, place, reason):
    text = DEFAULT_RULES.read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "rules.yaml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RulesError) as refused:
        load_rules(file)
    where, _, why = str(refused.value).removeprefix(f"{file}:").partition(": ")
    at = next(number for number, line in enumerate(text.splitlines(), 1) if old.splitlines()[0] in line)
    assert at - 6 <= int(where) <= at + 2
    assert why.startswith(place) or f".{place}" in why
    assert reason in why


def test_a_journey_is_the_same_both_ways_and_no_longer_than_the_rules_allow(tmp_path: Path):
    file = tmp_path / "register.yaml"
    text = REGISTER + "  - name: Two\n    kind: CLINIC\n    codes: [{system: HER, id: '2'}]\n"
    ends = "[{system: HER, id: '2'}, {system: HER, id: '1'}]"
    file.write_text(f"{text}journeys:\n  - {{between: {ends}, minutes: 70}}\n", encoding="utf-8")
    journeys = load_rules(institutions=file).journeys
    assert journeys == {("HER|1", "HER|2"): 70 * 60_000_000, ("HER|2", "HER|1"): 70 * 60_000_000}
    file.write_text(f"{text}journeys:\n  - {{between: {ends}, minutes: 301}}\n", encoding="utf-8")
    with pytest.raises(RulesError, match=r"register\.yaml:11: journeys\.0\.minutes: longer than"):
        load_rules(institutions=file)


def test_rules_that_are_no_yaml_or_not_there_are_refused(tmp_path: Path):
    file = tmp_path / "rules.yaml"
    with pytest.raises(RulesError, match="cannot be read"):
        load_rules(file)
    file.write_text("zone: [", encoding="utf-8")
    with pytest.raises(RulesError, match=r"rules\.yaml:\d+: not YAML"):
        load_rules(file)
    file.write_text("", encoding="utf-8")
    with pytest.raises(RulesError, match=r"rules\.yaml:1: "):
        load_rules(file)


def test_every_code_of_an_institution_means_the_same_place(tmp_path: Path):
    file = tmp_path / "register.yaml"
    file.write_text(REGISTER.replace('id: "1"}', 'id: "1"}, {system: ORG, id: "9"}'), encoding="utf-8")
    rules = load_rules(institutions=file)
    assert rules.place("ORG", "9") is rules.place("HER", "1")
    assert rules.place("ORG", "8").latitude is None


def test_a_file_of_rules_replaces_the_built_in_ones(tmp_path: Path):
    file = tmp_path / "rules.yaml"
    text = DEFAULT_RULES.read_text(encoding="utf-8")
    file.write_text(
        text.replace("burden: {visits: 3, days: 7,", "burden: {visits: 4, days: 10,"), encoding="utf-8"
    )
    assert (load_rules(file).burden_visits, load_rules(file).burden_days) == (4, 10)
    assert (load_rules().burden_visits, load_rules().burden_days) == (3, 7)
