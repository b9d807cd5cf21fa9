"""Reading by parts: which is due, when the parts are a whole, and what an old, failed or unknown part is worth."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.evidence import Coverage, Verification
from gate.rotation import due, ids, joined, level, part_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PACKS = frozenset(f"{first:02x}" + "0" * 62 for first in range(12))
"""Twelve ids, four in each of three parts: 00 03 06 09, 01 04 07 0a, 02 05 08 0b."""

NEW = "0c" + "0" * 62
LISTS = {"all": PACKS, "more": PACKS | {NEW}, "new": frozenset({NEW}), "less": PACKS - {"02" + "0" * 62}}


def read(bucket: int, days: float = 0, listed: str = "all", besides: str = "", **told: Any) -> Verification:
    coverage = Coverage(bucket, 3, listed, besides)
    record = Verification("nightly", "b1", "naa.1", NOW - days * DAY, "V3", True, "read", coverage=coverage)
    return replace(record, **told)


def join(*records: Verification) -> Verification:
    return joined(records[-1], records[:-1], LISTS.get)


def test_a_part_is_chosen_by_the_first_byte_of_the_id_as_restic_does() -> None:
    assert sorted(one[:2] for one in part_of(PACKS, 2, 3)) == ["01", "04", "07", "0a"]
    parts = [part_of(PACKS, bucket, 5) for bucket in range(1, 6)]
    assert frozenset().union(*parts) == PACKS
    assert sum(map(len, parts)) == len(PACKS)


def test_the_first_byte_is_the_first_two_digits_in_hexadecimal() -> None:
    every = frozenset(f"{first:02x}f" + "0" * 61 for first in range(256))
    for buckets in (1, 7, 256):
        for bucket in range(1, buckets + 1):
            found = {int(one[:2], 16) for one in part_of(every, bucket, buckets)}
            assert found == set(range(bucket - 1, 256, buckets))


def test_the_parts_together_are_a_full_read_as_old_as_the_oldest() -> None:
    found = join(read(1, 2), read(2, 1), read(3))
    assert found.level == "V4"
    assert found.coverage is not None
    assert (found.coverage.whole_since, found.coverage.unread) == (NOW - 2 * DAY, 0)
    assert "all 12 objects that exist now" in found.because


def test_a_part_that_is_missing_leaves_a_sampled_read_and_the_count_is_told() -> None:
    found = join(read(1, 2), read(3))
    assert (found.level, found.passed) == ("V3", True)
    assert found.coverage is not None
    assert (found.coverage.whole_since, found.coverage.unread) == (None, 4)
    assert "8 of 12 objects" in found.because


def test_a_pack_that_came_after_its_part_was_read_makes_the_whole_incomplete() -> None:
    found = join(read(1, 2), read(2, 1), read(3, listed="more"))
    assert found.level == "V3"
    assert found.coverage is not None
    assert found.coverage.unread == 1


def test_a_pack_that_was_read_as_newly_come_counts() -> None:
    assert join(read(1, 2), read(2, 1), read(3, listed="more", besides="new")).level == "V4"
    assert join(read(1, 2, listed="more", besides="new"), read(2, 1), read(3, listed="more")).level == "V4"


def test_a_pack_that_was_removed_meanwhile_takes_nothing_away() -> None:
    assert join(read(1, 2), read(2, 1), read(3, listed="less")).level == "V4"


def test_a_full_turn_again_makes_the_whole_younger() -> None:
    found = join(read(1, 5), read(2, 4), read(3, 3), read(1))
    assert found.coverage is not None
    assert found.coverage.whole_since == NOW - 4 * DAY


@pytest.mark.parametrize("told", [{"passed": False}, {"complete": False}])
def test_a_part_that_failed_later_is_not_made_good_by_an_older_read(told: dict[str, Any]) -> None:
    found = join(read(1, 5), read(2, 4), read(1, 2, **told), read(3))
    assert found.level == "V3"
    assert found.coverage is not None
    assert found.coverage.unread == 4
    assert join(read(1, 5), read(2, 4), read(1, 2, **told), read(1, 1), read(3)).level == "V4"


@pytest.mark.parametrize("told", [{"passed": False}, {"complete": False}])
def test_a_part_that_was_not_read_well_completes_nothing(told: dict[str, Any]) -> None:
    assert join(read(1, 2), read(2, 1), read(3, **told)) == read(3, **told)


@pytest.mark.parametrize("told", [{"place": "naa.2"}, {"protection": "weekly"}, {"at": NOW + DAY}])
def test_reads_elsewhere_of_others_or_of_the_future_do_not_count(told: dict[str, Any]) -> None:
    assert join(read(1, 2), read(2, 1, **told), read(3)).level == "V3"


def test_a_list_that_is_gone_proves_nothing() -> None:
    assert join(read(1, 2, listed="gone"), read(2, 1), read(3)).level == "V3"
    found = join(read(1, 2), read(2, 1), read(3, listed="gone"))
    assert found.level == "V3"
    assert found.coverage is not None
    assert (found.coverage.whole_since, found.coverage.unread) == (None, None)


def test_an_empty_list_is_no_whole() -> None:
    assert joined(read(1), (), {"all": frozenset[str]()}.get).level == "V3"


def test_parts_of_another_number_count_for_what_they_were() -> None:
    halves = [replace(read(1, days), coverage=Coverage(bucket, 2, "all")) for bucket, days in ((1, 2), (2, 1))]
    assert join(*halves, read(3)).level == "V4"


def test_a_full_read_at_once_comes_back_as_it_is() -> None:
    whole = replace(read(1), coverage=None, level="V4")
    assert join(read(2, 1), whole) == whole


def test_parts_are_a_full_read_only_while_the_oldest_is_inside_the_limit() -> None:
    found = join(read(1, 29), read(2, 1), read(3))
    assert level(found, NOW, 30 * DAY) == "V4"
    assert level(found, NOW + DAY, 30 * DAY) == "V4"
    assert level(found, NOW + DAY + timedelta(seconds=1), 30 * DAY) == "V3"


def test_a_record_that_claims_a_whole_without_saying_since_when_is_a_sample() -> None:
    assert level(replace(read(1), level="V4"), NOW, 30 * DAY) == "V3"
    assert level(replace(read(1), level="V4", coverage=None), NOW, 30 * DAY) == "V4"
    assert level(read(1), NOW, 30 * DAY) == "V3"


def test_parts_take_their_turns_and_never_read_ones_come_first() -> None:
    assert due((), 3) == 1
    assert due((read(1, 2),), 3) == 2
    assert due((read(1, 2), read(3, 1)), 3) == 2
    assert due((read(2, 1), read(1, 2), read(3)), 3) == 1
    assert due((read(1, 3), read(2, 2), read(3, 1), read(1)), 3) == 2


@pytest.mark.parametrize("told", [{"passed": False}, {"complete": False}])
def test_a_part_that_was_not_read_well_is_due_again(told: dict[str, Any]) -> None:
    assert due((read(1, 2), read(2, 1, **told)), 3) == 2
    assert due((read(1, 2), read(2, 1, **told), read(2)), 3) == 3
    assert due((read(3, 1, **told), read(1)), 3) == 2
    assert due((read(1, 4), read(2, 3), read(3, 2), read(3, 1, **told)), 3) == 3


def test_parts_of_another_number_take_no_turn() -> None:
    assert due((replace(read(1), coverage=Coverage(1, 5, "all")), replace(read(1), coverage=None)), 3) == 1


def test_a_list_is_read_with_and_without_paths() -> None:
    one, other = "ab" * 32, "cd" * 32
    assert ids(f"{one}\n{other}\n".encode()) == frozenset({one, other})
    assert ids(f"{one}  /backup/data/ab/{one}\n".encode()) == frozenset({one})
    assert ids(b"") == frozenset()


@pytest.mark.parametrize("listed", [b"ab\n", b"ab" * 32, b"AB" * 32 + b"\n", b"\n", b"ab" * 32 + b" x\n", b"\xff\n"])
def test_a_list_that_holds_anything_else_is_none(listed: bytes) -> None:
    assert ids(listed) is None
