"""Reads the bytes of a Digisos document, bare or in a ``DigisosSak`` envelope.

Form: navikt/soknadsosialhjelp-filformat, ``json/digisos/soker``. The envelope is what KS Fiks returns for
a case (``fiksDigisosId``, ``sokerFnr``, ``kommunenummer``, ``orgnr``), with the document in ``digisosSoker``.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

import orjson

from connectors.municipality.node import Node
from schemas.errors import PoisonError

CASE_ID: Final = re.compile(r"[A-Za-z0-9ÆØÅæøå][A-Za-z0-9ÆØÅæøå._ -]{0,119}")
_LONG_NUMBER: Final = re.compile(r"(?<![0-9a-fA-F-])[0-9]{6}[ -]?[0-9]{4,5}(?![0-9a-fA-F-])")
"""What could be somebody's national number. Not within the hexadecimal groups of a UUID."""
_DEEPEST: Final = 40
_NO_NUMBER: Final = re.compile(r"-?.?(NaN|Infinity)")
_BOMS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Document:
    """A document whose outer form is right."""

    case_id: str
    """As the source wrote it."""
    declared: bool
    """True if the document itself names its case; False if a file name or path did."""
    envelope: Node
    """The envelope; an empty one for a bare document."""
    body: Node
    events: tuple[Node, ...]
    system: str


def parse(payload: bytes, place: str) -> Document:
    """The document in ``payload``; ``place`` is the case id that file name or path give, may be empty.

    Raises:
        PoisonError: it is no such document; ``where`` is a JSON pointer or a byte position.
    """
    root = Node.of(read_json(payload))
    enveloped = root.has("digisosSoker")
    body = root.child("digisosSoker") if enveloped else root
    case_id = _case_id(root if enveloped else Node({}), place)
    if not body.has("hendelser"):
        raise PoisonError("the list of events is missing", reason="value.missing", where=body.at("hendelser"))
    events = tuple(body.children("hendelser"))
    if not events:
        # The format wants one event at least. Read as "nothing holds any more", it would withdraw the case.
        raise PoisonError("the list of events is empty", reason="value.missing", where=body.at("hendelser"))
    sender = body.child("avsender") if body.has("avsender") else Node({})
    return Document(
        case_id=case_id,
        declared=enveloped,
        envelope=root if enveloped else Node({}),
        body=body,
        events=events,
        system=sender.optional("systemnavn") or "",
    )


def _case_id(envelope: Node, place: str) -> str:
    declared = envelope.optional("fiksDigisosId")
    found = place if declared is None else declared
    where = "" if declared is None else "/fiksDigisosId"
    if not CASE_ID.fullmatch(found):
        raise PoisonError("a case id is expected", reason="digisos.case_id", where=where)
    if _LONG_NUMBER.search(found):
        raise PoisonError(
            "the case id holds what could be a national number", reason="digisos.case_id", where=where
        )
    return found


def read_json(payload: bytes) -> Any:
    """The JSON text in ``payload`` (RFC 8259, strictly); PoisonError where it is none, with the place."""
    if not payload.strip():
        raise PoisonError("nothing was sent", reason="input.empty")
    if payload.startswith(_BOMS):
        raise PoisonError("the text begins with a byte order mark", reason="json.encoding", where="byte 0")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PoisonError("not UTF-8", reason="json.encoding", where=f"byte {error.start}") from None
    try:
        value = orjson.loads(payload)  # strict: no NaN, no lone surrogates, nothing behind the end
        _refuse_depth(value)
        json.loads(text, object_pairs_hook=_refuse_duplicates)  # orjson lets the last of two keys win
        return value
    except orjson.JSONDecodeError as error:
        raise _syntax(text, error) from None
    except RecursionError:
        raise PoisonError("nested too deep", reason="json.too_deep") from None
    except ValueError:  # an integer of thousands of digits
        raise PoisonError("a number is too long", reason="json.syntax") from None


def _syntax(text: str, error: orjson.JSONDecodeError) -> PoisonError:
    where = f"line {error.lineno} column {error.colno}"
    if "depth" in error.msg or "ecursion" in error.msg:
        return PoisonError("nested too deep", reason="json.too_deep", where=where)
    if _NO_NUMBER.match(text, max(0, error.pos - 1)):
        return PoisonError("not a number", reason="json.not_a_number", where=where)
    return PoisonError("not JSON from here on", reason="json.syntax", where=where)


def _refuse_depth(value: object) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise PoisonError("nested too deep", reason="json.too_deep")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise PoisonError("an object has the same key twice", reason="json.duplicate_key")
