"""Whether a file system's checksums were ever others, by the lines of zfs-fuse (run) and of OpenZFS (its manual)."""

from datetime import UTC, datetime

import pytest

from gate.backups.answers import Unread
from gate.backups.zfs_history import in_part, otherwise_summed

IDS = {"vault": 16, "vault/strong": 38, "vault/strong/data": 44}
CREATED = datetime(2026, 11, 23, 14, 0, 2, tzinfo=UTC)
FUSE = """History for 'vault':
2026-11-23.14:00:00 zpool create -f vault /dev/sdb
2026-11-23.14:00:00 [internal property set txg:6] checksum=8 dataset = 16
2026-11-23.14:00:00 [internal pool create txg:6] pool spa 23; zfs spa 23; zpl 4; uts bk-1 6.1.0
2026-11-23.14:00:01 [internal create txg:7] dataset = 38
2026-11-23.14:00:01 [internal property set txg:8] checksum=8 dataset = 38
2026-11-23.14:00:01 zfs create -o checksum=sha256 vault/strong
2026-11-23.14:00:02 [internal replay_full_sync txg:10] dataset = 44
2026-11-23.14:00:02 [internal snapshot txg:14] dataset = 47
2026-11-23.14:00:02 zfs receive vault/strong/data
"""
OPENZFS = """History for 'vault':
2026-11-23.14:00:00 zpool create -O checksum=sha256 vault /dev/sdb
2026-11-23.14:00:00 [txg:5] create pool version 5000; software version zfs-2.1.11-1; uts bk-1 6.1.0
2026-11-23.14:00:01 [txg:8] create vault/strong (38)
2026-11-23.14:00:01 [txg:9] set vault/strong (38) checksum=8
2026-11-23.14:00:01 zfs create -o checksum=sha256 vault/strong
2026-11-23.14:00:02 [txg:10] receive vault/strong/data (44)
2026-11-23.14:00:02 [txg:14] finish receiving vault/strong/data (44) snap=monday
2026-11-23.14:00:02 ioctl receive
    input:
        snap: 'vault/strong/data@monday'
2026-11-23.14:00:02 zfs receive vault/strong/data
"""


def judged(said: str, created: datetime = CREATED) -> str:
    return otherwise_summed(said, "vault", "vault/strong/data", IDS, created)


@pytest.mark.parametrize("said", [FUSE, OPENZFS], ids=["zfs-fuse", "OpenZFS"])
def test_what_was_set_before_the_file_system_began_governs_all_of_its_blocks(said: str) -> None:
    assert judged(said) == ""
    for harmless in (
        "2026-11-23.15:00:00 [internal property set txg:50] checksum=2 dataset = 99",
        "2026-11-23.15:00:00 [internal property set txg:50] compression=3 dataset = 44",
        "2026-11-23.15:00:00 [txg:50] set vault/other (99) checksum=2",
        "2026-11-23.15:00:00 zfs set checksum=off vault/other",
        "2026-11-23.15:00:00 zfs set compression=on vault/strong/data",
        "2026-11-23.15:00:00 zfs rename vault/other vault/another",
        "",
    ):
        assert judged(f"{said}{harmless}\n") == ""


@pytest.mark.parametrize(
    "line",
    [
        "[internal property set txg:50] checksum=8 dataset = 44",
        "[internal property set txg:50] checksum=8 dataset = 38",
        "[internal inherit txg:50] checksum=1 dataset = 16",
        "[internal rename txg:50] dataset = 38",
        "[txg:50] set vault/strong/data (44) checksum=8",
        "[txg:50] inherit vault/strong (38) checksum=8",
        "[txg:50] set vault (16) checksum=8",
        "[txg:50] rename vault/weak (44) -> vault/strong/data",
        "[txg:50] promote vault/strong/data (44)",
        "zfs set checksum=sha256 vault/strong/data",
        "zfs set compression=on checksum=sha256 vault",
        "zfs inherit -r checksum vault/strong",
        "zfs rename vault/weak vault/strong",
    ],
)
def test_what_was_set_inherited_or_moved_since_is_named(line: str) -> None:
    for said in (FUSE, OPENZFS):
        assert line in judged(f"{said}2026-11-23.15:00:00 {line}\n")


