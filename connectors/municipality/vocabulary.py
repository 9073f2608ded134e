"""What the codes of Digisos documents mean on the bus. Others pass as UNKNOWN, with a remark."""

from typing import Final

from schemas.records import Code, Protection

UNKNOWN: Final = "UNKNOWN"
ORGNR: Final = "urn:oid:2.16.578.1.12.4.1.4.101"
"""Norwegian organisation numbers (Enhetsregisteret)."""
NAV_OFFICE: Final = "urn:samband:nav-kontor"

APPLICATION: Final = {
    "UNDER_BEHANDLING": "IN_PROGRESS",
    "FERDIGBEHANDLET": "FINISHED",
    "BEHANDLES_IKKE": "FINISHED",
}
"""soknadsStatus, without MOTTATT, which opens the case."""
PART: Final = {"UNDER_BEHANDLING": "IN_PROGRESS", "IKKE_INNSYN": "HIDDEN", "ANNULERT": "FINISHED"}
"""saksStatus, without FEILREGISTRERT, which takes the part back."""
OUTCOME: Final = {
    "INNVILGET": "GRANTED",
    "DELVIS_INNVILGET": "PARTLY_GRANTED",
    "AVSLATT": "REJECTED",
    "AVSLÅTT": "REJECTED",
    "AVVIST": "DISMISSED",
}
PAYMENT: Final = {"PLANLAGT_UTBETALING": "PAYMENT_PLANNED", "UTBETALT": "PAYMENT_MADE"}
DEMAND: Final = {
    "": "CONDITION_SET",
    "RELEVANT": "CONDITION_SET",
    "OPPFYLT": "CONDITION_SET",
    "IKKE_OPPFYLT": "CONDITION_SET",
}
"""vilkar and dokumentasjonkrav; the format says to read the last two as RELEVANT."""
KIND: Final = {
    "AVLASTNING": "RESPITE_CARE",
    "OKONOMISK_SOSIALHJELP": "SOCIAL_ASSISTANCE",
    "SOSIALHJELP": "SOCIAL_ASSISTANCE",
}
SERVICE: Final = {"SPESIALISTVURDERING": "SPECIALIST_ASSESSMENT"}
PROTECTION: Final[dict[str, Protection]] = {
    "": "NONE",
    "UGRADERT": "NONE",
    "FORTROLIG": "CONFIDENTIAL_ADDRESS",
    "STRENGT_FORTROLIG": "STRICTLY_CONFIDENTIAL_ADDRESS",
    "STRENGT_FORTROLIG_UTLAND": "STRICTLY_CONFIDENTIAL_ADDRESS",
}
"""adressebeskyttelse, as the population register writes it; whatever is not here counts as the strictest."""


def coded(code: str, system: str, meanings: dict[str, str], remarks: set[str]) -> Code:
    """The code as the contract has it; an unknown one leaves ``code.unknown`` among the remarks."""
    mapped = meanings.get(code.upper(), UNKNOWN)
    if mapped == UNKNOWN:
        remarks.add("code.unknown")
    return {"code": code, "system": f"digisos:{system}", "mapped": mapped}
