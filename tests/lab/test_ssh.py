"""A command line that counts connections turns everybody away for a while when too many come within a second."""

from gate.lab.ssh import Crowd


def test_as_many_as_it_takes_come_in_and_one_more_shuts_the_door_for_a_while() -> None:
    crowd = Crowd(10, 60.0)
    assert not any(crowd.refuses(100 + number / 100) for number in range(10))
    assert crowd.refuses(100.5)
    assert crowd.refuses(160.4)
    assert not crowd.refuses(160.6)
    assert not crowd.refuses(160.7)


def test_those_who_came_more_than_a_second_ago_are_forgotten() -> None:
    crowd = Crowd(10, 60.0)
    assert not any(crowd.refuses(100 + number / 9) for number in range(200))


def test_one_that_does_not_count_lets_everybody_in() -> None:
    crowd = Crowd(0, 60.0)
    assert not any(crowd.refuses(100.0) for _ in range(1000))
