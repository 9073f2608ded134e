"""The published identifier vectors, with what each must become written down by hand."""

import csv
from pathlib import Path

import pytest

from connectors.kit.identifiers import NotAnIdentifierError, normalise

FNR, HNR = "urn:oid:2.16.578.1.12.4.1.4.1", "urn:oid:2.16.578.1.12.4.1.4.3"
PNR, SAM = "urn:oid:1.2.752.129.2.1.3.1", "urn:oid:1.2.752.129.2.1.3.3"
CPR, HETU = "urn:oid:1.2.208.176.1.2", "urn:oid:1.2.246.21"
SYNTHETIC = ("id.synthetic",)

EXPECTED: dict[str, tuple[str, str, str, tuple[str, ...]] | None] = {
    "15720255178": (FNR, "15720255178", "fnr", SYNTHETIC),
    "21905297101": (FNR, "21905297101", "fnr", SYNTHETIC),
    "16822548834": (FNR, "16822548834", "fnr", SYNTHETIC),
    "11812448848": (FNR, "11812448848", "fnr", SYNTHETIC),
    "10915596784": (FNR, "10915596784", "fnr", SYNTHETIC),
    "13527248013": (HNR, "13527248013", "hnr", ("id.ambiguous",)),
    "01010750160": (FNR, "01010750160", "fnr", ()),
    "13116900216": (FNR, "13116900216", "fnr", ()),
    "01023200054": (FNR, "01023200054", "fnr", ()),
    "01023200062": (FNR, "01023200062", "fnr", ()),
    "01023200070": (FNR, "01023200070", "fnr", ()),
    "701063-2391": (SAM, "197010632391", "samordningsnummer", ("id.century",)),
    "191212121212": (PNR, "191212121212", "personnummer", ()),
    "200112240129": (PNR, "200112240129", "personnummer", ("id.check_digit",)),
    "19811228T874": ("urn:samband:se:reservnummer", "19811228T874", "reservnummer", ()),
    "2509479989": (CPR, "2509479989", "cpr", ()),
    "2204151234": (CPR, "2204151234", "cpr", ()),
    "010165xxxx": None,  # a shape in a text, no number
    "131052-308T": (HETU, "131052-308T", "hetu", ()),
    "131052Y308T": (HETU, "131052Y308T", "hetu", ()),
    "010594Y9032": (HETU, "010594Y9032", "hetu", ("id.temporary",)),
}


@pytest.fixture(scope="module")
def vectors(samples: Path) -> list[dict[str, str]]:
    with (samples / "national_ids" / "test_vectors.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_vector_is_expected(vectors: list[dict[str, str]]) -> None:
    assert [row["value"] for row in vectors] == list(EXPECTED)


def test_every_vector_becomes_what_it_must(vectors: list[dict[str, str]]) -> None:
    for row in vectors:
        expected = EXPECTED[row["value"]]
        if expected is None:
            with pytest.raises(NotAnIdentifierError):
                normalise(row["country"], row["value"])
            continue
        found = normalise(row["country"], row["value"])
        assert (found.system, found.value, found.kind, found.warnings) == expected
