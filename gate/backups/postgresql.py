"""
PostgreSQL as what opens a restored copy.

In this order: recovered to the end of the log, every table and index checked (pg_amcheck), every row of the database
read (pg_dump), the named tables hashed, the business statements asked, stopped cleanly, every page's checksum read
(pg_checksums demands a stopped cluster). Each has found damage that the others let pass (backup-evidence 3.2).
The rehearsing user owns the copy; PostgreSQL refuses to run as root. The copy's superuser must be `postgres`.
"""

import re

from gate.backups.answers import Asking, Unread, ask, in_any_case, output, shown, text
from gate.backups.examiner import Content, Examiner, Opened, Restored
from gate.backups.postgresql_rows import database_of, psql, read
from gate.backups.postgresql_server import Server, found, halt, reached, start, stop
from gate.evidence import Reply, TableDigest
from gate.inventory import Dataset

RECOVERY, AMCHECK, DUMP, CHECKSUMS = "recovery", "pg_amcheck", "pg_dump", "pg_checksums"
CHECKED = re.compile(r"([0-9]+)/([0-9]+) relations \( *100%\), +([0-9]+)/([0-9]+) pages \( *100%\)")
SCANNED = re.compile(r"Blocks scanned: +([1-9][0-9]*)\nBad checksums: +0\n")


def production(dataset: Dataset) -> Asking[Content]:
    """Read production in full, over the socket of its own host as the user who asks."""
    log: list[Reply] = []
    where = f"-p {dataset.port}" if dataset.port else ""
    tables, problem = yield from read(where, dataset, log)
    if not log:
        raise ValueError(f"{dataset.id}: {problem}")
    return Content(log[-1].finished_at, tables, problem, tuple(reply.digest for reply in log))


def examine(restored: Restored, log: list[Reply]) -> Asking[Opened]:
    """Start, examine, stop; the server is stopped also when something fails in between."""
    opened = Opened()
    try:
        opened = yield from in_any_case(_running(restored, log), lambda: halt(restored.path, log))
    except Unread as unread:
        problem = "; ".join(filter(None, (opened.problem, str(unread))))
        return Opened(opened.tables, ready_at=opened.ready_at, problem=problem)
    return opened


def _running(restored: Restored, log: list[Reply]) -> Asking[Opened]:
    dataset = restored.dataset
    tables: tuple[TableDigest, ...] = ()
    proven: tuple[str, ...] = ()
    examined = [RECOVERY]
    ready_at = None
    try:
        server = yield from found(restored.path, restored.work, log)
        yield from start(server, log)
        ready_at = log[-1].finished_at
        if restored.run.log_stop:
            yield from reached(server, restored.run.log_stop, log)
        database = database_of(dataset)
        guarded = yield from _has_checksums(server, database, log)
        yield from _amcheck(server, log)
        dumped = yield from ask(f"{server.program('pg_dump')} {server.where} --no-sync -f /dev/null {database}", log)
        output(dumped, "reading every row (pg_dump)")
        examined += [AMCHECK, DUMP]
        tables, problem = yield from read(server.where, dataset, log, restored.marks)
        if problem:
            raise Unread(problem)
        proven = yield from _statements(server, dataset, database, log)
        yield from stop(server, log)
        if guarded:
            checked = yield from ask(f"{server.program('pg_checksums')} --check -D {server.data}", log)
            said = text(checked, "the checksums of pages")
            if not SCANNED.search(said):
                raise Unread(f"the checksums of pages: {shown(said)}")
            examined.append(CHECKSUMS)
    except Unread as unread:
        return Opened(tables, ready_at=ready_at, problem=str(unread))
    return Opened(tables, tuple(examined), proven, ready_at)


def _has_checksums(server: Server, database: str, log: list[Reply]) -> Asking[bool]:
    said = text((yield from ask(psql(server.where, database, "SHOW data_checksums"), log)), "page checksums")
    if said not in ("on\n", "off\n"):
        raise Unread(f"page checksums: the server says {shown(said)}")
    return said == "on\n"


def _amcheck(server: Server, log: list[Reply]) -> Asking[None]:
    """Have every table and index of every database checked against each other; all must have been looked at."""
    words = f"{server.where} --all --heapallindexed --install-missing --progress"
    reply = yield from ask(f"{server.program('pg_amcheck')} {words}", log)
    said = text(reply, "pg_amcheck") if reply.exit_status == 0 else ""
    if reply.exit_status not in (0, None):
        words = reply.stdout.decode("utf-8", errors="replace")
        errors = [line.strip() for line in words.splitlines() if "ERROR:" in line]
        first = [line.strip() for line in words.splitlines()[:1]]
        if first:
            raise Unread("pg_amcheck found " + " and ".join(shown(line) for line in [*first, *errors[:1]]))
    output(reply, "pg_amcheck")
    counts = CHECKED.findall(reply.stderr.decode("utf-8", errors="replace"))
    if (
        said
        or not counts
        or counts[-1][0] != counts[-1][1]
        or int(counts[-1][0]) == 0
        or counts[-1][2] != counts[-1][3]
    ):
        raise Unread(f"pg_amcheck did not say that it has looked at everything: {shown(said)}")


def _statements(server: Server, dataset: Dataset, database: str, log: list[Reply]) -> Asking[tuple[str, ...]]:
    proven = []
    for wanted in dataset.statements:
        command = psql(server.where, database, wanted.sql)
        said = text((yield from ask(command, log)), f"the statement {wanted.name}")
        if said != f"{wanted.expect}\n":
            raise Unread(f"the statement {wanted.name} says {shown(said)}, not {wanted.expect}")
        proven.append(wanted.name)
    return tuple(proven)


EXAMINER = Examiner(production, examine, halt)
