"""The tokenizer, with python-hl7 as the second opinion."""

from pathlib import Path

import hl7 as oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hospital.hl7 import Delimiters, Message, Repetition, Segment, Unparseable, escape, unescape

SIGNS = Delimiters("|", "^", "~", "\\", "&")
MSH = "MSH|^~\\&|PAS|SYKEHUS|||20261116||ADT^A01|1|P|2.5\r"


def message(*segments: str, msh: str = MSH) -> Message:
    return Message(msh + "\r".join(segments))


def test_fields_components_subcomponents_and_repetitions():
    pid = message("PID|1||A^^^X&1.2&ISO^MR~B^^^Y||DOE^JOHN").first("PID")
    assert pid is not None
    assert pid.text(3) == "A"
    assert pid.text(3, 4) == "X"
    assert pid.text(3, 4, 2) == "1.2"
    assert pid.text(3, 5) == "MR"
    assert pid.text(5, 2) == "JOHN"
    assert [one.text() for one in pid.repetitions(3)] == ["A", "B"]
    assert [one.text(4) for one in pid.repetitions(3)] == ["X", "Y"]
    assert pid.text(5, 3) == pid.text(7) == pid.text(99) == pid.text(5, 1, 9) == ""


def test_msh_1_is_the_separator_and_msh_2_is_not_split():
    msh = message().first("MSH")
    assert msh is not None
    assert (msh.raw(1), msh.raw(2), msh.text(3), msh.text(9, 2)) == ("|", "^~\\&", "PAS", "A01")


def test_a_null_is_not_an_absent_value():
    pid = message('PID|1||""||X^""').first("PID")
    assert pid is not None
    assert pid.is_null(3)
    assert not pid.is_null(4)
    assert not pid.is_null(5)
    assert pid.text(3) == pid.text(4) == pid.text(5, 2) == ""
    assert pid.repetitions(3) == []


def test_custom_delimiters_are_those_of_the_message():
    found = Message("MSH^~|\\&^PAS^SYKEHUS^^^2026^^ADT~A24^1^P^2.5\rPID^^^A~~~X|B")
    pid = found.first("PID")
    assert pid is not None
    assert (found.delimiters.component, found.delimiters.repetition) == ("~", "|")
    assert pid.text(3, 4) == "X"
    assert [one.text() for one in pid.repetitions(3)] == ["A", "B"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("MSH|^~\\&|", ("^", "~", "\\", "&")),
        ("MSH|^~\\&#|", ("^", "~", "\\", "&")),
        ("MSH|^~|", ("^", "~", "\\", "&")),
        ("MSH|^|", ("^", "~", "\\", "&")),
        ("MSH||", ("^", "~", "\\", "&")),
        ("MSH|^~\\\\&|", ("^", "~", "\\", "&")),
        ("MSH$%*/:|", ("%", "*", "/", ":")),
    ],
    ids=["usual", "2.7 truncation", "two", "one", "none", "doubled escape", "all others"],
)
def test_delimiters_of_complete_and_truncated_headers(header, expected):
    assert Delimiters.of(header)[1:] == expected


@pytest.mark.parametrize("header", ["MSH|^^\\&|", "MSH|^~^&|", "MSHAB~\\&|", "MSH", "MSH|  \\&|"])
def test_ambiguous_delimiters_are_refused(header):
    with pytest.raises(Unparseable) as caught:
        Message(header)
    assert caught.value.reason == "hl7.delimiters"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (r"A\F\B\S\C\T\D\R\E\E\F", "A|B^C&D~E\\F"),
        (r"one\.br\two", "one\ntwo"),
        (r"\H\bold\N\ plain", "bold plain"),
        (r"St\XC3B8\rdal", "Størdal"),
        (r"St\XF8\rdal", "Størdal"),
        (r"C:\temp\file", r"C:\temp\file"),
        (r"lone \ sign", r"lone \ sign"),
        ("ends \\", "ends \\"),
        (r"\E\E\E\ ", "\\E\\ "),
    ],
)
def test_escapes(raw, expected):
    assert unescape(raw, SIGNS) == expected


