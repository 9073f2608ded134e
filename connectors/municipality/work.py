"""What a reader of one event works with, and the pieces that facts are made of."""

from dataclasses import dataclass
from typing import Any

from connectors.municipality.node import Node
from connectors.municipality.subject import CaseHead, Context
from schemas.records import CaseDetails, CaseRef, Holder, Institution, Time

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """One event on its way to become a fact. ``remarks`` is filled by the readers."""

    node: Node
    time: Time
    head: CaseHead
    context: Context
    received: int
    remarks: set[str]
    part: str | None

    @property
    def case(self) -> CaseRef:
        """The case, with the part that the event is about."""
        return {"system": self.head.case["system"], "id": self.head.case["id"], "part": self.part}

    def body(self, **fields: Any) -> Body:
        """The fields that every fact about a case has, and ``fields``."""
        return {"case": self.case, "institution": self.head.institution, **fields}

    def details(self, *, title: str = "", text: str = "") -> CaseDetails | None:
        """The words in the named members; None where there are none."""
        found_title = self.node.optional(title) if title else None
        found_text = self.node.optional(text) if text else None
        if found_title is None and found_text is None:
            return None
        return {"title": found_title, "text": found_text, "items": []}


def agency(institution: Institution) -> Holder:
    """The agency has to act."""
    return {"kind": "AGENCY", "institution": institution}


def citizen() -> Holder:
    """The citizen has to act."""
    return {"kind": "CITIZEN", "institution": None}


def third_party(institution: Institution | None) -> Holder:
    """Somebody outside the agency has to act."""
    return {"kind": "THIRD_PARTY", "institution": institution}
