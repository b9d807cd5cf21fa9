"""What a host tells of its own holds and flags, in the words that its tools use."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gate.backups import access, held
from gate.evidence import BackupRun, Reply, ReplyState
from gate.inventory import BackupTool, ProductionAccess, Protection, Ssh
from gate.settings import load, shipped

NOW = datetime(2026, 11, 23, tzinfo=UTC)
INVENTORY = load(shipped("config.yaml")).config.inventory
PROTECTION = INVENTORY.protections[0]
RUN = BackupRun("20261123T010000Z", NOW, 1)


def _said(out: bytes = b"", err: bytes = b"", status: int | None = 0, state: ReplyState = ReplyState.ANSWERED) -> Reply:
    return Reply("bk-1", "asked", state, NOW, NOW, status, out, err, "" if status is not None else "no answer")


LISTED = b"pool/copies@s1\tguid\t77\npool/copies@s1\tcreation\t1795400223\n"
"""What `zfs get` says of the snapshots: the run that is relied on is known by its guid."""


def _held(tool: BackupTool, reply: Reply, **changed: object) -> tuple[str, str, str, str]:
    protection: Protection = PROTECTION.model_copy(update={"tool": tool, "name": "pool/copies", **changed})
    asking = held.held(protection, replace(RUN, id="77") if tool is BackupTool.ZFS_SNAPSHOT else RUN, "there", NOW)
    if "-r -d 1" in next(asking):
        assert asking.send(_said(LISTED)) == "zfs get -Hp -o value userrefs pool/copies@s1"
    with pytest.raises(StopIteration) as end:
        asking.send(reply)
    found = end.value.value
    return found.mechanism, found.layer, found.mode, found.problem


def test_a_hold_of_zfs_is_told_as_a_hold_of_the_volume() -> None:
    assert _held(BackupTool.ZFS_SNAPSHOT, _said(b"2\n")) == ("zfs-hold", "volume", "hold", "")
    assert _held(BackupTool.ZFS_SNAPSHOT, _said(b"0\n"))[2:] == ("", "")


def test_borgs_flag_is_told_under_its_own_name() -> None:
    assert _held(BackupTool.BORG, _said(b"1\n")) == ("borg-append-only", "file", "append-only", "")
    assert _held(BackupTool.BORG, _said(b"0\n"))[2:] == ("", "")


@pytest.mark.parametrize(
    ("flags", "mode"),
    [("----i---------e-------", "immutable"), ("-----a--------e-------", "append-only"), ("------e-------", "")],
)
def test_flags_of_the_file_system_are_a_matter_of_files(flags: str, mode: str) -> None:
    found = _held(BackupTool.SQLITE_COPY, _said(f"{flags} /backup/sidekick\n".encode()))
    assert found == ("file-flag", "file", mode, "")


@pytest.mark.parametrize(
    ("tool", "reply"),
    [
        (BackupTool.ZFS_SNAPSHOT, _said(b"-\n")),
        (BackupTool.BORG, _said(b"yes\n")),
        (BackupTool.BORG, _said(b"", b"no such config key\n", 1)),
        (BackupTool.SQLITE_COPY, _said(b"----i--- /elsewhere\n")),
        (BackupTool.SQLITE_COPY, _said(b"")),
        (BackupTool.SQLITE_COPY, _said(b"----i--- /backup/sidekick\n", status=None, state=ReplyState.TIMED_OUT)),
    ],
)
def test_what_cannot_be_read_is_a_problem_and_holds_nothing(tool: BackupTool, reply: Reply) -> None:
    _, _, mode, problem = _held(tool, reply, name="pool/copies")
    assert mode == ""
    assert problem


def test_a_file_system_that_nobody_named_is_a_problem_and_nothing_is_asked() -> None:
    nameless = PROTECTION.model_copy(update={"tool": BackupTool.ZFS_SNAPSHOT, "name": None})
    with pytest.raises(StopIteration) as end:
        next(held.held(nameless, RUN, "there", NOW))
    assert (end.value.value.at, end.value.value.mode) == (NOW, "")
    assert "does not name the file system" in end.value.value.problem


DENIED = b"backup@bk-1: Permission denied (publickey,password).\r\n"


@pytest.mark.parametrize(
    ("reply", "refused"),
    [
        (_said(err=DENIED, status=255), True),
        (_said(err=b"Warning: Permanently added\n" + DENIED, status=255), True),
        (_said(status=0), False),
        (_said(err=b"This account is restricted.\n", status=1), False),
        (_said(err=b"ssh: connect to host bk-1 port 22: Connection timed out\r\n", status=255), None),
        (_said(err=b"ssh: connect to host bk-1 port 22: Connection refused\r\n", status=255), None),
        (_said(err=b"Host key verification failed.\r\n", status=255), None),
        (_said(err=b"sudo: a password is required\n", status=1), None),
        (_said(status=None, state=ReplyState.TIMED_OUT), None),
        (_said(err=b"Permission denied (publickey). No: a banner\nConnection closed\n", status=255), None),
    ],
)
def test_only_a_refusal_in_so_many_words_is_one(reply: Reply, refused: bool | None) -> None:
    declared = PROTECTION.model_copy(update={"production": ProductionAccess(account="oracle", user="backup")})
    asking = access.over_ssh(declared, Ssh(host="10.0.0.9", port=2222), "oracle")
    command = next(asking)
    assert command == "sudo -n -u oracle ssh -o BatchMode=yes -o ConnectTimeout=10 -p 2222 backup@10.0.0.9 true"
    with pytest.raises(StopIteration) as end:
        asking.send(reply)
    assert end.value.value.refused is refused
