"""What became of proposals, held against the clinics' own books: all of a bundle was moved, or nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from samband.simulation.comparison import Difference, Verdict
from samband.simulation.places import micros
from samband.simulation.way_back import Book, held, moves_of

_UNDER_WAY, _SETTLED = "ACCEPTED", "SETTLED"


def compare_bundles(
    verdict: Verdict, proposals: Sequence[Mapping[str, Any]], books: Mapping[str, Book]
) -> None:
    """Add every proposal to the verdict."""
    moved = {number: [micros(one.start) for one in moves] for number, moves in moves_of(books).items()}
    meant: dict[str, set[int]] = {
        number: {micros(start)} for book in books.values() for number, start in book.before.items()
    }
    for proposal in proposals:
        for number, start in _moves(proposal) if proposal["status"] == _SETTLED else ():
            meant.setdefault(number, set()).add(start)
    booked = {number for book in books.values() for number in book.bookings}
    astray = {
        (number, starts[-1])
        for number, starts in moved.items()
        if number in booked and starts[-1] not in meant[number]
    }
    for proposal in proposals:
        verdict.compared["bundles"] += 1
        verdict.proposals[proposal["status"]] += 1
        expected = _expected(proposal, moved, astray)
        if expected:
            told = f"{proposal['status']} ({proposal['reason']}), moves {len(proposal['moves'])}"
            verdict.differences.append(Difference(proposal["citizen"], "bundles", expected, told))
    left = held(books.values())
    if left:
        verdict.differences.append(
            Difference("the clinics", "bundles", "no time is held at the end", f"{left} are held")
        )


def _expected(
    proposal: Mapping[str, Any], moved: Mapping[str, Sequence[int]], astray: set[tuple[str, int]]
) -> str:
    """What should be so and is not; empty when all is well.

    An appointment may be moved again by a later bundle, so in the end it is where a settled one put it, or
    where it was before all of them, or it was cancelled. ``astray`` are those that are elsewhere.
    """
    moves = _moves(proposal)
    if proposal["status"] == _UNDER_WAY:
        return "an accepted bundle to have ended"
    if proposal["status"] == _SETTLED and not all(start in moved.get(number, ()) for number, start in moves):
        return "all of a settled bundle to be moved"
    stays = any(move in astray for move in moves)
    return "nothing to stay where a bundle that was not settled put it" if stays else ""


def _moves(proposal: Mapping[str, Any]) -> list[tuple[str, int]]:
    return [(move["appointment"]["id"], move["start"]["instant"]) for move in proposal["moves"]]
