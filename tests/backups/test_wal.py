"""The list of segments as arithmetic: sizes, timelines, gaps."""

from datetime import UTC, datetime

import pytest

from gate.backups.answers import Unread
from gate.backups.wal import Segment, branches, continuity, segment, size_of, spelled
from gate.evidence import Log

MIB = 1 << 20
AT = datetime(2026, 11, 23, tzinfo=UTC)


def names(first: int, last: int, timeline: int = 1, size: int = 16 * MIB) -> list[str]:
    return [spelled(Segment(number, timeline), size) for number in range(first, last + 1)]


def found(there: list[str], start: str, stop: str, way: tuple[Segment, ...] = (Segment(0, 1),), size: int = 16 * MIB):  # type: ignore[no-untyped-def]
    return continuity(dict.fromkeys(there, AT), start, stop, way, size)


@pytest.mark.parametrize(("size", "last"), [(16 * MIB, 0xFF), (MIB, 0xFFF), (1024 * MIB, 3)])
def test_a_log_has_as_many_segments_as_fit(size: int, last: int) -> None:
    name = f"0000000100000007{last:08X}"
    assert spelled(segment(name, size), size) == name
    assert spelled(Segment(segment(name, size).number + 1, 1), size) == "000000010000000800000000"
    with pytest.raises(ValueError, match="does not exist"):
        segment(f"0000000100000007{last + 1:08X}", size)


def test_the_size_is_what_fits_names_and_places() -> None:
    assert size_of({"000000010000000000000003": "0/3000028"}, "x") == 16 * MIB
    assert size_of({"000000010000000000000030": "0/3000028"}, "x") == MIB
    assert size_of({"00000001000000000000000F": "0/10000000"}, "x") == 16 * MIB  # the first byte not needed any more
    with pytest.raises(Unread, match="do not fit"):
        size_of({"000000010000000000000003": "0/3000028", "000000010000000000000009": "0/3000100"}, "x")


def test_every_segment_from_start_to_newest_makes_a_whole_log() -> None:
    there = names(0xFD, 0x103)
    whole = found(["000000010000000000000001", *there], there[0], there[1])
    assert (whole.log, whole.stop, whole.at) == (Log.COMPLETE, "000000010000000100000003", AT)


@pytest.mark.parametrize("missing", range(6))
def test_whichever_is_missing_there_is_a_gap(missing: int) -> None:
    there = names(0xFD, 0x103)
    gap = found([name for name in there if name != there[missing]], there[0], there[1])
    assert gap.log is Log.GAP
    assert there[missing] in gap.because
    assert gap.stop == (there[missing - 1] if missing else "")


def test_the_newest_one_missing_is_no_gap_but_an_earlier_end() -> None:
    there = names(1, 5)
    assert found(there[:-1], there[0], there[1]).stop == there[-2]
    assert found(there[:1], there[0], there[1]).log is Log.GAP  # unless the backup itself needs it


def test_what_is_no_segment_does_not_count() -> None:
    there = names(1, 3)
    spoilt = [there[0], f"{there[1]}.partial", there[1].lower() + "x", there[2]]
    assert found(spoilt, there[0], there[0]).log is Log.GAP


def test_a_promotion_goes_on_in_the_new_timeline_from_the_segment_where_the_old_was_left() -> None:
    way = branches(2, "1\t0/3000100\tno recovery target specified\n", 16 * MIB, "x")
    assert way == (Segment(0, 1), Segment(3, 2))
    there = [*names(1, 3), *names(3, 5, 2)]
    assert found(there, names(1, 1)[0], names(2, 2)[0], way).stop == names(5, 5, 2)[0]
    assert found(names(1, 5), names(1, 1)[0], names(2, 2)[0], way).log is Log.COMPLETE  # up to where it was left
    assert found(names(1, 5), names(1, 1)[0], names(2, 2)[0], way).stop == names(2, 2)[0]
    without = [name for name in there if name != names(3, 3, 2)[0]]
    assert names(3, 3, 2)[0] in found(without, names(1, 1)[0], names(2, 2)[0], way).because


def test_a_backup_that_was_made_after_the_old_timeline_was_left_cannot_be_brought_further() -> None:
    way = branches(2, "1\t0/3000100\tno recovery target specified\n", 16 * MIB, "x")
    aside = found([*names(1, 9), *names(3, 9, 2)], names(6, 6)[0], names(7, 7)[0], way)
    assert aside.log is Log.GAP
    assert "timeline 2" in aside.because


@pytest.mark.parametrize("history", ["1\tnowhere\tx\n", "one\t0/1\tx\n", "3\t0/1000000\tx\n2\t0/900000\ty\n", "1\n"])
def test_a_history_that_makes_no_sense_is_unread(history: str) -> None:
    with pytest.raises(Unread):
        branches(4, history, MIB, "x")