def test_escapes_speak_the_messages_own_signs():
    signs = Delimiters("$", "%", "*", "/", ":")
    assert unescape("A/F/B/S/C/T/D/R/E/E/", signs) == "A$B%C:D*E/"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_line_ends(end):
    found = Message(end.join(["MSH|^~\\&|A", "PID|1||X", "NTE|1||note", ""]))
    assert found.names() == ["MSH", "PID", "NTE"]


def test_a_line_feed_within_a_field_does_not_break_its_segment():
    found = Message("MSH|^~\\&|A\rNTE|1||first\nsecond\rPID|1||X")
    note = found.first("NTE")
    assert note is not None
    assert note.text(3) == "first\nsecond"
    assert found.names() == ["MSH", "NTE", "PID"]


def test_two_messages_in_one_frame_are_refused():
    with pytest.raises(Unparseable) as caught:
        Message(MSH + "PID|1||X\r" + MSH)
    assert (caught.value.reason, caught.value.where) == ("hl7.several_messages", "MSH[2]")


def test_samples_read_as_python_hl7_reads_them(samples: Path):
    read = 0
    for path in sorted((samples / "hl7v2").glob("*/*.hl7")):
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\r").replace("\n", "\r")
        if path.name == "sample_win.hl7":
            continue  # python-hl7 takes the second of its doubled escape signs for the subcomponent sign
        ours, theirs = Message(text), oracle.parse(text)
        segments = ours.segments()
        assert len(segments) == len(theirs)
        for segment, other in zip(segments, theirs, strict=True):
            for number in range(1, len(other)):
                assert segment.raw(number) == str(other[number]), (path.name, segment.name, number)
                if segment.name == "MSH" and number <= 2:
                    continue
                for component in range(1, 13):
                    assert segment.text(number, component) == _theirs(theirs, other, number, component)
                    read += 1
    assert read > 20_000


def _theirs(whole: oracle.Message, segment: oracle.Segment, field: int, component: int) -> str:
    try:
        value = whole.unescape(segment.extract_field(1, field, 1, component, 1))
    except (LookupError, TypeError):
        return ""
    return "" if value == '""' else value


plain = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Co")), max_size=12)
values = plain.filter(lambda text: text == text.strip() and text != '""')


@given(st.lists(st.lists(st.lists(values, min_size=1, max_size=3), min_size=1, max_size=3), max_size=8))
def test_any_message_reads_as_written_and_as_python_hl7_reads_it(fields):
    written = [
        "~".join("^".join(escape(value, SIGNS) for value in repetition) for repetition in field)
        for field in fields
    ]
    text = MSH + "|".join(["ZZZ", *written]) + "\r"
    segment = Message(text).first("ZZZ")
    theirs = oracle.parse(text)
    assert segment is not None
    for number, field in enumerate(fields, start=1):
        for component, value in enumerate(field[0], start=1):
            assert segment.text(number, component) == value
        held = [one for one in field if any(one) or len(one) > 1]
        assert [one.text() for one in segment.repetitions(number)] == [one[0] for one in held]
        assert segment.raw(number) == str(theirs.segment("ZZZ")[number])


@given(plain)
def test_escape_and_unescape_are_inverse(text):
    assert unescape(escape(text, SIGNS), SIGNS) == text


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        found = Message("MSH" + text)
    except Unparseable:
        return
    for segment in found.segments():
        for number in range(4):
            segment.text(number, 2, 2)
            segment.repetitions(number)


@given(st.text(alphabet='ab^&\\"T', max_size=20), st.lists(st.integers(1, 6), max_size=4))
def test_values_asked_for_together_are_those_asked_for_one_by_one(raw, components):
    repetition = Repetition(raw, Delimiters.of("MSH|^~\\&|"))
    assert repetition.values(*components) == [repetition.text(one) for one in components]


@given(st.text(alphabet='ab^~&\\"T', max_size=20), st.lists(st.integers(1, 6), max_size=4))
def test_components_asked_for_together_are_those_asked_for_one_by_one(field, components):
    segment = Segment(f"PID|1|{field}", Delimiters.of("MSH|^~\\&|"))
    assert segment.values(2, *components) == [segment.text(2, one) for one in components]
    assert segment.values(9, *components) == [""] * len(components)
