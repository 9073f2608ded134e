"""The message catalogues: every text in every language; what is wrong is refused with file and line."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from router.agreement import words
from router.findings import REASONS
from router.refusals import Reason
from router.timeline import TEXTS
from samband.catalogues import FOLDER, CatalogueError, catalogue, problems
from samband.languages import Language, asked_for
from schemas.catalogue import ROOT
from schemas.sources import named_types

LISTED = re.compile(r"Mapped: ([A-Z_, ]+)")
CODED = {
    "AppointmentCancelled": "reason",
    "CaseStepCompleted": "step",
    "DecisionMade": "outcome",
    "ReferralUpdated": "status",
    "EnrollmentChanged": "status",
    "AbsenceReported": "reason",
}
"""The field whose code is part of an entry's key."""
ENUMS = {
    "StayOnLeave": "samband.stay.LeavePhase",
    "StayCorrected": "samband.stay.StayCorrection",
    "ProposalAnswered": "samband.citizen.ProposalAnswer",
    "RequestAnswered": "samband.inbox.RequestAnswer",
}
HEAD = (
    'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n'
    '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'
)
ENGLISH = HEAD + (
    'msgid "a.one"\nmsgstr "In {hours} for {who}"\n'
    'msgid "a.two"\nmsgid_plural "count"\nmsgstr[0] "one"\nmsgstr[1] "{count} of them"\n'
)
FIRST = 'msgid "a.one"\nmsgstr "For {who} i {hours}"\n'
NORWEGIAN = HEAD + (
    'msgid "a.one"\nmsgstr "For {who} i {hours}"\n'
    'msgid "a.two"\nmsgid_plural "count"\nmsgstr[0] "én"\nmsgstr[1] "{count} av dem"\n'
)


def schema_of(record):
    return next(schema for name, schema in named_types().items() if name.endswith(f".{record}"))


def codes_of(record, field):
    doc = next(item["doc"] for item in schema_of(record)["fields"] if item["name"] == field)
    (listed,) = LISTED.findall(doc)
    return listed.replace(" ", "").split(",")


def wanted():
    """Every key that the router can say, and what the page says of a case."""
    keys = {*TEXTS.values(), *REASONS, "finding.other", "entry.other", "step.unknown", "kind.unknown"}
    for record, field in CODED.items():
        keys |= {f"{TEXTS[record]}.{code.lower()}" for code in codes_of(record, field)}
    for record, enum in ENUMS.items():
        keys |= {f"{TEXTS[record]}.{symbol.lower()}" for symbol in named_types()[enum]["symbols"]}
    for record, field in (("CaseStepCompleted", "step"), ("DecisionMade", "outcome")):
        keys |= {f"step.{code.lower()}" for code in codes_of(record, field)}
    for family, enum in (
        ("severity", "samband.coordination.Severity"),
        ("case.state", "samband.timeline.CaseState"),
        ("entry.holder", "samband.cases.HolderKind"),
    ):
        keys |= {f"{family}.{symbol.lower()}" for symbol in named_types()[enum]["symbols"]}
    keys |= {*words.REASONS, *words.TEXTS, *(f"step.{step.lower()}" for step in words.STEPS)}
    for status in ("corrected", "retracted"):
        keys |= {f"entry.{status}", f"entry.{status}_by"}
    return keys


def said_in_the_code():
    """Keys that stand in the code as they are: ``say("page.when")``, ``reason="finding.burden"``.

    What is said to operators alone is no text for a citizen.
    """
    families = {key.partition(".")[0] for key in catalogue("en").phrases}
    key = re.compile(rf'"((?:{"|".join(sorted(families))})\.[a-z_]+(?:\.[a-z_]+)*)"')
    found = set()
    for room in ("router", "samband"):
        for path in (ROOT.parent / room).rglob("*.py"):
            found.update(key.findall(path.read_text(encoding="utf-8")))
    return found - set(get_args(Reason))


@pytest.mark.parametrize("language", Language)
def test_catalogue_is_whole(language):
    assert list(problems(language)) == []


def test_whatever_the_router_says_has_words():
    assert wanted() - catalogue("en").phrases.keys() == set()


def test_whatever_the_code_names_has_words():
    said = said_in_the_code()
    assert {"finding.burden", "page.when", "entry.corrects"} <= said
    assert said - catalogue("en").phrases.keys() == set()


