"""Protection of the patient: PD1-12, PV1-16 and ARV become the marking that follows every fact."""

from collections.abc import Mapping
from typing import Final

from connectors.hospital.hl7 import Message
from schemas.records import Protection

_ORDER: Final[tuple[Protection, ...]] = (
    "NONE",
    "CONFIDENTIAL",
    "CONFIDENTIAL_ADDRESS",
    "STRICTLY_CONFIDENTIAL_ADDRESS",
)
_NO: Final = frozenset({"N", "NO", "0", "NONE"})
_NORDIC: Final[dict[str, Protection]] = {
    "6": "STRICTLY_CONFIDENTIAL_ADDRESS",  # Norwegian population register: strengt fortrolig adresse
    "SPSF": "STRICTLY_CONFIDENTIAL_ADDRESS",
    "7": "CONFIDENTIAL_ADDRESS",  # fortrolig adresse
    "SPFO": "CONFIDENTIAL_ADDRESS",
}
_INDICATOR: Final[dict[str, Protection]] = {"Y": "CONFIDENTIAL", **_NORDIC}
"""PD1-12 (table 0136 and what Nordic systems put there)."""
_VIP: Final[dict[str, Protection]] = {"Y": "CONFIDENTIAL", "VIP": "CONFIDENTIAL", **_NORDIC}
"""PV1-16 (table 0099 is for each hospital to define)."""
_RESTRICTION: Final[dict[str, Protection]] = {
    "ALL": "STRICTLY_CONFIDENTIAL_ADDRESS",
    "DEM": "CONFIDENTIAL_ADDRESS",
    "LOC": "CONFIDENTIAL_ADDRESS",
    "DRG": "CONFIDENTIAL",
    "HIV": "CONFIDENTIAL",
    "PSY": "CONFIDENTIAL",
    "SMD": "CONFIDENTIAL",
    "STD": "CONFIDENTIAL",
    "OO": "CONFIDENTIAL",
    "OI": "NONE",
    **_NORDIC,
}
"""ARV-3 (table 0717)."""
_DELETE = "D"


def protection(message: Message, own: Mapping[str, Protection]) -> Protection:
    """The strictest marking that the message gives.

    ``own`` holds the hospital's codes and goes before the standard's. A code that nobody explained counts
    as the strictest one: too little shown can be mended, too much cannot be taken back.
    """
    found: list[Protection] = ["NONE"]
    for name, number, codes in (("PD1", 12, _INDICATOR), ("PV1", 16, _VIP), ("ARV", 3, _RESTRICTION)):
        for segment in message.all(name):
            if name == "ARV" and segment.text(2) == _DELETE:
                continue
            found += [
                _meaning(one.text(), codes, own) for one in segment.repetitions(number) if one.text().strip()
            ]
    return max(found, key=_ORDER.index)


def _meaning(code: str, codes: Mapping[str, Protection], own: Mapping[str, Protection]) -> Protection:
    code = code.strip()
    if code in own:
        return own[code]
    if code.upper() in _NO:
        return "NONE"
    return codes.get(code.upper(), "STRICTLY_CONFIDENTIAL_ADDRESS")
