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
