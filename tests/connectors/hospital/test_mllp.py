"""The frame reader."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.hospital.mllp import Frame, FrameReader, Noise, TooLarge, frame

A, B = b"MSH|^~\\&|A\rPID|1\r", b"MSH|^~\\&|B\r"


def read(data: bytes, limit: int = 1000) -> list[object]:
    return list(FrameReader(limit).feed(data))


def test_several_messages_in_one_packet():
    assert read(frame(A) + frame(B)) == [Frame(A), Frame(B)]


def test_one_message_in_many_packets():
    reader = FrameReader(1000)
    events = [event for byte in frame(A) for event in reader.feed(bytes([byte]))]
    assert events == [Frame(A)]
    assert not reader.pending


def test_line_ends_between_frames_are_silent_and_other_bytes_are_noise():
    assert read(b"\r\n" + frame(A) + b"\r\n\r\n" + frame(B)) == [Frame(A), Frame(B)]
    assert read(b"GET /\r\n" + frame(A)) == [Noise(5), Frame(A)]


def test_the_last_cr_may_be_missing():
    assert read(b"\x0b" + A + b"\x1c" + b"\x0b" + B + b"\x1c") == [Frame(A), Frame(B)]


def test_a_frame_that_began_again_is_read_from_its_second_start():
    assert read(b"\x0bMSH|^~\\&|A\rPI" + frame(B)) == [Noise(13), Frame(B)]


def test_a_start_sign_within_text_belongs_to_the_text():
    text = b"MSH|^~\\&|A\rNTE|1||line\x0bline\r"
    assert read(frame(text)) == [Frame(text)]


def test_a_frame_at_the_limit_is_taken_and_one_byte_more_is_not():
    assert read(frame(b"x" * 100), 100) == [Frame(b"x" * 100)]
    assert read(frame(b"x" * 101) + frame(A), 100) == [TooLarge(b"x" * 100, 101), Frame(A)]


def test_a_large_frame_is_never_held_whole():
    reader = FrameReader(200_000)
    reader.feed(b"\x0b")
    for _ in range(100):
        reader.feed(b"x" * 10_000)
        assert len(reader._buffer) <= 200_000  # noqa: SLF001 - what it holds is the point
    assert reader.feed(b"\x1c\r") == [TooLarge(b"x" * 65_536, 1_000_000)]


def test_what_is_unfinished_is_known():
    reader = FrameReader(1000)
    assert not reader.pending
    reader.feed(b"\x0bMSH|")
    assert (reader.pending, reader.inside, reader.pending_size) == (True, True, 4)
    reader.feed(b"\x1c\r\n")
    assert not reader.pending
    reader.feed(b"abc")
    assert (reader.pending, reader.inside, reader.pending_size) == (True, False, 3)


pieces = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([b"\x0b", b"\x1c", b"\x0d", b"\x0a", b"\x0bMSH", frame(A), frame(B), b"\x1c\x0b"]),
)


@given(
    st.lists(pieces, max_size=12).map(b"".join), st.lists(st.integers(0, 200), max_size=8), st.integers(5, 40)
)
def test_any_cut_of_the_stream_gives_the_same_events(stream, cuts, limit):
    whole = FrameReader(limit).feed(stream)
    reader, parts, last = FrameReader(limit), [], 0
    for cut in sorted({min(cut, len(stream)) for cut in cuts} | {len(stream)}):
        parts += reader.feed(stream[last:cut])
        last = cut
    assert parts == whole


@given(
    st.lists(st.binary(min_size=1, max_size=40).filter(lambda data: not {0x0B, 0x1C} & set(data)), max_size=6)
)
def test_every_framed_message_comes_out_in_order(messages):
    stream = b"".join(frame(message) for message in messages)
    assert FrameReader(100).feed(stream) == [Frame(message) for message in messages]
