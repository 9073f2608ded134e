"""docs/operations.md against the alert rules, the metrics and the catalogue."""

import re

import yaml

from bus.metrics import REGISTRY
from schemas.catalogue import catalogue
from tools.papers import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def _section(title: str) -> str:
    return re.split(r"^## ", PAGE.split(f"\n## {title}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_there_is_a_runbook_for_each_alert_and_it_is_as_urgent() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    severities = {
        rule["alert"]: rule["labels"]["severity"] for group in rules["groups"] for rule in group["rules"]
    }
    books = re.findall(r"^### (\w+)\n\n\*(\w+)\.\*", _section("Alerts"), re.MULTILINE)
    assert {alert: severity.lower() for alert, severity in books} == severities


def test_every_metric_is_explained() -> None:
    named = {metric.name + ("_total" if metric.type == "counter" else "") for metric in REGISTRY.collect()}
    assert set(re.findall(r"^\| `(samband_\w+)` \|", _section("Metrics"), re.MULTILINE)) == named


def test_rights_are_those_of_the_catalogue() -> None:
    rights = {}
    for topics, writers, readers in re.findall(
        r"^\| (`.+`) \| ([a-z, ]+) \| ([a-z, ]+) \|$", _section("Who may read and write"), re.MULTILINE
    ):
        for topic in re.findall(r"`([^`]+)`", topics):
            rights[topic] = (set(writers.split(", ")), set(readers.split(", ")))
    assert rights == {
        topic.name: (set(topic.writers), set(topic.readers)) for topic in catalogue().topics.values()
    }
