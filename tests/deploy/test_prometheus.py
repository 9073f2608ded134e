"""The alert rules: valid, on metrics that exist, and firing when they should."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from bus.metrics import REGISTRY

_WORDS = {"up", "time", "sum", "by", "max", "rate", "increase", "delta", "and", "on", "job"}


@pytest.fixture(scope="session")
def folder(repository: Path) -> Path:
    return repository / "deploy" / "prometheus"


def _promtool(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    return subprocess.run([tool, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("check", "config", "prometheus.yml"), id="configuration"),
        pytest.param(("check", "rules", "rules.yml"), id="rules"),
        pytest.param(("test", "rules", "rules_test.yml"), id="rules fire as written down"),
    ],
)
def test_promtool_agrees(folder, arguments):
    done = _promtool(folder, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def _metrics() -> dict[str, set[str]]:
    """Every name that a process can show, with its labels."""
    found: dict[str, set[str]] = {}
    for collector in REGISTRY._collector_to_names:  # noqa: SLF001 - the registry lists no labels otherwise
        labels = set(getattr(collector, "_labelnames", ()))
        for name in REGISTRY._collector_to_names[collector]:  # noqa: SLF001 - the same
            found[name] = labels
    return found


def _rules(folder: Path) -> list[dict[str, str]]:
    groups = yaml.safe_load((folder / "rules.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_rules_ask_for_metrics_and_labels_that_exist(folder):
    metrics = _metrics()
    for rule in _rules(folder):
        names = set(re.findall(r"\b(samband_\w+)", rule["expr"]))
        assert names <= set(metrics), rule["alert"]
        for labels in re.findall(r"by \(([^)]*)\)", rule["expr"]):
            for name in names:
                assert set(re.findall(r"\w+", labels)) <= metrics[name], rule["alert"]


def test_every_rule_says_how_urgent_it_is_and_what_to_do(folder):
    for rule in _rules(folder):
        assert rule["labels"]["severity"] in ("page", "ticket")  # type: ignore[index] # a mapping in these rules
        assert set(rule["annotations"]) == {"summary", "description"}


def test_every_rule_is_tried(folder):
    tried = yaml.safe_load((folder / "rules_test.yml").read_text(encoding="utf-8"))["tests"]
    names = {test["alertname"] for case in tried for test in case["alert_rule_test"] if test["exp_alerts"]}
    assert names == {rule["alert"] for rule in _rules(folder)}