def test_what_its_own_making_sets_is_before_its_first_block_and_nothing_later_is() -> None:
    made = FUSE.replace("[internal replay_full_sync txg:10] dataset = 44", "[internal create txg:10] dataset = 44")
    at, command = "2026-11-23.14:00:02 ", "zfs create -o checksum=sha256 vault/strong/data"
    first = made.replace(
        "[internal snapshot txg:14] dataset = 47", "[internal property set txg:11] checksum=8 dataset = 44"
    )
    whole = first.replace("zfs receive vault/strong/data", command)
    assert judged(whole) == ""
    assert "checksum=7" in judged(f"{whole}{at}[internal property set txg:12] checksum=7 dataset = 44\n")
    parent = whole.replace("txg:11] checksum=8 dataset = 44", "txg:11] checksum=8 dataset = 38")
    assert "dataset = 38" in judged(parent)
    received = FUSE.replace(
        "[internal snapshot txg:14] dataset = 47", "[internal property set txg:11] checksum=8 dataset = 44"
    )
    assert "dataset = 44" in judged(received)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("", "is not that of vault"),
        (FUSE.replace("'vault'", "'other'"), "is not that of vault"),
        ("History for 'vault':\n", "does not reach back to the beginning of vault/strong/data"),
        (FUSE.replace("dataset = 44", "dataset = 45"), "does not reach back"),
        (FUSE.replace("replay_full_sync", "replay_inc_sync"), "does not reach back"),
        (FUSE.replace("14:00:02 [internal replay", "14:02:02 [internal replay"), "does not reach back"),
        (FUSE.replace("14:00:02 [internal replay", "13:02:02 [internal replay"), "does not reach back"),
        (FUSE + "Unrecognized record:\n", "holds 'Unrecognized record:'"),
        (FUSE + "2026-13-23.14:00:02 zfs set a=b c\n", "holds '2026-13-23"),
    ],
)
def test_a_history_that_is_cut_or_not_understood_tells_nothing(said: str, words: str) -> None:
    with pytest.raises(Unread, match=words):
        judged(said)


def test_a_number_that_was_used_before_is_told_apart_by_its_time() -> None:
    before = (
        "2026-11-20.10:00:00 [internal create txg:3] dataset = 44\n"
        "2026-11-20.11:00:00 [internal property set txg:4] checksum=2 dataset = 44\n"
    )
    head, rest = FUSE.split("\n", maxsplit=1)
    assert judged(f"{head}\n{before}{rest}") == ""


WHOLE = "[internal pool scrub txg:50] func=1 mintxg=0 maxtxg=50"
WHOLE_2 = "[txg:50] scan setup func=1 mintxg=0 maxtxg=50"


def scrubbed(*lines: str) -> str:
    return in_part(FUSE + "".join(f"2026-11-23.15:00:00 {line}\n" for line in lines))


@pytest.mark.parametrize("line", [WHOLE, WHOLE_2], ids=["zfs-fuse", "OpenZFS"])
def test_a_scrub_of_all_that_was_there_begins_at_nothing_and_ends_now(line: str) -> None:
    assert scrubbed(line) == ""
    assert scrubbed(line, "zpool scrub vault", "[txg:60] scan done errors=0", "    input:") == ""
    resilver = "[txg:60] scan setup func=2 mintxg=7 maxtxg=9"
    assert scrubbed(line, resilver) == ""
    assert scrubbed("[txg:40] scan setup func=1 mintxg=7 maxtxg=40", line) == ""


@pytest.mark.parametrize(
    "line",
    [
        "[internal pool scrub txg:50] func=1 mintxg=1 maxtxg=50",
        "[txg:50] scan setup func=1 mintxg=40 maxtxg=50",
        "[txg:50] scan setup func=1 mintxg=0 maxtxg=49",
    ],
)
def test_a_scrub_from_where_the_last_one_ended_or_up_to_a_date_is_one_of_a_part(line: str) -> None:
    for before in (WHOLE, WHOLE_2):
        assert "it was to read what was written from" in scrubbed(before, line)


@pytest.mark.parametrize("lines", [(), ("zpool scrub vault",), ("[txg:50] scan setup func=2 mintxg=0 maxtxg=50",)])
def test_a_history_that_names_no_scrub_does_not_tell_what_it_read(lines: tuple[str, ...]) -> None:
    with pytest.raises(Unread, match="does not tell what the last scrub was to read"):
        scrubbed(*lines)
