"""Normalises national identifiers, so that every agency's spelling of one gives the same pseudonym.

Why the rules are as they are: ``docs/adr/0006-pseudonyms-and-event-ids.md``. In short: a check digit alone
never rejects a number (test series, numbers from 2032 on and typing errors that an agency has lived with
for years all fail it), nothing is ever read out of the digits about a person (no birth date, no sex), and a
D-number and a later fødselsnummer stay two identifiers: saying that they are one person is the router's job.

python-stdnum gives the check-digit arithmetic; its own validity rules reject numbers that are in use.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, Literal

from stdnum import luhn
from stdnum.no import fodselsnummer
from stdnum.util import clean

from schemas.errors import PoisonError

Country = Literal["NO", "SE", "DK", "FI"]
Kind = Literal[
    "fnr", "dnr", "hnr", "fhnr", "personnummer", "samordningsnummer", "reservnummer", "cpr", "ecpr", "hetu"
]

CHECK_DIGIT: Final = "id.check_digit"
SYNTHETIC: Final = "id.synthetic"
FICTIVE: Final = "id.fictive"
AMBIGUOUS: Final = "id.ambiguous"
CENTURY: Final = "id.century"
TEMPORARY: Final = "id.temporary"

SYSTEMS: Final[dict[Kind, str]] = {
    "fnr": "urn:oid:2.16.578.1.12.4.1.4.1",
    "dnr": "urn:oid:2.16.578.1.12.4.1.4.2",
    "hnr": "urn:oid:2.16.578.1.12.4.1.4.3",
    "fhnr": "urn:oid:2.16.578.1.12.4.1.4.3",
    "personnummer": "urn:oid:1.2.752.129.2.1.3.1",
    "samordningsnummer": "urn:oid:1.2.752.129.2.1.3.3",
    "reservnummer": "urn:samband:se:reservnummer",
    "cpr": "urn:oid:1.2.208.176.1.2",
    "ecpr": "urn:samband:dk:erstatningsnummer",
    "hetu": "urn:oid:1.2.246.21",
}
REFERENCE_YEAR: Final = 2026
"""Stands in for the year of the input where a Swedish number has no century and the caller gives no year."""

_AUTHORITIES: Final[dict[str, Country]] = {
    **dict.fromkeys(("FNR", "DNR", "FHN", "HNR", "NNNOR", "NO", "NOR", "FØDSELSNUMMER"), "NO"),
    **dict.fromkeys(("PNR", "NNSWE", "SE", "SWE", "PERSONNUMMER", "SAMORDNINGSNUMMER"), "SE"),
    **dict.fromkeys(("CPR", "NNDNK", "DK", "DNK"), "DK"),
    **dict.fromkeys(("HETU", "NNFIN", "FI", "FIN", "DVV"), "FI"),
    **dict.fromkeys(("2.16.578.1.12.4.1.4.1", "2.16.578.1.12.4.1.4.2", "2.16.578.1.12.4.1.4.3"), "NO"),
    **dict.fromkeys(("1.2.752.129.2.1.3.1", "1.2.752.129.2.1.3.3"), "SE"),
    **dict.fromkeys(("1.2.208.176.1.2", "2.16.208.1.2"), "DK"),
    "1.2.246.21": "FI",
}


class NotAnIdentifierError(PoisonError):
    """The text cannot be a national identifier at all. The message never holds it."""

    def __init__(self, country: str, problem: str) -> None:
        """``problem`` says in words what rules it out."""
        super().__init__(f"not a national identifier ({country}): {problem}", reason="subject.unusable")


@dataclass(frozen=True, slots=True)
class NationalId:
    """A national identifier in its one canonical spelling."""

    system: str
    """Who assigns it, as a URI: goes into ``Identifier.system``."""
    value: str
    """Canonical spelling. Never leaves the connector."""
    kind: Kind
    warnings: tuple[str, ...] = ()
    """Remark codes (``schemas/remarks.yaml``), sorted."""
    national: bool = True
    """False where two people may carry the same value: fictive, temporary and locally issued numbers.
    Combine those with the authority that issued them, or they join strangers."""


def country_of(authority: str) -> Country | None:
    """The country whose national identifiers ``authority`` assigns; None if it assigns no such thing.

    ``authority`` is an OID (also as ``urn:oid:…``), or a name as legacy systems write it in HL7 PID-3.4
    or PID-3.5 (``FNR``, ``NNNOR``, ``CPR``), in any case.
    """
    return _AUTHORITIES.get(authority.strip().removeprefix("urn:oid:").upper())


@lru_cache(maxsize=65_536)
def normalise(country: str, value: str, *, year: int = REFERENCE_YEAR) -> NationalId:
    """``value`` in its canonical spelling, with what is odd about it.

    ``country`` is an ISO 3166 code of two letters. ``year`` is the year in which the source wrote the
    number (of the input, not of today): only Swedish numbers without a century need it, since ``-`` means
    younger than 100 and ``+`` means 100 or more *in that year*. Idempotent: the canonical value gives itself.

    Raises:
        NotAnIdentifierError: wrong length, wrong characters, or no day of any series. Never for check digits.
    """
    reader = _READERS.get(country.upper())
    if reader is None:
        raise NotAnIdentifierError("unknown country", "only NO, SE, DK and FI have rules here")
    return reader(clean(value, " \t\u00a0").upper(), year)


def _day_exists(day: int, month: int) -> bool:
    """True if some year has this day. The century is not looked at, so 29 February always exists."""
    try:
        date(2000, month, day)
    except ValueError:
        return False
    return True


def _made(kind: Kind, value: str, warnings: set[str], *, national: bool = True) -> NationalId:
    return NationalId(
        SYSTEMS[kind], value, kind, tuple(sorted(warnings)), national and FICTIVE not in warnings
    )


_NO_MONTH_SERIES: Final = {0: "", 40: AMBIGUOUS, 65: SYNTHETIC, 80: SYNTHETIC}
"""Added to the month: hjelpenummer or NAV's test series (+40), NHN's (+65), Skatteetaten's Tenor (+80)."""
_NO_FICTIVE: Final = frozenset({*(str(digit) * 5 for digit in range(10)), "12345"})
"""Typed in behind the birth date for pupils and patients without a number."""
_NO_FIRST_FH_DAY: Final = 80
_NO_D_DAY: Final = 40
_NO_H_MONTH: Final = 40
_NO_LARGEST_REMAINDER: Final = 3
_MONTHS: Final = range(1, 13)


