from gate.lazy import lazy


class Thing:
    def __init__(self) -> None:
        self.asked = 0

    @lazy
    def answer(self) -> int:
        """What it is about."""
        self.asked += 1
        return 7 * self.asked


def test_it_is_found_when_it_is_first_read_and_kept_for_this_one_alone() -> None:
    one, other = Thing(), Thing()
    assert one.asked == 0
    assert (one.answer, one.answer, one.asked, other.asked) == (7, 7, 1, 0)


def test_asked_of_the_class_it_is_itself_with_its_words() -> None:
    assert Thing.answer.__doc__ == "What it is about."


def test_what_it_asks_can_be_reached_and_is_what_it_asks() -> None:
    find = Thing.answer.__wrapped__
    before = find.__code__
    try:
        find.__code__ = (lambda self: 8 + self.asked).__code__
        assert Thing().answer == 8
    finally:
        find.__code__ = before
