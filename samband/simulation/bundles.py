"""What became of proposals, held against the clinics' own books: all of a bundle was moved, or nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from samband.simulation.comparison import Difference, Verdict
from samband.simulation.places import micros
from samband.simulation.way_back import Book, Moved, held, moves_of

_UNDER_WAY = "ACCEPTED"


def compare_bundles(
    verdict: Verdict, proposals: Sequence[Mapping[str, Any]], books: Mapping[str, Book]
) -> None:
    """Add every proposal to the verdict."""
    moved = moves_of(books)
    settled = {
        (move["appointment"]["id"], move["start"]["instant"])
        for proposal in proposals
        if proposal["status"] == "SETTLED"
        for move in proposal["moves"]
    }
    for proposal in proposals:
        verdict.compared["bundles"] += 1
        verdict.proposals[proposal["status"]] += 1
        there = [_went_there(move, moved) for move in proposal["moves"]]
        told = f"{proposal['status']} ({proposal['reason']}), {sum(there)} of {len(there)} moved"
        expected = _expected(proposal, there, settled)
        if expected:
            verdict.differences.append(Difference(proposal["citizen"], "bundles", expected, told))
    left = held(list(books.values()))
    if left:
        verdict.differences.append(
            Difference("the clinics", "bundles", "no time is held at the end", f"{left} are held")
        )


def _expected(proposal: Mapping[str, Any], there: list[bool], settled: set[tuple[str, int]]) -> str:
    """What should be so and is not; empty when all is well."""
    if proposal["status"] == "SETTLED":
        return "" if all(there) else "all of a settled bundle to be moved"
    if proposal["status"] == _UNDER_WAY:
        return "an accepted bundle to have ended"
    stray = [
        move
        for move, moved in zip(proposal["moves"], there, strict=True)
        if moved and (move["appointment"]["id"], move["start"]["instant"]) not in settled
    ]
    return "nothing of a bundle that was not settled to be moved" if stray else ""


def _went_there(move: Mapping[str, Any], moved: Mapping[str, list[Moved]]) -> bool:
    """Whether the last that a clinic did with the appointment was to move it to the proposed time."""
    done = moved.get(move["appointment"]["id"], [])
    return bool(done) and micros(done[-1].start) == move["start"]["instant"]