def _norwegian(text: str, _year: int) -> NationalId:
    digits = clean(text, "-.")
    if not re.fullmatch(r"[0-9]{11}", digits):
        raise NotAnIdentifierError("NO", "11 digits are expected")
    warnings = set() if _norwegian_check_digits(digits) else {CHECK_DIGIT}
    day, month = int(digits[:2]), int(digits[2:4])
    if day >= _NO_FIRST_FH_DAY:  # felles hjelpenummer: the digits hold no date
        if len(set(digits)) == 1:
            raise NotAnIdentifierError("NO", "one digit repeated is a placeholder")
        return _made("fhnr", digits, warnings)
    is_d_number = day > _NO_D_DAY
    series = next((s for s in _NO_MONTH_SERIES if month - s in _MONTHS), None)
    if series is None or not _day_exists(day - _NO_D_DAY * is_d_number, month - series):
        raise NotAnIdentifierError("NO", "no series has such a day")
    if _NO_MONTH_SERIES[series]:
        warnings.add(_NO_MONTH_SERIES[series])
    if digits[6:] in _NO_FICTIVE and CHECK_DIGIT in warnings:
        warnings.add(FICTIVE)
    if is_d_number:
        return _made("dnr", digits, warnings)
    if series == _NO_H_MONTH:  # hospitals give these out each on their own
        return _made("hnr", digits, warnings, national=False)
    return _made("fnr", digits, warnings)


