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
        text.replace("burden: {visits: 3, days: 7}", "burden: {visits: 4, days: 10}"), encoding="utf-8"
    )
    assert (load_rules(file).burden_visits, load_rules(file).burden_days) == (4, 10)
    assert (load_rules().burden_visits, load_rules().burden_days) == (3, 7)