def test_every_language_has_a_file_and_every_file_a_language():
    assert {path.stem for path in FOLDER.glob("*.po")} == set(Language)


@pytest.mark.parametrize("language", sorted(set(Language) - {"en"}))
def test_no_text_was_left_in_english(language):
    own, english = catalogue(language).phrases, catalogue("en").phrases
    same = {key for key in own if own[key].forms == english[key].forms}
    assert same <= {"who.several"}


def written(folder: Path, norwegian: str, english: str = ENGLISH) -> Path:
    (folder / "en.po").write_text(english, encoding="utf-8")
    (folder / "nb.po").write_text(norwegian, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("norwegian", "problem"),
    [
        (NORWEGIAN.replace("For {who} i {hours}", ""), "nb.po:4: a.one: has no text"),
        (NORWEGIAN.replace("For {who}", "For"), "nb.po:4: a.one: must use the figures that en.po"),
        (NORWEGIAN.replace("{who}", "{who} {"), "nb.po:4: a.one: a figure is written as its name in braces"),
        (NORWEGIAN.replace("{who}", "{who.x}"), "nb.po:4: a.one: a figure is a name, with nothing after it"),
        (NORWEGIAN.replace("{who}", "{who!r}"), "nb.po:4: a.one: a figure is written as its name in braces"),
        (NORWEGIAN.replace("{hours}", "{hours} "), "nb.po:4: a.one: has blanks at an end"),
        (NORWEGIAN.replace("a.one", "a.three"), "nb.po:4: a.three: is not among the keys of en.po"),
        (NORWEGIAN.replace(FIRST, ""), "nb.po: a.one: is missing (en.po has it in line 4)"),
        (NORWEGIAN.replace('msgid "a.one"', '#, fuzzy\nmsgid "a.one"'), "nb.po:5: a.one: is marked as fuzzy"),
        (NORWEGIAN.replace('msgstr[1] "{count} av dem"\n', ""), "nb.po:6: a.two: needs 2 plural forms"),
        (NORWEGIAN.replace('plural "count"', 'plural "number"'), "nb.po:6: a.two: msgid_plural must be"),
        (NORWEGIAN + 'msgid "a.one"\nmsgstr "{who} {hours}"\n', "nb.po:10: a.one: is there twice"),
        (NORWEGIAN + "nonsense\n", "nb.po:10: "),
        (NORWEGIAN.replace("n != 1", "n !! 1"), "nb.po: cannot be read"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_file_line_and_reason(tmp_path, norwegian, problem):
    folder = written(tmp_path, norwegian)
    with pytest.raises(CatalogueError) as refused:
        catalogue("nb", folder)
    assert str(refused.value).startswith(f"{folder.name}/{problem}")
    assert next(problems("nb", folder)).startswith(f"{folder.name}/{problem}")


def test_a_right_one_is_taken(tmp_path):
    found = catalogue("nb", written(tmp_path, NORWEGIAN))
    assert found.text("a.one", {"hours": "3 t", "who": "deg"}) == "For deg i 3 t"
    assert found.text("a.two", {"count": "1"}, 1) == "én"
    assert found.text("a.two", {"count": "2"}, 2) == "2 av dem"


def test_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CatalogueError, match="cannot be read"):
        catalogue("nb", tmp_path)


def test_lint_looks_at_the_catalogues(repository):
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    assert "-m samband.catalogues" in makefile.partition("\nlint:")[2].partition("\n\n")[0]
    command = [sys.executable, "-m", "samband.catalogues"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "nn_NO.UTF-8"}, "nn"),
        ({"LANG": "no_NO"}, "nb"),
        ({"LANG": "sv_SE", "LC_ALL": "fi_FI@euro"}, "fi"),
        ({"LANG": "da_DK", "LC_MESSAGES": "C.UTF-8"}, "en"),
        ({"LANG": "", "LC_ALL": ""}, "en"),
    ],
)
def test_language_of_the_terminal_is_what_it_asks_for(environment, language):
    assert asked_for(environment) == language


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "TimelineEntry").rglob("*.json")), ids=str)
def test_examples_of_the_contract_speak_with_the_routers_keys(path):
    assert json.loads(path.read_text(encoding="utf-8"))["text"] in catalogue("en").phrases
