"""Holds what the bus says against the oracle, and says where they differ, for somebody who finds out why."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from samband.citizen_view import CitizenView, Keys
from samband.simulation import observed
from samband.simulation.places import ZONE
from samband.simulation.truth import Entry, Finding, Identifier, Truth

Pseudonym = Callable[[Identifier], str]

_KINDS = ("identities", "timelines", "findings", "proposals", "bundles")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be. ``citizen`` is a key as on the topics; nothing is personal."""

    citizen: str
    kind: str
    expected: str
    seen: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.kind} of {self.citizen}: expected {self.expected}; seen {self.seen}"


@dataclass(slots=True)
class Verdict:
    """How many of each were compared, and what differs."""

    compared: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(_KINDS, 0)))
    differences: list[Difference] = field(default_factory=list)
    lost: int = 0
    proposals: Counter[str] = field(default_factory=Counter)
    """How many stand how at the end, e.g. SETTLED."""

    @property
    def sound(self) -> bool:
        """No difference, and nothing lost."""
        return not self.differences and not self.lost

    def differ(self, kind: str) -> int:
        """How many of a kind differ."""
        return sum(difference.kind == kind for difference in self.differences)

    def line(self) -> str:
        """The last line of a check."""
        counts = [f"{kind} {self.compared[kind]} ({self.differ(kind)} differ)" for kind in _KINDS]
        return f"compared: {', '.join(counts)}; lost: {self.lost}"

    def as_object(self) -> dict[str, Any]:
        """Everything as JSON has it."""
        return {
            "compared": dict(self.compared),
            "differ": {kind: self.differ(kind) for kind in _KINDS},
            "lost": self.lost,
            "proposals": dict(sorted(self.proposals.items())),
            "differences": [asdict(difference) for difference in self.differences],
        }


def compare(
    truths: Mapping[int, Truth], views: Mapping[str, CitizenView], keys: Keys, pseudonym: Pseudonym
) -> Verdict:
    """Everybody's identity, timeline and findings. ``views`` are by the key that each is spoken of."""
    verdict = Verdict()
    expected = {pseudonym(truth.identifiers[0]): truth for truth in truths.values()}
    for key, truth in expected.items():
        view = views.get(key) or CitizenView()
        _identity(verdict, key, [pseudonym(one) for one in truth.identifiers], keys)
        _timeline(verdict, key, truth.entries, observed.entries(view))
        _findings(verdict, key, truth.findings, observed.findings(view))
    for key in sorted(views.keys() - expected.keys()):
        if not observed.entries(views[key]) and not views[key].open_findings():
            continue  # what was said under this key turned out to be somebody else's
        verdict.differences.append(Difference(key, "identities", "nobody under this key", "a citizen"))
    return verdict


def _identity(verdict: Verdict, key: str, members: Sequence[str], keys: Keys) -> None:
    verdict.compared["identities"] += 1
    for member in members:
        seen = keys.spoken_of(member)
        if seen != key:
            told = f"{member} is {seen}" if seen != member else f"{member} is a citizen of its own"
            verdict.differences.append(Difference(key, "identities", f"{member} is {key}", told))
            return


def _timeline(verdict: Verdict, key: str, expected: list[Entry], seen: list[Entry]) -> None:
    verdict.compared["timelines"] += 1
    if Counter(expected) != Counter(seen):
        missing, extra = Counter(expected) - Counter(seen), Counter(seen) - Counter(expected)
        verdict.differences.append(
            Difference(key, "timelines", _listed(map(_entry, missing)), _listed(map(_entry, extra)))
        )
    elif [entry.at for entry in expected] != [entry.at for entry in seen]:
        verdict.differences.append(
            Difference(key, "timelines", "entries in the order of time", "another order")
        )


def _findings(verdict: Verdict, key: str, expected: Counter[Finding], seen: Counter[Finding]) -> None:
    verdict.compared["findings"] += max(expected.total(), seen.total())
    for finding in expected - seen:
        verdict.differences.append(Difference(key, "findings", _finding(finding), "none such"))
    for finding in seen - expected:
        verdict.differences.append(Difference(key, "findings", "none such", _finding(finding)))


def _listed(told: Iterable[str]) -> str:
    return " and ".join(sorted(told)) or "no more"


def _entry(entry: Entry) -> str:
    parts = [_moment(entry.at), entry.text, entry.institution]
    parts += [f"{name} {_moment(at)}" for name, at in (("from", entry.start), ("to", entry.end)) if at]
    parts += [f"holder {entry.holder}"] * bool(entry.holder)
    parts += [f"next {entry.next_step}"] * bool(entry.next_step)
    parts += [f"by {_moment(entry.expected_by)}"] * bool(entry.expected_by)
    return f"[{' '.join((*parts, entry.status))}]"


def _finding(finding: Finding) -> str:
    parties = ", ".join(
        f"{party.kind} {party.institution} {_moment(party.start)}-{_moment(party.end)}"
        for party in finding.parties
    )
    numbers = " ".join(f"{name}={number}" for name, number in finding.numbers)
    return f"{finding.kind} {finding.severity} {finding.reason} {finding.confidence} [{parties}] {numbers}"


def _moment(at: int | None) -> str:
    if at is None:
        return "?"
    return datetime.fromtimestamp(at / 1_000_000, UTC).astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")
