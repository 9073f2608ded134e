"""What is wrong with a set, by file, row and column, and never by value."""

from dataclasses import dataclass

from schemas.errors import PoisonError

MOST_PROBLEMS = 100
"""A report lists no more: the hundredth missing quote tells nothing that the first did not."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One place that is wrong. ``line`` counts from 1, as editors do; 0 when it is the whole file."""

    reason: str
    text: str
    file: str = ""
    line: int = 0
    column: str = ""

    @property
    def where(self) -> str:
        """E.g. ``users.csv:7:role``."""
        return ":".join(str(part) for part in (self.file, self.line or "", self.column) if part)


class SetRefusedError(PoisonError):
    """A set that cannot be used: all of it is refused, so that nothing is half accepted."""

    def __init__(self, *problems: Problem) -> None:
        """The first problem names the error; all of them go into the report."""
        first = problems[0]
        super().__init__(first.text, reason=first.reason, where=first.where)
        self.problems = problems

    def report(self) -> str:
        """For the person who sent the set: one line for each place, at most `MOST_PROBLEMS`."""
        lines = [f"{problem.where or 'set'}: {problem.text} ({problem.reason})" for problem in self.problems]
        shown = lines[:MOST_PROBLEMS]
        if len(lines) > len(shown):
            shown.append(f"and {len(lines) - len(shown)} more")
        return "The set was refused as a whole; nothing of it was used.\n\n" + "\n".join(shown)
