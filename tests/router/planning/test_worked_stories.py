"""Runs the stories of docs/coordination.md: facts and slots in, a proposal out at the next tick."""

import re

import pytest
import yaml

from router.rules import load_rules
from tests.router.building import at, fact, place
from tests.router.planning.village import MINUTE, Village
from tests.router.slots import offered, slot, withdrawn
from tests.router.test_worked_examples import DOCS, HERE, KEY, Text, events

RULES = load_rules(HERE / "rules.yaml", HERE / "register.yaml", ["hospital.innlandet"])


def stories():
    page = (DOCS / "coordination.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```", page)
    read = [yaml.load(block, Loader=Text) for block in blocks]  # noqa: S506 - a SafeLoader
    return [block for block in read if "story" in block]


def shelf(name):
    return {
        "where": place("clinic"),
        "service": {"code": name, "system": "hospital.services", "mapped": "UNKNOWN"},
    }


def said(story):
    facts = events(story["facts"])
    for name, slots in story["slots"].items():
        facts.append(offered([slot(each, *span) for each, span in slots.items()], **shelf(name)))
    if "matters" in story:
        matters = [{"minute": None, **each} for each in story["matters"]]
        facts.append(fact("MattersStated", KEY, {"matters": matters, "details": None}))
    return facts


def check(proposal, expected):
    assert proposal["status"] == "OPEN"
    moves = {
        f"{move['appointment']['system']}|{move['appointment']['id']}": move["slot"]
        for move in proposal["moves"]
    }
    assert moves == expected["moves"]
    assert proposal["gains"] == expected.get("gains", proposal["gains"])
    assert proposal["numbers"].items() >= expected["numbers"].items()
    if "answer_by" in expected:
        assert proposal["answer_by"]["instant"] == at(expected["answer_by"])


@pytest.mark.parametrize("story", stories(), ids=lambda story: story["story"])
def test_a_story_of_the_page_is_true(story):
    facts, now = said(story), at(story["at"])
    for order in (facts, facts[::-1]):
        village = Village(RULES).hear(*order).tick(now)
        check(village.proposals()[-1], story["proposal"])
        for name, gone in story.get("withdrawn", {}).items():
            village.hear(withdrawn(gone, recorded="2026-03-02 12:00", **shelf(name))).tick(now + MINUTE)
            first, second = village.proposals()
            assert first["status"] == "WITHDRAWN"
            check(second, story["next"])
