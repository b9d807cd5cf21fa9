"""
A tree of files as what is restored: nothing is opened, every byte is read and every name counted.

There is no engine whose checks could say that the files mean anything: V5 is that all of them can be read, V6 that
they equal a reference. Business statements are questions in SQL, and nothing here could answer one.
"""

from gate.backups.answers import Asking, Unread
from gate.backups.examiner import Content, Examiner, Opened, Restored
from gate.backups.files_tree import digests
from gate.evidence import Reply
from gate.inventory import Dataset

READ = "read_in_full"


def production(dataset: Dataset) -> Asking[Content]:
    """Read production in full where it lies."""
    log: list[Reply] = []
    try:
        tables = yield from digests(dataset.path, log)
    except Unread as unread:
        return Content(log[-1].finished_at, (), str(unread), tuple(reply.digest for reply in log))
    return Content(log[-1].finished_at, tables, "", tuple(reply.digest for reply in log))


def examine(restored: Restored, log: list[Reply]) -> Asking[Opened]:
    """Read the restored tree in full."""
    if restored.dataset.statements:
        return Opened(problem=f"{restored.dataset.id} is files, and no business statement can be asked of files")
    try:
        tables = yield from digests(restored.path, log)
    except Unread as unread:
        return Opened(problem=str(unread))
    return Opened(tables, (READ,))


EXAMINER = Examiner(production, examine)
