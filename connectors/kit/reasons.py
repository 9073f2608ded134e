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
    "superseded": "The set was held, and a later complete set was accepted in its place.",
    "nothing_to_say": "The input holds no fact.",
    "request.too_late": "A request's deadline has passed. What the agency may hold, it is asked to release.",
    "request.superseded": "A later request for the same proposal took the place of this one.",
    "request.pencilled": "The agency tells of a time that it holds for a request: no appointment yet.",
    "hl7.type_not_carried": "An HL7 message of a type or trigger that the bus does not carry.",
    "hl7.acknowledgement": "An HL7 acknowledgement, which is never answered and holds no fact.",
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
    "request.unreadable": "A record in the agency's inbox cannot be read.",
    "request.not_ours": "A record in the agency's inbox is no request, or one to another agency.",
    "request.rejected": "The agency's system refused the request for good. A HOLD is answered as refused.",
    "request.undeliverable": "The connector failed on the request: a fault of its own, to be mended.",
    "request.answer": "An answer that no request of its kind can have, e.g. HELD to a RELEASE.",
    "request.unknown": "An answer to a request that is not known, or too old.",
    "json.encoding": "The document is not UTF-8 text, or begins with a byte order mark.",
    "json.syntax": "The document is not JSON, is cut off, or has something behind its end.",
    "json.duplicate_key": "An object in the document has the same key twice.",
    "json.not_a_number": "The document holds NaN or Infinity, which JSON does not have.",
    "json.too_deep": "The document is nested deeper than any document of its kind.",
    "digisos.case_id": "The case id cannot be used: absent, malformed, or a person's own number.",
    "hl7.no_msh": "The message does not begin with an MSH segment. Rejected (AR).",
    "hl7.delimiters": "MSH-1 and MSH-2 are ambiguous or cut off. Rejected (AR).",
    "hl7.several_messages": "One frame holds more than one message. Rejected (AR).",
    "hl7.charset_unknown": "MSH-18 names a character set that is not supported. Rejected (AR).",
    "hl7.charset_lies": "The bytes are not in the character set that MSH-18 declares. Rejected (AR).",
    "hl7.version": "MSH-12 is none of 2.3 to 2.8. Rejected (AR).",
    "hl7.processing_id": "MSH-11 is not taken by this connector. Rejected (AR).",
    "hl7.no_type": "MSH-9 is empty or has no trigger event.",
    "appointment.no_id": "An appointment has neither a filler's nor a placer's id (SCH-2, SCH-1).",
    "appointment.no_start": "An appointment has no start (TQ1-7, AIS-4, SCH-11.4).",
    "slot.no_id": "A slot has no id (SCH-2, SCH-1).",
    "slot.no_service": "A slot does not say for which service it is (AIS-3).",
    "slot.no_start": "A slot has no start (AIS-4).",
    "slot.no_end": "A slot has neither a length nor an end (AIS-7).",
    "slot.past": "A slot that is offered is in the past.",
    "slot.too_long": "A slot is longer than a day.",
    "stay.no_id": "A stay has no visit number (PV1-19, PV1-50, PID-18).",
    "merge.no_old_id": "A merge does not say which identifier is given up (MRG-1).",
    "drop.link": "A symbolic link lay in the drop folder; links are never followed.",
    "drop.name": "The name of the input holds control characters or is not UTF-8.",
    "drop.not_a_file": "The input is neither a file nor a folder of files.",
    "zip.damaged": "The input is neither a zip that can be read nor a folder of CSV files.",
    "zip.encrypted": "The zip is encrypted.",
    "zip.path": "The zip holds names that lead out of it, links, or the same name twice.",
    "zip.bomb": "The zip unpacks to more than the connector's settings allow.",
    "csv.encoding": "A file is not UTF-8 (nor in the fallback encoding, where one is set).",
    "csv.control": "A file holds NUL characters.",
    "csv.empty": "A file has no header.",
    "csv.quotes": "A quote is never closed, or text follows a closing quote.",
    "csv.row_length": "A row has more or fewer fields than the header.",
    "csv.missing_column": "A column that facts need is missing.",
    "csv.duplicate_column": "A column is there twice.",
    "oneroster.no_manifest": "The set has no manifest.csv.",
    "oneroster.version": "The set is neither OneRoster 1.1 nor 1.2.",
    "oneroster.manifest": "The manifest contradicts itself or the files.",
    "oneroster.blank": "A value that OneRoster requires is blank.",
    "oneroster.too_large": "The files of the set are larger than the connector's settings allow.",
}
