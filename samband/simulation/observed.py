"""What the bus says of everybody, in the shapes of ``truth``."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from samband.citizen_view import CitizenView
from samband.simulation.truth import Entry, Finding, Party

_OF_BUNDLES = frozenset({"Proposal", "ProposalAnswered", "RequestAnswered", "MattersStated"})
"""Entries that follow from what the router proposes; the bundles are compared apart."""


def entries(view: CitizenView) -> list[Entry]:
    """The timeline, in the order in which a reader shows it."""
    return [
        Entry(
            entry["at"]["instant"],
            entry["text"],
            entry["agency"],
            _institution(entry["institution"]),
            _instant(entry["start"]),
            _instant(entry["end"]),
            _holder(entry["holder"]),
            entry["next_step"]["mapped"] if entry["next_step"] else "",
            _instant(entry["expected_by"]),
            entry["status"],
        )
        for entry in view.timeline()
        if entry["kind"] not in _OF_BUNDLES
    ]


def findings(view: CitizenView) -> Counter[Finding]:
    """The findings that are open."""
    return Counter(
        Finding(
            finding["kind"],
            finding["severity"],
            finding["reason"],
            tuple(sorted(map(_party, finding["parties"]), key=Party.order)),
            tuple(sorted(finding["numbers"].items())),
            finding["confidence"],
        )
        for finding in view.open_findings()
    )


def _party(party: Mapping[str, Any]) -> Party:
    institution = _institution(party["institution"])
    return Party(party["kind"], party["start"]["instant"], _instant(party["end"]), institution)


def _instant(time: Mapping[str, Any] | None) -> int | None:
    return None if time is None else int(time["instant"])


def _institution(institution: Mapping[str, Any] | None) -> str:
    return f"{institution['system']}|{institution['id']}" if institution else ""


def _holder(holder: Mapping[str, Any] | None) -> str:
    if holder is None:
        return ""
    return " ".join(part for part in (holder["kind"], _institution(holder["institution"])) if part)
