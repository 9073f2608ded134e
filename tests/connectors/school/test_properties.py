"""What must hold of every set, whatever is in it."""

import csv
import io
import itertools
import random
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.school.difference import apply, compare
from connectors.school.facts import facts
from connectors.school.merge import RosterContext, merge
from connectors.school.parse import listed, parse, user_ids
from connectors.school.problems import SetRefusedError
from connectors.school.records import read_records
from connectors.school.sets import described
from connectors.school.settings import SchoolSettings
from connectors.school.state import State, StateFile
from connectors.school.testing import SetWriter, category, enrollment, line_item, user, zip_bytes
from tests.connectors.school.rig import AGENCY, PSEUDONYMS, SYSTEM, Rig

CONTEXT = RosterContext(
    SchoolSettings.model_validate({"drop": {"folder": Path("unused")}}),
    PSEUDONYMS,
    AGENCY,
    SYSTEM,
    1_000_000,
    1_000_000,
)
values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
# A line of one blank field cannot be told from a blank line, so the first column is never blank.
records = st.lists(
    st.tuples(st.text("abc\"',\r\n æ", min_size=1).filter(str.strip), values, values), max_size=8
)


@given(records, st.sampled_from(["\r\n", "\n"]), st.booleans())
def test_the_parser_reads_what_the_csv_module_writes(rows, ending, mark):
    text = io.StringIO(newline="")
    # Before Python 3.13 the writer leaves a lone CR unquoted when lines end in LF.
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator=ending)
    if ending == "\r\n":
        writer = csv.writer(text)
    writer.writerows([("a", "unused", "b"), *rows])
    data = text.getvalue().encode("utf-8-sig" if mark else "utf-8")
    read = read_records("users.csv", data, required=("a", "b"), kept=("a", "b"))
    assert [(row["a"], row["b"]) for row in read] == [(row[0].strip(), row[2].strip()) for row in rows]


@given(st.binary(max_size=200))
@example(b'"')
@example(b"\xff\xfea")
def test_any_bytes_are_read_or_refused(data):
    with suppress(SetRefusedError):
        read_records("users.csv", data, required=("a",), kept=("a",), needed=("a",))


@given(
    st.dictionaries(st.sampled_from(["ldap", "lti", "fed"]), st.text("0123456789-", min_size=1)),
    st.booleans(),
)
def test_user_ids_in_braces(ids, blanks):
    glue = " , " if blanks else ","
    assert user_ids(glue.join(f"{{{kind.upper()}:{value}}}" for kind, value in ids.items())) == ids


def test_lists_with_and_without_blanks():
    assert listed("09,10,11") == listed(" 09, 10 ,,11") == ("09", "10", "11")
    assert listed("") == ()


tables = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("123"))


@given(tables, tables, st.sets(st.sampled_from("abcdefg")), st.booleans())
def test_a_difference_applied_to_the_old_table_gives_the_new_one(old, new, deleted, absence):
    after = apply(old, new, compare(old, new, deleted, absence_deletes=absence))
    if absence:
        assert after == new
    else:
        assert after == {row: value for row, value in old.items() if row not in deleted or row in new} | new
    again = compare(after, new, deleted, absence_deletes=absence)
    assert not again, "the same set again says nothing"


people = st.lists(st.sampled_from(["p1", "p2", "p3", "g1"]), unique=True)


@st.composite
def school_sets(draw) -> SetWriter:
    mode = draw(st.sampled_from(["bulk", "delta"]))
    status = st.sampled_from(["", "active", "tobedeleted"] if mode == "delta" else [""])
    made = SetWriter(mode=mode)
    roles = {"p1": "student", "p2": "student", "p3": "student", "g1": "parent"}
    columns = {
        "p1": {"identifier": "16822548834", "agentSourcedIds": "g1"},
        "g1": {"agentSourcedIds": "p1,p2"},
    }
    if draw(st.booleans()):
        name = draw(st.sampled_from(["Ola", "Kari"]))
        rows = [
            user(p, roles[p], (name, "X"), "s1", status=draw(status), **columns.get(p, {}))
            for p in draw(people)
        ]
        made.add("users", *rows)
    if draw(st.booleans()):
        rows = [enrollment(p, "4b", "s1", role=roles[p], status=draw(status)) for p in draw(people)]
        made.add("enrollments", *rows)
    if draw(st.booleans()):
        made.add("categories", category("c1", draw(st.sampled_from(["Prøve", "Lekse"]))))
    if draw(st.booleans()):
        items = draw(st.lists(st.sampled_from(["e1", "e2"]), unique=True))
        day = draw(st.sampled_from(["2099-01-01", "2099-01-02"]))
        made.add("lineItems", *(line_item(e, "Norsk", "4b", "c1", day, status=draw(status)) for e in items))
    return made


