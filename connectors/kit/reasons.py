"""The closed lists of reasons for which an input is ignored or dead-lettered.

The codes go into ``InputOutcome.reason``, ``DeadLetter.reason`` and a metric's label, so there are few and
none holds a value. A connector adds its own here, with what the code means to the person who reads it.
"""

from typing import Final

DUPLICATE: Final = "duplicate"
UNCHANGED: Final = "unchanged"

IGNORED_REASONS: Final[dict[str, str]] = {
    DUPLICATE: "The same input was handled before: same system, message id and content.",
    UNCHANGED: "The input says nothing that the source had not said before.",
    "not_carried": "The input is of a kind that the bus does not carry.",
    "nothing_to_say": "The input holds no fact.",
}

DEAD_LETTER_REASONS: Final[dict[str, str]] = {
    "input.empty": "The input holds nothing.",
    "input.too_large": "The input is larger than the connector's settings allow.",
    "input.unreadable": "The input is not in the format that the connector reads.",
    "subject.missing": "The input names no person that could be its subject.",
    "subject.unusable": "No identifier in the input can be an identifier of a person.",
    "time.unreadable": "A time that the fact needs cannot be read, or does not exist.",
    "value.missing": "A value that the fact needs is absent.",
    "value.wrong_type": "A value is of another type than the format says.",
    "translate.failed": "The connector failed on this input: a fault of its own, to be mended.",
    "json.encoding": "The document is not UTF-8 text, or begins with a byte order mark.",
    "json.syntax": "The document is not JSON, is cut off, or has something behind its end.",
    "json.duplicate_key": "An object in the document has the same key twice.",
    "json.not_a_number": "The document holds NaN or Infinity, which JSON does not have.",
    "json.too_deep": "The document is nested deeper than any document of its kind.",
    "digisos.case_id": "The case id cannot be used: absent, malformed, or a person's own number.",
}
