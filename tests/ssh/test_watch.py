"""The watch over waits that know no timeout."""

import threading

from gate.ssh.watch import CLEAN, Watch

LONG_S = 30.0


def test_a_wait_that_takes_too_long_is_ended() -> None:
    ended = threading.Event()
    with Watch().guard(0.01, ended.set):
        assert ended.wait(LONG_S)


def test_a_wait_that_ends_in_time_is_left_alone() -> None:
    watch, ended, later = Watch(), threading.Event(), threading.Event()
    with watch.guard(3, ended.set):
        pass
    with watch.guard(3.1, later.set):
        assert later.wait(LONG_S)
    assert not ended.is_set()


def test_a_short_wait_that_begins_during_a_long_one_is_not_kept_back_by_it() -> None:
    watch, long, short = Watch(), threading.Event(), threading.Event()
    with watch.guard(LONG_S, long.set), watch.guard(0.01, short.set):
        assert short.wait(LONG_S / 2)
    assert not long.is_set()


def test_waits_that_are_over_make_room_and_those_under_way_stay() -> None:
    watch, ended = Watch(), threading.Event()
    with watch.guard(0.2, ended.set):
        for _ in range(3 * CLEAN):
            with watch.guard(LONG_S, threading.Event().set):
                pass
        assert len(watch._waits) <= CLEAN + 2
        assert ended.wait(LONG_S)


def test_all_waits_share_one_thread() -> None:
    def watching() -> int:
        return sum(one.name == "ssh-watch" for one in threading.enumerate())

    watch, before = Watch(), watching()
    with watch.guard(LONG_S, threading.Event().set), watch.guard(LONG_S, threading.Event().set):
        assert watching() <= before + 1
