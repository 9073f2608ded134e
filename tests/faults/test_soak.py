"""How long the long run goes on."""

from itertools import islice

from tests.faults.soak import EPISODE, episodes


def test_so_many_faults_and_no_more_when_their_number_alone_was_asked_for() -> None:
    assert [len(seeds) for seeds in episodes(7, 45, lambda: True)] == [20, 20, 5]
    assert [seed for seeds in episodes(7, 45, lambda: True) for seed in seeds] == list(range(7, 52))


def test_it_goes_on_until_there_were_enough_and_the_time_is_over() -> None:
    looks = iter([False, False, True])
    assert [len(seeds) for seeds in episodes(0, 30, lambda: next(looks))] == [20, 10, EPISODE, EPISODE]
    assert len(list(islice(episodes(0, 0, lambda: False), 50))) == 50
