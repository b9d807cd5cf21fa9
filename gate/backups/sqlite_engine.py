"""SQLite as what opens a restored copy: integrity, foreign keys, every row of every table, business statements."""

from gate.backups.answers import Asking, Unread, ask, shown, text
from gate.backups.examiner import Content, Examiner, Opened, Restored
from gate.backups.sqlite_rows import content, read, statement
from gate.evidence import Reply, TableDigest
from gate.inventory import Dataset

INTEGRITY, FOREIGN_KEYS = "integrity_check", "foreign_key_check"


def production(dataset: Dataset) -> Asking[Content]:
    """Read production in full."""
    return (yield from content(dataset.path, dataset.tables, dataset.append_only))


def examine(restored: Restored, log: list[Reply]) -> Asking[Opened]:
    """Open the copy where it lies; nothing has to be started or stopped."""
    copy, dataset = restored.path, restored.dataset
    tables: tuple[TableDigest, ...] = ()
    proven: list[str] = []
    try:
        yield from _consistent(copy, log)
        tables, problem = yield from read(copy, dataset.tables, log, dataset.append_only, restored.marks)
        if problem:
            raise Unread(problem)
        for wanted in dataset.statements:
            said = text((yield from ask(statement(copy, wanted.sql), log)), f"the statement {wanted.name}")
            if said != f"{wanted.expect}\n":
                raise Unread(f"the statement {wanted.name} says {shown(said)}, not {wanted.expect}")
            proven.append(wanted.name)
    except Unread as unread:
        return Opened(tables, problem=str(unread))
    return Opened(tables, (INTEGRITY, FOREIGN_KEYS), tuple(proven))


def _consistent(copy: str, log: list[Reply]) -> Asking[None]:
    """Raise Unread unless SQLite says `ok` and counts no broken foreign key, in so many words."""
    said = text((yield from ask(statement(copy, "PRAGMA integrity_check"), log)), "the integrity check")
    if said != "ok\n":
        raise Unread(f"the integrity check says {shown(said)}")
    # Counted, because the pragma itself is silent when all is well, and silence is no answer.
    count = "SELECT count(*) FROM pragma_foreign_key_check"
    said = text((yield from ask(statement(copy, count), log)), "the foreign key check")
    if said != "0\n":
        raise Unread(f"the foreign key check counts {shown(said)}")


EXAMINER = Examiner(production, examine)
