import uuid

from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.memory import Memory


def some_id(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))


@given(st.lists(st.integers(0, 60), max_size=200), st.integers(2, 20))
def test_the_last_half_is_always_remembered_and_the_limit_kept(numbers: list[int], limit: int) -> None:
    memory = Memory(limit)
    for position, number in enumerate(numbers):
        memory.add(some_id(number))
        assert len(memory) <= limit
        recent = set(numbers[max(0, position - limit // 2 + 1) : position + 1])
        assert all(some_id(known) in memory for known in recent)


def test_what_was_never_added_is_not_remembered() -> None:
    memory = Memory(1000)
    for number in range(500):
        memory.add(some_id(number))
    assert not any(some_id(number) in memory for number in range(1000, 3000))


def test_a_dead_letter_is_tried_anew_but_for_a_request() -> None:
    memory = Memory(10)
    memory.learn(some_id(1), "DEAD_LETTERED", "slots")
    memory.learn(some_id(2), "DEAD_LETTERED", "AgencyRequest.HOLD")
    memory.learn(some_id(3), "IGNORED")
    assert [some_id(number) in memory for number in (1, 2, 3)] == [False, True, True]
