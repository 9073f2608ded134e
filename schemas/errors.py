"""The one error tree, named by what to do next.

    SambandError
    ├── RetriableError    try the same thing again: nothing was lost, the other side was away
    ├── PoisonError       this input can never succeed: dead-letter it and go on
    ├── RefusedError      the caller asked for something that is not allowed: answer with the reason
    └── FatalError        going on would do harm: stop, and say what to mend

Each room derives its own classes from these four. Messages never hold values from a payload:
only where it is wrong, what was expected, and the fix.
"""


class SambandError(Exception):
    """Root of all errors that Samband raises on purpose.

    ``fix`` is one sentence for the person who reads it; it may be empty.
    """

    def __init__(self, message: str, *, fix: str = "") -> None:
        """Keep the message and the fix."""
        super().__init__(message)
        self.fix = fix


class RetriableError(SambandError):
    """Try again later; nothing was lost."""


class RefusedError(SambandError):
    """What was asked for is not allowed, and the message says why."""


class FatalError(SambandError):
    """Stop: going on would do harm."""


class PoisonError(SambandError):
    """An input that can never succeed, to be dead-lettered.

    ``reason`` is a code from a closed list, ``where`` the place in the payload
    (``SCH-11.4``, ``users.csv:7:birthDate``, a JSON pointer); neither holds a value.
    """

    def __init__(self, message: str, *, reason: str, where: str = "", fix: str = "") -> None:
        """Keep the reason code and the place."""
        super().__init__(message, fix=fix)
        self.reason = reason
        self.where = where
