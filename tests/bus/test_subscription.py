"""What is committed of a topic that is not worked on in its order. tests/connectors/kit reads real ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.subscription import Progress


@settings(deadline=None)
@given(
    begin=st.integers(0, 10**9),
    gaps=st.lists(st.integers(1, 3), max_size=40),
    done=st.sets(st.integers(0, 39)),
    tail=st.integers(0, 3),
)
def test_progress_survives_a_restart(begin: int, gaps: list[int], done: set[int], tail: int) -> None:
    progress, offsets, offset = Progress(begin), [], begin
    for gap in gaps:
        offset += gap
        offsets.append(offset)
        progress.read(offset)
    progress.reach(max(progress.position, offset + tail))
    for number in done & set(range(len(offsets))):
        progress.pending.discard(offsets[number])
    again = Progress.decode(progress.low, progress.encode())
    for number, offset in enumerate(offsets):
        assert (offset in progress) == (offset in again) == (number in done)


def test_what_has_no_room_in_a_commit_counts_as_not_done() -> None:
    progress = Progress()
    for offset in range(10_000):
        progress.read(offset)
    progress.pending -= {1, 9_998}
    text = progress.encode()
    again = Progress.decode(progress.low, text)
    assert len(text) <= 4000
    assert (1 in again, 9_998 in again) == (True, False)
    assert not [offset for offset in progress.pending if offset in again]


@pytest.mark.parametrize("text", ["", "x", "5:y", "5"])
def test_metadata_of_others_is_no_progress(text: str) -> None:
    assert 7 not in Progress.decode(7, text)
