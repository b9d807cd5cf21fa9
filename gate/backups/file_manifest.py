"""
The tool `file-manifest`: each run is a copy of a tree, and a list of digests as `sha256sum` writes and checks it.

    REPOSITORY/20261122T010000Z/data/…
    REPOSITORY/20261122T010000Z/SHA256SUMS     made last: `find data -type f -exec sha256sum {} + > SHA256SUMS`

The run's name tells when it began, the list's time when it ended; a run without a list is not finished and not listed.
The digest of the list is taken with the catalogue, and a list that was exchanged since is told. A list that lies beside
the copy proves that the copy has not changed since, not that it is what production held: that is for a rehearsal.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath

from gate.backups.answers import Asking, Unread, ask, output, shown, text
from gate.backups.files_tree import PRIVATE, hashed, hashing
from gate.backups.sqlite_copy import read_digest
from gate.backups.told import CLOCK, clock, kilobytes, not_future
from gate.backups.tool import Tool, reading
from gate.evidence import BackupReading, BackupRun, Counts, Reply, ReplyState, Verification
from gate.inventory import Dataset, Engine, Protection
from gate.sentence import by_number, every, several

NEWEST = 8
"""Runs that are listed: the newest and seven to compare its size with (BK-11)."""

LIST, DATA = "SHA256SUMS", "data"
RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z")
FOUND = re.compile(r"(?P<at>[0-9]{9,11})\.[0-9]{1,12} (?P<path>/\S+)")


def catalogue(protection: Protection) -> Asking[BackupReading]:
    """Ask which runs are finished, how large they are and what their lists hash to."""
    log: list[Reply] = []
    runs: list[BackupRun] = []
    problems: list[str] = []
    skew: int | None = None
    host_now: datetime | None = None
    try:
        host_now, skew = clock((yield from ask(CLOCK, log)))
    except Unread as unread:
        problems.append(str(unread))
    try:
        question = f"find {protection.repository} -mindepth 2 -maxdepth 2 -name {LIST} -printf '%T@ %p\\n'"
        ended, strange = _finished(protection, text((yield from ask(question, log)), "the list of backups"))
        problems += strange
        for run in sorted(ended, reverse=True)[:NEWEST]:
            try:
                runs.append((yield from _run(protection, run, ended[run], host_now, log)))
            except Unread as unread:
                problems.append(str(unread))
    except Unread as unread:
        problems.append(str(unread))
    return reading(protection, log, runs, skew, "; ".join(problems))


def verify(
    protection: Protection, dataset: Dataset, run: BackupRun, place: str, _earlier: Sequence[Verification] = ()
) -> Asking[Verification]:
    """
    Have every file of the run hashed, and hold what there is against the list: missing, changed and extra files.

    `V4` when both are the same and not empty; `V1` when they differ; `V0` when nothing was learned. The comparison is
    made here: `sha256sum -c` says nothing of files that are not in the list. Dated by the start of the reading.
    """
    folder = _folder(protection, run.id)
    log: list[Reply] = []
    level, because, complete = "V0", "", True
    counts: Counts | None = None
    wanted: Mapping[bytes, bytes] = {}
    try:
        listed = yield from ask(f"{PRIVATE}cat {folder}/{LIST}", log)
        wanted = hashed(output(listed, "its list"), "", "its list")
        level = "V1"
        if listed.digest != run.sha256:
            raise Unread(f"its list reads {listed.digest}, it was {run.sha256}")
        reply = yield from ask(hashing(f"{folder}/{DATA}"), log)
        if reply.state is not ReplyState.ANSWERED or reply.exit_status is None:
            output(reply, "its files")
        there = hashed(reply.stdout, folder, "its files")
        because, counts = _compared(wanted, there)
        if not because and reply.exit_status != 0:
            because = f"reading ended with {reply.exit_status}"
    except Unread as unread:
        because, complete = f"it was not read in full: {unread}", False
    passed = complete and not because and counts is not None
    read = f"{every(len(wanted), 'file')} {by_number(len(wanted), 'was read and hashes', 'were read and hash')}"
    return Verification(
        protection=protection.id,
        backup=run.id,
        place=place,
        at=log[0].started_at,
        level="V4" if passed else level,
        passed=passed,
        because=f"backup {run.id} of {dataset.id}: {because or f'{read} as its list says'}",
        counts=counts,
        seen=(run.id,) if complete else (),
        complete=complete,
        raw=tuple(reply.digest for reply in log),
    )


def restore(protection: Protection, dataset: Dataset, run: BackupRun, place: str, log: list[Reply]) -> Asking[str]:
    """Copy the run's tree below the scratch; for a database, return the file of production's name in it."""
    output((yield from ask(f"cp -a {_folder(protection, run.id)}/{DATA} {place}/", log)), "restoring")
    if dataset.engine is Engine.FILES:
        return f"{place}/{DATA}"
    return f"{place}/{DATA}/{PurePosixPath(dataset.path).name}"


def _folder(protection: Protection, run: str) -> str:
    if not RUN_ID.fullmatch(run):
        raise ValueError(f"{run!r} is no id of a file-manifest run")
    return f"{protection.repository}/{run}"


def _finished(protection: Protection, listing: str) -> tuple[Mapping[str, datetime], list[str]]:
    """Return when each run of a listing ended, and a sentence for every line that is none."""
    ended: dict[str, datetime] = {}
    strange: list[str] = []
    for line in listing.splitlines():
        found = FOUND.fullmatch(line)
        run = found["path"].removeprefix(f"{protection.repository}/").removesuffix(f"/{LIST}") if found else ""
        if found and RUN_ID.fullmatch(run) and run not in ended:
            ended[run] = datetime.fromtimestamp(int(found["at"]), UTC)
        else:
            strange.append(f"the list of backups holds {shown(line)}")
    return ended, strange


def _run(
    protection: Protection, run: str, ended: datetime, host_now: datetime | None, log: list[Reply]
) -> Asking[BackupRun]:
    folder, what = _folder(protection, run), f"backup {run}"
    try:
        began = datetime.strptime(run, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Unread(f"{what} bears no time") from None
    hashed_list = yield from ask(f"sha256sum {folder}/{LIST}", log)
    counted = text((yield from ask(f"wc -l {folder}/{LIST}", log)), f"{what}: its files")
    lines = re.fullmatch(rf" *([0-9]{{1,12}}) {re.escape(folder)}/{LIST}\n", counted)
    if lines is None:
        raise Unread(f"{what}: its files were counted as {shown(counted)}")
    size = kilobytes((yield from ask(f"du -sk {folder}/{DATA}", log)), f"{folder}/{DATA}")
    if ended < began:
        raise Unread(f"{what} ended before it began")
    return BackupRun(
        id=run,
        finished_at=not_future(ended, host_now, log[-1], what),
        size=size,
        sha256=read_digest(hashed_list, f"{folder}/{LIST}"),
        started_at=began,
        files=int(lines[1]),
    )


def _compared(wanted: Mapping[bytes, bytes], there: Mapping[bytes, bytes]) -> tuple[str, Counts]:
    """Say what differs, empty when nothing does. Names stay out of it: they are people's, and this is entered."""
    missing = len(wanted.keys() - there.keys())
    extra = len(there.keys() - wanted.keys())
    changed = sum(wanted[name] != there[name] for name in wanted.keys() & there.keys())
    counts = Counts("files", len(wanted), len(wanted) - missing - changed, missing, changed)
    if not wanted:
        return "its list is empty", counts
    found = [(missing, "missing"), (changed, "changed"), (extra, "not in its list")]
    words = ", ".join(f"{count} {word}" for count, word in found if count)
    return words and f"of {several(len(wanted), 'file')}: {words}; sha256sum -c {LIST} names them there", counts


TOOL = Tool(catalogue, verify, restore)
