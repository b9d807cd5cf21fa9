"""Whatever goes wrong between the gate and any backup tool ends as not known, with a sentence, and never as a pass."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.backups import TOOLS, held
from gate.evidence import BackupRun, Reply, ReplyState
from gate.inventory import BackupTool, Dataset, Engine, Medium, ObjectStore, Protection
from tests.backups.local import drive

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RUN = BackupRun("20261123T010000Z", NOW - timedelta(hours=1), 4096, "sha256:" + "a" * 64, started_at=NOW)
FILES = Dataset(id="photos", tier=2, engine=Engine.FILES, host="db-1", path="/data/photos", mount="/data")
ORDER = list(TOOLS)
IDS = {
    BackupTool.RESTIC: "ab" * 32,
    BackupTool.BORG: "cd" * 32,
    BackupTool.BARMAN: "20261123T010000",
    BackupTool.PGBACKREST: "20261123-010000F",
    BackupTool.ZFS_SNAPSHOT: "77",
}
"""An id as each tool's catalogue gives it, where that is no time."""


def said(out: bytes = b"", err: bytes = b"", status: int | None = 0) -> Reply:
    return Reply("bk-1", "asked", ReplyState.ANSWERED, NOW, NOW, status, out, err)


def ended(state: ReplyState, problem: str) -> Reply:
    return replace(said(status=None), state=state, problem=problem)


FAULTS = {
    "the tool is missing": said(err=b"sh: 1: tool: not found\n", status=127),
    "it may not be run": said(err=b"sh: 1: tool: Permission denied\n", status=126),
    "it fails without a word": said(status=1),
    "it is killed": said(status=-9),
    "it says nothing and calls that well": said(),
    "it speaks another language": said("Depot überprüft, keine Fehler gefunden.\n".encode()),
    "it answers with bytes that are no text": said(b"\xff\xfe\x00ok"),
    "it hides the end of its answer": said(b"ok\x1b[2K\r"),
    "it answers JSON with nothing in it": said(b"{}\n"),
    "it answers a list of nothing": said(b"[]\n"),
    "it answers JSON without its fields": said(b'[{"id": 1, "time": null, "new_field": {"x": []}}]\n'),
    "it answers JSON that breaks off": said(b'{"archives": [{"name": "a", "start": "2026-'),
    "it hangs": ended(ReplyState.TIMED_OUT, "no answer within the deadline"),
    "it floods": replace(ended(ReplyState.TOO_LONG, "more than 8388608 bytes"), stdout=b"ok\n" * 1000),
    "the connection is lost": ended(ReplyState.LOST, "the connection was lost"),
    "the host is away": ended(ReplyState.UNREACHABLE, "bk-1 cannot be reached"),
}


def protection(tool: BackupTool, *, whole: bool) -> Protection:
    """A protection with everything that any tool asks of the inventory, or with nothing that may be left out."""
    store = ObjectStore(endpoint="https://objects.example", account="offsite", bucket="copies", on_arrays=())
    objects: dict[str, Any] = {"medium": Medium.OBJECT_SERVICE, "object_store": store}
    named: dict[str, Any] = {
        "name": "main",
        "config_file": "/etc/backup/tool.conf",
        "password_file": "/etc/backup/password",
    }
    given: dict[str, Any] = {
        "id": "photos-nightly",
        "dataset": "photos",
        "tool": tool,
        "host": "bk-1",
        "repository": "/backup/photos",
        "mount": "/backup",
        "rehearsal_host": "bk-1",
        "rehearsal_scratch": "/scratch",
    }
    return Protection(**given, **(objects if tool is BackupTool.S3_OBJECTS else {}), **(named if whole else {}))


@pytest.mark.parametrize("whole", [True, False], ids=["declared", "bare"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("tool", ORDER)
def test_no_fault_becomes_a_backup_or_a_pass(tool: BackupTool, fault: str, whole: bool) -> None:
    kept, run = protection(tool, whole=whole), replace(RUN, id=IDS.get(tool, RUN.id))
    answer: Callable[[str], Reply] = lambda command: replace(FAULTS[fault], command=command)  # noqa: E731
    reading = drive(TOOLS[tool].catalogue(kept), answer)
    assert (reading.runs, bool(reading.problem)) == ((), True), fault
    if not whole and tool in (BackupTool.RESTIC, BackupTool.ZFS_SNAPSHOT):
        with pytest.raises(ValueError, match="photos-nightly"):  # no run was ever told of such a protection
            drive(TOOLS[tool].verify(kept, FILES, run, "naa.1", ()), answer)
        return
    read = drive(TOOLS[tool].verify(kept, FILES, run, "naa.1", ()), answer)
    assert (read.passed, bool(read.because)) == (False, True), fault
    assert read.level in {"V0", "V1"}
    assert run.id not in read.seen
    if tool is not BackupTool.S3_OBJECTS:
        fast = drive(held.held(kept, run, "naa.1", NOW), answer)
        assert (fast.mode, bool(fast.problem)) == ("", True), fault


@pytest.mark.parametrize("tool", ORDER)
def test_when_everything_but_the_clock_is_silent_there_is_still_no_backup(tool: BackupTool) -> None:
    kept = protection(tool, whole=True)

    def answer(command: str) -> Reply:
        clock = command == "date -u +%s"
        return said(f"{int(NOW.timestamp())}\n".encode()) if clock else said(status=2, err=b"no\n")

    reading = drive(TOOLS[tool].catalogue(kept), answer)
    assert (reading.runs, bool(reading.problem)) == ((), True)
