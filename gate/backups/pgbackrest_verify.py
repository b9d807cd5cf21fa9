"""
pgBackRest's `verify`: every stored file is read and hashed by it; verdict and counts are read here.

The exit status is 0 whatever was found (2.45 and 2.55.1, upstream issue 2502), a backup whose directory is gone is
left out of an "ok", and without `--verbose` 2.55 says nothing when all is well. So the text must say ok, must name the
backup that is relied on and each of its parents as valid, and every count must come out. A segment that is missing is
none of its business: that half of V4 is the catalogue's, which counts them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gate.backups.answers import Asking, Unread, ask, shown, text
from gate.backups.told import not_missing
from gate.evidence import BackupRun, Counts, Log, Reply, ReplyState, Verification
from gate.inventory import Dataset, Protection
from gate.sentence import every

LABEL = re.compile(r"[0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[DI])?")
STANZA = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
ARCHIVE = re.compile(r"  archiveId: ([0-9.-]+), total WAL checked: ([0-9]+), total valid WAL: ([0-9]+)")
BACKUP = re.compile(
    rf"  backup: ({LABEL.pattern}), status: ([a-z ]+), total files checked: ([0-9]+), total valid files: ([0-9]+)"
)

COUNTS = re.compile(r"    missing: ([0-9]+), checksum invalid: ([0-9]+), size invalid: ([0-9]+), other: ([0-9]+)")
NAMED = re.compile(r"INFO: ((?:invalid|file missing) [ -~]{1,300})")
"""Lines on standard error that name what is damaged."""

MOST_NAMED = 3


@dataclass
class _Part:
    """One archive or backup of the report."""

    total: int
    valid: int
    status: str = "valid"
    counts: tuple[int, ...] | None = None
    """missing, checksum invalid, size invalid, other; None until that line has come."""

    @property
    def whole(self) -> bool:
        return self.status == "valid" and 0 < self.total == self.valid and self.counts == (0, 0, 0, 0)


@dataclass
class _Report:
    status: str
    archives: dict[str, _Part] = field(default_factory=dict)
    backups: dict[str, _Part] = field(default_factory=dict)
    other: list[str] = field(default_factory=list)
    """Lines that are none of the above: `none found`, `No usable backup.info file`, what a newer version adds."""


def command(protection: Protection) -> str:
    """Return the words that every question begins with; Unread without a stanza."""
    if protection.name is None or not STANZA.fullmatch(protection.name):
        raise Unread(f"{protection.id}: its name must be the stanza of pgBackRest")
    words = ["pgbackrest"]
    if protection.config_file is not None:
        words.append(f"--config={protection.config_file}")
    words.append(f"--stanza={protection.name} --repo=1")
    if protection.object_store is None:
        # The place that is traced is the place that is read, whatever the configuration says.
        words.append(f"--repo1-path={protection.repository}")
    return " ".join([*words, "--log-level-file=off --log-level-console=off --log-level-stderr=info"])


def verify(
    protection: Protection, _dataset: Dataset, run: BackupRun, place: str, _earlier: Sequence[Verification] = ()
) -> Asking[Verification]:
    """
    Have the backup host read and hash all that the repository holds, and find the run that is relied on in the report.

    `V4` when it, its parents and the archive came out whole and the log is without a gap; `V4-partial` when only the
    log is not known to be; `V1` when something is damaged or missing; `V0` when nothing was learned. A read that did
    not end in time has not passed: a damaged repository makes it slow. Dated by the start of the reading.
    """
    log: list[Reply] = []
    level, counts = "V0", None
    seen: tuple[str, ...] = ()
    try:
        reply = yield from ask(f"{command(protection)} verify --output=text --verbose", log)
        not_missing(reply, "pgbackrest", "the verification")
        report = _report(protection, text(reply, "the verification"))
        level, seen = "V1", tuple(report.backups)
        counts = _counts(report, run)
        because = _damage(report, run, reply)
        if not because:
            files = every(report.backups[run.id].total, "file")
            whole = f"{files} of backup {run.id} and the archive were read and are whole"
            level = "V4" if run.log is Log.COMPLETE else "V4-partial"
            because = f"{whole}; {run.log_because or 'nothing is known of the log'}"
    except Unread as unread:
        because = f"backup {run.id} could not be read in full: {unread}"
    return Verification(
        protection=protection.id,
        backup=run.id,
        place=place,
        at=log[0].started_at if log else run.finished_at,
        level=level,
        passed=level == "V4",
        because=because,
        counts=counts,
        seen=seen,
        complete=bool(log) and log[-1].state is ReplyState.ANSWERED,
        raw=tuple(reply.digest for reply in log),
    )


def _report(protection: Protection, said: str) -> _Report:
    lines = said.splitlines()
    if len(lines) < 2 or lines[0] != f"stanza: {protection.name}" or not re.fullmatch("status: [a-z]+", lines[1]):
        raise Unread(f"the verification: {shown(said)} is no report on the stanza {protection.name}")
    report = _Report(lines[1].removeprefix("status: "))
    part: _Part | None = None
    for line in lines[2:]:
        if found := ARCHIVE.fullmatch(line):
            part = report.archives[found[1]] = _Part(int(found[2]), int(found[3]))
        elif found := BACKUP.fullmatch(line):
            label, status, total, valid = found[1], found[3], found[4], found[5]
            part = report.backups[label] = _Part(int(total), int(valid), status)
        elif (found := COUNTS.fullmatch(line)) and part is not None and part.counts is None:
            part.counts = tuple(int(each) for each in found.groups())
        else:
            report.other.append(line.strip())
    return report


def _counts(report: _Report, run: BackupRun) -> Counts | None:
    found = report.backups.get(run.id)
    if found is None or found.counts is None:
        return None
    return Counts("files", found.total, found.valid, found.counts[0], sum(found.counts[1:]))


def _damage(report: _Report, run: BackupRun, reply: Reply) -> str:
    """Say what is not whole, and which files the tool named; empty when all is."""
    found = [f"it says {line!r}" for line in report.other[:MOST_NAMED]]
    for label in (run.id, *run.parents):
        if label not in report.backups:
            found.append(f"backup {label} is not among those that were read")
        elif not report.backups[label].whole:
            found.append(f"backup {label} {_spelled(report.backups[label])}")
    if not report.archives:
        found.append("no segment of the log was read")
    found += [f"the archive {name} {_spelled(part)}" for name, part in report.archives.items() if not part.whole]
    if report.status != "ok":
        found.append(f"the status is {report.status}")
    if not found:
        return ""
    named = [line[1] for line in NAMED.finditer(reply.stderr.decode("utf-8", errors="replace"))][:MOST_NAMED]
    return f"backup {run.id} is not whole: " + "; ".join([*found, *named])


def _spelled(part: _Part) -> str:
    if part.counts is None:
        return "came without its counts"
    names = ("missing", "with a wrong checksum", "with a wrong size", "otherwise unreadable")
    told = [f"{count} {name}" for count, name in zip(part.counts, names, strict=True) if count]
    return f"is {part.status}: {part.valid} of {part.total} valid" + (f", {', '.join(told)}" if told else "")
