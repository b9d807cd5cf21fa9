"""
Oracle RMAN: what the V$ views list, and what RESTORE … VALIDATE says of the pieces that a restore would use.

No Oracle database was there to try this on. The shapes come from Oracle's Backup and Recovery Reference (10.2 to 21c)
and from published transcripts; what is marked [M] is from memory. Therefore this tool never reaches `V4` here:
`V4-partial` is the most, whatever was read, and it proves no log. A demand for V4 or a rehearsal is met by a report of
the backup side (docs/backup-reports.md), not by this file.

`RESTORE DATABASE VALIDATE` reads neither archived logs nor control file nor parameter file, so those are asked besides.
CROSSCHECK and PREVIEW read headers and catalogue, BACKUP VALIDATE reads the live files: none of them counts. What
CHECK LOGICAL finds does not make the command fail, so the views of corrupt blocks are asked after it. RMAN- and ORA-
lines count whatever the exit status is: a damaged piece for which another was found ends well.

RMAN and sqlplus take their words from files. `config_file` is a directory on the backup host that holds the three
below, word for word; each is read and compared before it is run. `name` is the instance (ORACLE_SID).
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from gate.backups.answers import Asking, Unread, ask, shown, text
from gate.backups.told import CLOCK, clock, not_future, not_missing
from gate.backups.tool import Tool, reading
from gate.evidence import BackupReading, BackupRun, Counts, Log, Reply, ReplyState, Verification
from gate.inventory import Dataset, Protection
from gate.sentence import every

NEWEST = 10

VALIDATE = """\
RESTORE DATABASE VALIDATE CHECK LOGICAL;
RESTORE ARCHIVELOG ALL VALIDATE;
RESTORE CONTROLFILE VALIDATE;
RESTORE SPFILE VALIDATE;
RESTORE DATABASE PREVIEW;
"""
"""`sangate-validate.rman`. The last one only names what the others have read."""

VALIDATED = 4
"""How many of its commands read content."""

PLAIN = "SET PAGESIZE 0 LINESIZE 2000 TRIMSPOOL ON FEEDBACK OFF HEADING OFF VERIFY OFF ECHO OFF TAB OFF\n"
IN_UTC = (
    "TO_CHAR(SYS_EXTRACT_UTC(FROM_TZ(CAST({} AS TIMESTAMP), TO_CHAR(SYSTIMESTAMP, 'TZH:TZM'))), 'YYYYMMDDHH24MISS')"
)

CATALOGUE = f"""\
WHENEVER SQLERROR EXIT FAILURE
{PLAIN}SELECT 'job|' || session_key || '|' || status || '|' || {IN_UTC.format("start_time")} || '|' ||
 {IN_UTC.format("end_time")} || '|' || input_bytes || '|' || input_type FROM v$rman_backup_job_details
 WHERE start_time > SYSDATE - 30 ORDER BY session_key;
SELECT 'piece|' || session_key || '|' || handle FROM v$backup_piece_details WHERE status = 'A' ORDER BY 1;
SELECT 'end|' || COUNT(*) FROM v$rman_backup_job_details WHERE start_time > SYSDATE - 30;
EXIT
"""  # noqa: S608  nothing is put into it but the constants above
"""`sangate-catalogue.sql`. Names of columns: RC_RMAN_BACKUP_JOB_DETAILS in the reference; the piece's view is [M]."""

CORRUPTION = f"""\
WHENEVER SQLERROR EXIT FAILURE
{PLAIN}SELECT 'corrupt|v$backup_corruption|' || COUNT(*) FROM v$backup_corruption;
SELECT 'corrupt|v$copy_corruption|' || COUNT(*) FROM v$copy_corruption;
SELECT 'corrupt|v$database_block_corruption|' || COUNT(*) FROM v$database_block_corruption;
SELECT 'status|' || operation || '|' || status FROM v$rman_status
 WHERE row_level = 1 AND operation LIKE 'RESTORE%' AND start_time > SYSDATE - 1 AND status <> 'COMPLETED';
SELECT 'end|3' FROM dual;
EXIT
"""  # noqa: S608  likewise
"""`sangate-corruption.sql`. That a validating restore is told as `RESTORE …` in v$rman_status is [M]."""