def accepted(state: State, made: SetWriter, files: dict[str, bytes] | None = None):
    parsed = parse(described(files or made.files()), CONTEXT.settings)
    return facts(state, merge(state, parsed, CONTEXT), CONTEXT, "label")


@settings(max_examples=150, deadline=None)
@given(st.lists(school_sets(), max_size=5))
def test_a_set_that_is_accepted_says_nothing_the_second_time(sets):
    state = State()
    for made in sets:
        state = accepted(state, made).state
        again = accepted(state, made)
        assert again.facts == ()
        state = again.state


@settings(max_examples=100, deadline=None)
@given(st.lists(school_sets(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_files_and_rows_makes_no_difference(sets, chance: random.Random):
    state = State()
    for made in sets:
        tables = list(made.tables.items())
        chance.shuffle(tables)
        shuffled = SetWriter(made.version, made.mode, made.system_code)
        for name, rows in tables:
            shuffled.add(name, *chance.sample(rows, len(rows)))
        told = accepted(state, made)
        assert accepted(state, shuffled).facts == told.facts
        state = told.state


@settings(max_examples=150, deadline=None)
@given(st.lists(school_sets(), max_size=6))
def test_what_the_facts_say_together_is_what_the_state_holds(sets):
    """A fold over the facts alone, as a reader of the bus does it, against the rows of the sets."""
    state = State()
    exams: dict[tuple[str, str], str] = {}
    places: dict[str, str] = {}
    rows: dict[str, bool] = {}
    for made in sets:
        told = accepted(state, made)
        state = told.state
        for fact in told.facts:
            if fact.record == "ExamScheduled":
                local = fact.identifiers[-1]["pseudonym"]
                exams[fact.body["exam"], local] = fact.body["start"]["source"]
            elif fact.record == "EnrollmentChanged":
                places[fact.body["enrollment"]] = fact.body["status"]["mapped"]
        if "enrollments" in made.tables:
            said = {
                row["sourcedId"]: row.get("status") != "tobedeleted" for row in made.tables["enrollments"]
            }
            rows = said if made.mode == "bulk" else rows | said
    active = {row for row, status in places.items() if status == "ACTIVE"}
    assert active == {PSEUDONYMS.of(f"{SYSTEM}/enrollments", row) for row, said in rows.items() if said}
    for key, published in state.exams.items():
        item, local = key.split("\x1f")
        assert exams[item, local] == state.line_items[item].due
        assert published.event_id


@settings(max_examples=100, deadline=None)
@given(st.lists(school_sets(), max_size=4))
def test_the_state_comes_back_from_disk_as_it_was(tmp_path_factory, sets):
    state = State()
    for made in sets:
        state = accepted(state, made).state
    file = StateFile(tmp_path_factory.mktemp("state") / "accepted.json")
    file.save(state)
    assert file.load() == state


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, 700),
)
async def test_a_zip_with_any_bytes_changed_ends_in_an_outcome(tmp_path_factory, changes, cut):
    data = bytearray(zip_bytes(SetWriter().add("users", user("p1", "student", ("Ola", "X"), "s1")).files()))
    for place, value in changes:
        data[place % len(data)] = value
    rig = Rig(tmp_path_factory.mktemp("fuzz"))
    (rig.inbox / "a.zip").write_bytes(bytes(data[: len(data) - cut if cut < len(data) else None]))
    await rig.work()
    assert len(rig.outcomes) == 1
    assert len(rig.lying_in("failed") + rig.lying_in("archive")) == 1


def test_event_ids_of_a_walk_are_all_different():
    """Each fact of a school year has its own id, also where a row ends and returns."""
    state, seen = State(), []
    for pupils, day in itertools.product([["p1", "p2"], ["p1"]], ["2099-01-01", "2099-01-02", "2099-01-01"]):
        made = SetWriter().add("categories", category("c1", "Eksamen"))
        made.add("enrollments", *(enrollment(p, "4b", "s1") for p in pupils))
        made.add("lineItems", line_item("e1", "Norsk", "4b", "c1", day))
        told = accepted(state, made)
        state = told.state
        seen += [(fact.identity, fact.content) for fact in told.facts]
    assert len(seen) == len(set(seen)) > 8
