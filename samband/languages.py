"""Which languages the texts for citizens come in, and which of them a terminal asks for."""

from collections.abc import Mapping
from enum import StrEnum


class Language(StrEnum):
    """By its ISO 639-1 code."""

    NB = "nb"
    NN = "nn"
    SV = "sv"
    DA = "da"
    FI = "fi"
    EN = "en"


_ALSO = {"no": Language.NB}
"""Norwegian without a form, as many systems still say."""


def asked_for(environment: Mapping[str, str]) -> Language:
    """The language of the terminal (LC_ALL, LC_MESSAGES, LANG, as POSIX has it), else English."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name)
        if value:
            code = value.split(".")[0].split("@")[0].split("_")[0].lower()
            return _ALSO.get(code) or (Language(code) if code in list(Language) else Language.EN)
    return Language.EN