VIEWS = ("v$backup_corruption", "v$copy_corruption", "v$database_block_corruption")
INSTANCE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,29}")
TROUBLE = re.compile(r"^.*\b((?:RMAN|ORA|SP2)-[0-9]{4,5}\b.*)$", re.MULTILINE)
BANNERS = ("RMAN-00571", "RMAN-00569")
JOB = re.compile(r"job\|([0-9]{1,15})\|([A-Z ]{1,40})\|([0-9]{14})?\|([0-9]{14})?\|([0-9]{0,20})\|([A-Z ]{1,20})")
PIECE = re.compile(r"piece\|([0-9]{1,15})\|([ -~]{1,1000})")
END = re.compile(r"end\|([0-9]{1,9})")
READ, WHOLE = re.compile(r"reading from backup piece (\S+)"), re.compile(r"piece handle=(\S+)")
DATABASE = ("DB FULL", "DB INCR")
"""Kinds of input that hold the whole database; an archived log alone brings nothing back."""


def catalogue(protection: Protection) -> Asking[BackupReading]:
    """Ask what backup jobs of the whole database there were, newest first. The log is not looked at."""
    log: list[Reply] = []
    runs: list[BackupRun] = []
    skew: int | None = None
    problem = ""
    try:
        host_now, skew = clock((yield from ask(CLOCK, log)))
        lines = yield from _run(protection, "sangate-catalogue.sql", CATALOGUE, log)
        runs = sorted(_jobs(lines, host_now, log[-1]), key=lambda run: run.finished_at, reverse=True)[:NEWEST]
    except Unread as unread:
        problem = str(unread)
    return reading(protection, log, runs, skew, problem)


def verify(
    protection: Protection, _dataset: Dataset, run: BackupRun, place: str, _earlier: Sequence[Verification] = ()
) -> Asking[Verification]:
    """
    Have RMAN read what a restore would use, and ask the views of corrupt blocks afterwards.

    `V4-partial` at most, and so never passed (see above); `V1` when something is damaged or the run that is relied on
    was not among what was read; `V0` when nothing was learned. Dated by the start of the reading.
    """
    log: list[Reply] = []
    level, counts = "V0", None
    seen: tuple[str, ...] = ()
    try:
        lines = yield from _run(protection, "sangate-catalogue.sql", CATALOGUE, log)
        pieces = {found[2] for line in lines if (found := PIECE.fullmatch(line)) and found[1] == run.id}
        said = yield from _validated(protection, log)
        level = "V1"
        read, whole = set(READ.findall(said)), set(WHOLE.findall(said))
        counts = Counts("pieces", len(read), len(read & whole), len(read - whole))
        _no_trouble(said)
        if not read or read != whole:
            raise Unread(f"{len(read & whole)} of {len(read)} pieces were read to their end")
        if not pieces & read:
            raise Unread("none of its pieces is among those that a restore would use")
        seen = (run.id,)
        _no_corruption((yield from _run(protection, "sangate-corruption.sql", CORRUPTION, log)))
        level = "V4-partial"
        pieces_read = every(len(read), "piece")
        because = f"RMAN has read {pieces_read} of a restore of {run.id}; that its log is whole is not proven here"
    except Unread as unread:
        because = f"backup {run.id} could not be read in full: {unread}"
    return Verification(
        protection=protection.id,
        backup=run.id,
        place=place,
        at=log[0].started_at if log else run.finished_at,
        level=level,
        passed=False,
        because=because,
        counts=counts,
        seen=seen,
        complete=bool(log) and all(reply.state is ReplyState.ANSWERED for reply in log),
        raw=tuple(reply.digest for reply in log),
    )


def _place(protection: Protection) -> tuple[str, str]:
    if protection.name is None or not INSTANCE.fullmatch(protection.name):
        raise Unread(f"{protection.id}: its name must be the instance of the database")
    if protection.config_file is None:
        raise Unread(f"{protection.id}: its config_file must be the directory of the gate's words for RMAN")
    words = f"env ORACLE_SID={protection.name} NLS_LANG=AMERICAN_AMERICA.AL32UTF8"
    return words, protection.config_file