def _norwegian_check_digits(digits: str) -> bool:
    """Both check digits. From 2032 on the first may be off by up to 3 (Skatteetaten)."""
    remainder = (int(digits[9]) - int(fodselsnummer.calc_check_digit1(digits))) % 11
    return remainder <= _NO_LARGEST_REMAINDER and digits[10] == fodselsnummer.calc_check_digit2(digits)


_SE_FORM: Final = re.compile(
    r"(?P<century>[0-9]{2})?(?P<short>[0-9]{6})(?P<sign>[-+])?(?P<serial>[0-9PTF][0-9]{3})"
)
_SE_COORDINATION_DAY: Final = 60
_SE_FIRST_YEAR: Final = 1800


def _swedish(text: str, year: int) -> NationalId:
    form = _SE_FORM.fullmatch(text)
    if form is None:
        raise NotAnIdentifierError("SE", "10 or 12 characters are expected")
    warnings: set[str] = set()
    short, serial = form["short"], form["serial"]
    century = form["century"]
    if century is None:
        born = year - (year - int(short[:2])) % 100 - (100 if form["sign"] == "+" else 0)
        century = str(born // 100)
        warnings.add(CENTURY)
    elif int(century + short[:2]) < _SE_FIRST_YEAR:
        warnings.add(FICTIVE)
    day, month = int(short[4:]), int(short[2:4])
    coordination = day > _SE_COORDINATION_DAY
    if not _day_exists(day - _SE_COORDINATION_DAY * coordination, month):
        raise NotAnIdentifierError("SE", "no series has such a day")
    value = century + short + serial
    if not serial.isdigit():
        return _made("reservnummer", value, warnings, national=False)
    if not luhn.is_valid(short + serial):
        warnings.add(CHECK_DIGIT)
    return _made("samordningsnummer" if coordination else "personnummer", value, warnings)


_DK_REPLACEMENT_DAY: Final = 60


def _danish(text: str, _year: int) -> NationalId:
    digits = clean(text, "-")
    if not re.fullmatch(r"[0-9]{10}", digits):
        raise NotAnIdentifierError("DK", "10 digits are expected")
    day, month = int(digits[:2]), int(digits[2:4])
    replacement = day > _DK_REPLACEMENT_DAY  # a hospital's own number for somebody without CPR
    if not _day_exists(day - _DK_REPLACEMENT_DAY * replacement, month):
        raise NotAnIdentifierError("DK", "no series has such a day")
    # Modulus 11 is not looked at: numbers without it are issued since October 2007 (cpr.dk).
    if replacement:
        return _made("ecpr", digits, {TEMPORARY}, national=False)
    return _made("cpr", digits, set())


_FI_FORM: Final = re.compile(
    r"(?P<date>[0-9]{6})(?P<sign>[-+ABCDEFYXWVU])(?P<serial>[0-9]{3})(?P<check>[0-9ABCDEFHJKLMNPRSTUVWXY])"
)
_FI_CHECK: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def _finnish(text: str, _year: int) -> NationalId:
    """The sign tells people apart (131052-308T and 131052Y308T are two), so it belongs to the value."""
    form = _FI_FORM.fullmatch(text)
    if form is None:
        raise NotAnIdentifierError("FI", "six digits, a century sign and four characters are expected")
    if not _day_exists(int(form["date"][:2]), int(form["date"][2:4])):
        raise NotAnIdentifierError("FI", "no series has such a day")
    warnings: set[str] = set()
    if form["check"] != _FI_CHECK[int(form["date"] + form["serial"]) % 31]:
        warnings.add(CHECK_DIGIT)
    temporary = form["serial"] >= "900"
    if temporary:
        warnings.add(TEMPORARY)
    return _made("hetu", text, warnings, national=not temporary)


_READERS: Final[dict[str, Callable[[str, int], NationalId]]] = {
    "NO": _norwegian,
    "SE": _swedish,
    "DK": _danish,
    "FI": _finnish,
}
