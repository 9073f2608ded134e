import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.identifiers import NotAnIdentifierError, country_of, normalise

FNR, DNR, HNR = (f"urn:oid:2.16.578.1.12.4.1.4.{last}" for last in (1, 2, 3))
PNR, SAM = "urn:oid:1.2.752.129.2.1.3.1", "urn:oid:1.2.752.129.2.1.3.3"
CPR, HETU = "urn:oid:1.2.208.176.1.2", "urn:oid:1.2.246.21"


@pytest.mark.parametrize(
    ("country", "text", "system", "value", "kind", "warnings", "national"),
    [
        ("NO", "131169 00216", FNR, "13116900216", "fnr", (), True),
        ("NO", "131169-00216", FNR, "13116900216", "fnr", (), True),
        ("NO", "13116900２16", FNR, "13116900216", "fnr", (), True),
        ("no", "13116900217", FNR, "13116900217", "fnr", ("id.check_digit",), True),
        ("NO", "23109911111", FNR, "23109911111", "fnr", ("id.check_digit", "id.fictive"), False),
        ("NO", "53116900219", DNR, "53116900219", "dnr", ("id.check_digit",), True),
        ("NO", "81234567890", HNR, "81234567890", "fhnr", ("id.check_digit",), True),
        ("SE", "19121212-1212", PNR, "191212121212", "personnummer", (), True),
        ("SE", "121212121212", PNR, "121212121212", "personnummer", ("id.fictive",), False),
        ("SE", "19811228t874", "urn:samband:se:reservnummer", "19811228T874", "reservnummer", (), False),
        ("DK", "250947-9989", CPR, "2509479989", "cpr", (), True),
        ("DK", "010165-4321", CPR, "0101654321", "cpr", (), True),  # modulus 11 gives another last digit
        ("FI", "131052y308t", HETU, "131052Y308T", "hetu", (), True),
        ("FI", "131052-308U", HETU, "131052-308U", "hetu", ("id.check_digit",), True),
    ],
)
def test_canonical_forms(
    country: str, text: str, system: str, value: str, kind: str, warnings: tuple[str, ...], *, national: bool
) -> None:
    found = normalise(country, text)
    assert (found.system, found.value, found.kind, found.warnings, found.national) == (
        system, value, kind, warnings, national,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "year", "value"),
    [
        ("121212-1212", 2026, "201212121212"),
        ("121212+1212", 2026, "191212121212"),
        ("121212-1212", 2011, "191212121212"),  # in 2011 nobody was born in 2012
        ("1212121212", 2026, "201212121212"),
        ("260101-1239", 2026, "202601011239"),
        ("270101-1239", 2026, "192701011239"),
    ],
)
def test_a_swedish_number_without_century_depends_on_the_year_in_which_it_was_written(
    text: str, year: int, value: str
) -> None:
    found = normalise("SE", text, year=year)
    assert found.value == value
    assert "id.century" in found.warnings


@pytest.mark.parametrize(
    ("country", "text"),
    [
        ("NO", ""), ("NO", "1311690021"), ("NO", "131169002160"), ("NO", "1311690021x"),
        ("NO", "00000000000"),
        ("NO", "32010112345"), ("NO", "01130112345"), ("NO", "30020112345"), ("NO", "99999999999"),
        ("SE", "12121212"), ("SE", "19811328-1234"), ("SE", "1981122ÅT874"),
        ("DK", "010165xxxx"), ("DK", "0000000000"), ("DK", "3113659999"),
        ("FI", "131052#308T"), ("FI", "131052308T"), ("FI", "131352-308T"), ("XX", "13116900216"),
    ],
)  # fmt: skip
def test_what_cannot_be_an_identifier_is_refused_without_repeating_it(country: str, text: str) -> None:
    with pytest.raises(NotAnIdentifierError) as refused:
        normalise(country, text)
    assert not text or text not in str(refused.value)
    assert refused.value.reason == "subject.unusable"


def test_the_finnish_separator_tells_people_apart() -> None:
    assert len({normalise("FI", f"100190{sign}999P").value for sign in "-+ABCDEFYXWVU"}) == 13


def test_a_check_digit_alone_never_rejects() -> None:
    for check in range(100):
        assert normalise("NO", f"131169002{check:02}").kind == "fnr"
    for check in range(10):
        assert normalise("SE", f"19121212121{check}").kind == "personnummer"


@pytest.mark.parametrize(
    "name", ["2.16.578.1.12.4.1.4.1", "urn:oid:2.16.578.1.12.4.1.4.2", "FNR", "dnr", "NNNOR"]
)
def test_norwegian_authorities(name: str) -> None:
    assert country_of(name) == "NO"


@pytest.mark.parametrize(
    ("name", "country"),
    [
        ("1.2.208.176.1.2", "DK"),
        ("CPR", "DK"),
        ("1.2.752.129.2.1.3.3", "SE"),
        ("1.2.246.21", "FI"),
        ("MR", None),
        ("", None),
    ],
)
def test_other_authorities(name: str, country: str | None) -> None:
    assert country_of(name) == country


digits = st.text("0123456789", min_size=8, max_size=13)
shaped = st.one_of(
    digits,
    st.from_regex(r"[0-9]{6}[-+ABCDEFYXWVU][0-9]{3}[0-9A-Y]", fullmatch=True),
    st.from_regex(r"[0-9]{6,8}[-+ ]?[0-9PTF][0-9]{3}", fullmatch=True),
    st.text(max_size=20),
)


@given(st.sampled_from(["NO", "SE", "DK", "FI"]), shaped)
def test_normalising_is_total_and_idempotent(country: str, text: str) -> None:
    try:
        first = normalise(country, text)
    except NotAnIdentifierError:
        return
    again = normalise(country, first.value)
    assert (again.system, again.value, again.kind) == (first.system, first.value, first.kind)
    assert first.warnings == tuple(sorted(set(first.warnings)))


@given(st.sampled_from(["NO", "SE", "DK", "FI"]), shaped)
def test_blanks_and_case_make_no_difference(country: str, text: str) -> None:
    try:
        expected = normalise(country, text)
    except NotAnIdentifierError:
        return
    assert normalise(country, f" {text.lower()} ") == expected
