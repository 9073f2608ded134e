"""Sentences with their figures, counts and times, in the forms of each language."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from router.planning.proposal import GAINS
from samband.languages import Language
from samband.texts import Texts

OSLO = ZoneInfo("Europe/Oslo")
EIGHT_PAST_FIVE = 1_772_683_680_000_000
"""2026-03-05T05:08 in Oslo: date -u -d 2026-03-05T04:08Z +%s."""


def finding(reason: str, **numbers: int) -> Any:
    return {"reason": reason, "numbers": numbers}


def name_of(institution: Any) -> str:
    return f"<{institution['id']}>"


def invitee(kind: str, code: str = "") -> Any:
    institution = {"system": "s", "id": code, "department": None} if code else None
    return {"kind": kind, "person": None, "institution": institution}


def time(instant: int = EIGHT_PAST_FIVE, confidence: str = "EXACT") -> Any:
    return {"instant": instant, "source": "", "confidence": confidence}


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("nb", "For kort tid til reisen: 15 min, trenger 1 t 58 min"),
        ("nn", "For kort tid til reisa: 15 min, treng 1 t 58 min"),
        ("sv", "För kort tid för resan: 15 min, behöver 1 tim 58 min"),
        ("da", "For kort tid til rejsen: 15 min., kræver 1 t. 58 min."),
        ("fi", "Liian vähän aikaa matkaan: 15 min, tarvitaan 1 t 58 min"),
        ("en", "Too little time to get there: 15 mins, 1 hr 58 mins needed"),
    ],
)
def test_finding_is_told_with_its_figures(language, told):
    gap = finding("finding.travel_gap.car", minutes_between=15, minutes_needed=118)
    assert Texts(language).finding(gap) == told


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("nb", ("Én dag i stedet for 3", "4 t 20 min mindre reise")),
        ("nn", ("Éin dag i staden for 3", "4 t 20 min mindre reise")),
        ("sv", ("En dag i stället för 3", "4 tim 20 min mindre resande")),
        ("da", ("Én dag i stedet for 3", "4 t. 20 min. mindre rejse")),
        ("fi", ("Yksi päivä, nyt 3", "4 t 20 min vähemmän matkustamista")),
        ("en", ("One day instead of 3", "4 hrs 20 mins less travel")),
    ],
)
def test_what_a_proposal_saves_is_told_with_its_figures(language, told):
    numbers = {
        "conflicts_before": 1, "conflicts_after": 0, "days_before": 3, "days_after": 1,
        "travel_minutes_before": 546, "travel_minutes_after": 286,
        "important_before": 2, "important_after": 1,
        "wishes_before": 2, "wishes_after": 0,
    }  # fmt: skip
    proposal: Any = {"numbers": numbers}
    texts = Texts(language)
    assert (texts.gain("proposal.gain.days", proposal), texts.gain("proposal.gain.travel", proposal)) == told
    assert all(texts.gain(key, proposal) for key in GAINS)


@pytest.mark.parametrize(
    ("language", "one", "several"),
    [
        ("nb", "3 besøk på samme sted på én dag", "3 besøk på samme sted i løpet av 5 dager"),
        (
            "fi",
            "3 käyntiä samassa paikassa yhden päivän aikana",
            "3 käyntiä samassa paikassa 5 päivän aikana",
        ),
        (
            "en",
            "3 visits to the same institution in one day",
            "3 visits within 5 days to the same institution",
        ),
    ],
)
def test_the_count_chooses_the_form(language, one, several):
    texts = Texts(language)
    assert texts.finding(finding("finding.burden", visits=3, days=1)) == one
    assert texts.finding(finding("finding.burden", visits=3, days=5)) == several


def test_finding_of_a_later_version_or_without_its_figures_is_still_told():
    texts = Texts("en")
    assert texts.finding(finding("finding.from_the_future", x=1)) == "Something does not fit"
    assert texts.finding(finding("finding.burden", visits=3)) == "Something does not fit"


def test_code_without_words_falls_back_to_the_sentence_and_never_to_the_code():
    texts = Texts("nb")
    assert texts.entry("case.step.brand_new") == "Noe er gjort i saken"
    assert texts.entry("brand.new") == "Noe har skjedd"
    assert texts.step("BRAND_NEW") == "noe annet"
    assert texts.kind("BRAND_NEW") == "En annen sak"


@pytest.mark.parametrize(
    ("language", "day", "year", "moment"),
    [
        ("nb", "tor. 5. mars", "tor. 5. mars 2026", "tor. 5. mars 05:08"),
        ("nn", "to. 5. mars", "to. 5. mars 2026", "to. 5. mars 05:08"),
        ("sv", "tors 5 mars", "tors 5 mars 2026", "tors 5 mars 05:08"),
        ("da", "tors. 5. mar.", "tors. 5. mar. 2026", "tors. 5. mar. 05.08"),
        ("fi", "to 5.3.", "to 5.3.2026", "to 5.3. 5.08"),
        ("en", "Thu 5 Mar", "Thu, 5 Mar 2026", "Thu 5 Mar 05:08"),
    ],
)
def test_times_are_written_as_the_language_writes_them(language, day, year, moment):
    texts = Texts(language)
    assert texts.moment(time(confidence="DATE_ONLY"), OSLO, year=2026) == day
    assert texts.moment(time(confidence="DATE_ONLY"), OSLO, year=2025) == year
    assert texts.moment(time(), OSLO, year=2026) == moment
    assert moment in texts.moment(time(confidence="DOUBTFUL"), OSLO, year=2026) != moment


@pytest.mark.parametrize("instant", [-(2**63), 2**63 - 1])
@pytest.mark.parametrize("language", Language)
def test_no_time_is_too_odd_to_be_shown(language, instant):
    assert Texts(language).moment(time(instant), OSLO)


def test_citizen_who_has_to_act_is_spoken_to():
    holder: Any = {"kind": "CITIZEN", "institution": None}
    assert Texts("en").holder(holder, name_of, "agency") == "you"
    assert Texts("fi").holder(holder, name_of, "agency") == "sinulla"


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "you, 2 parents or guardians, <FJ>, <GR> (2)"),
        ("nn", "deg, 2 foreldre eller verjer, <FJ>, <GR> (2)"),
        ("fi", "sinä, 2 huoltajaa, <FJ>, <GR> (2)"),
    ],
)
def test_list_of_a_meeting_is_told_without_naming_persons(language, told):
    kinds = ("CITIZEN", ""), ("GUARDIAN", ""), ("GUARDIAN", ""), ("INSTITUTION", "FJ")
    listed = [invitee(*each) for each in (*kinds, ("INSTITUTION", "GR"), ("INSTITUTION", "GR"))]
    assert Texts(language).invited(listed, name_of) == told


def test_one_is_told_as_one():
    listed = [invitee("GUARDIAN"), invitee("PROFESSIONAL")]
    assert Texts("nb").invited(listed, name_of) == "en forelder eller verge, en fagperson"