def _same(directory: str, file: str, expected: str, log: list[Reply]) -> Asking[str]:
    """Return the path of a file that holds exactly the words that are in this module."""
    path = f"{directory}/{file}"
    if text((yield from ask(f"cat {path}", log)), path) != expected:
        raise Unread(f"{path} does not hold the words that the gate knows; it was not run")
    return path


def _run(protection: Protection, file: str, expected: str, log: list[Reply]) -> Asking[list[str]]:
    """Have sqlplus run a file; its lines, complete to the last."""
    words, directory = _place(protection)
    path = yield from _same(directory, file, expected, log)
    reply = yield from ask(f"{words} sqlplus -S -L / @{path}", log)
    not_missing(reply, "sqlplus", file)
    said = text(reply, file)
    _no_trouble(said)
    lines = [line for line in said.splitlines() if line]
    if not lines or not END.fullmatch(lines[-1]):
        raise Unread(f"{file}: the answer of {reply.target} is not complete")
    return lines


def _validated(protection: Protection, log: list[Reply]) -> Asking[str]:
    words, directory = _place(protection)
    path = yield from _same(directory, "sangate-validate.rman", VALIDATE, log)
    reply = yield from ask(f"{words} rman target / cmdfile={path}", log)
    not_missing(reply, "rman", "the validation")
    if reply.state is ReplyState.ANSWERED and reply.exit_status == 1:
        _no_trouble(reply.stdout.decode("utf-8", errors="replace"))
    said = text(reply, "the validation")
    if min(said.count("Starting restore at "), said.count("Finished restore at ")) < VALIDATED:
        _no_trouble(said)
        raise Unread("the validation: not every command has begun and ended")
    if not said.rstrip().endswith("Recovery Manager complete."):
        raise Unread("the validation: RMAN did not say that it is complete")
    return said


def _no_trouble(said: str) -> None:
    found = [line.strip() for line in TROUBLE.findall(said) if not line.startswith(BANNERS)]
    if found:
        raise Unread("RMAN says " + " and ".join(shown(line) for line in found[:3]))


def _no_corruption(lines: list[str]) -> None:
    counts = {view: f"corrupt|{view}|0" in lines for view in VIEWS}
    told = [line for line in lines if line.startswith("corrupt|") and not line.endswith("|0")]
    told += [line for line in lines if line.startswith("status|")]
    if told:
        raise Unread("the views say " + ", ".join(shown(line) for line in told[:3]))
    if not all(counts.values()):
        raise Unread("the views of corrupt blocks did not all answer")


def _jobs(lines: list[str], host_now: datetime, reply: Reply) -> Iterator[BackupRun]:
    """Read the jobs of the whole database; one that is under way is none yet."""
    told = [line for line in lines if line.startswith("job|")]
    if END.fullmatch(lines[-1]) is None or lines[-1] != f"end|{len(told)}":
        raise Unread("the list of jobs is not complete")
    for line in told:
        found = JOB.fullmatch(line)
        if found is None:
            raise Unread(f"the list of jobs holds {shown(line)}")
        key, status, start, end, size, kind = found.groups()
        if kind not in DATABASE or status.startswith("RUNNING"):
            continue
        if not (start and end and size):
            raise Unread(f"the job {key} is told without its times or its size")
        started, finished = _moment(start, key), _moment(end, key)
        yield BackupRun(
            id=key,
            finished_at=not_future(finished, host_now, reply, f"job {key}"),
            size=int(size),
            started_at=started,
            kind="full" if kind == "DB FULL" else "incr",
            log=Log.UNKNOWN,
            log_because="the log that RMAN needs is not counted by the gate",
            error="" if status == "COMPLETED" else f"its status is {status}",
        )


def _moment(said: str, key: str) -> datetime:
    try:
        return datetime.strptime(said, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise Unread(f"the job {key} is told with a time that is none: {error}") from error


TOOL = Tool(catalogue, verify, None)
