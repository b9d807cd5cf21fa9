"""What a rehearsal is doing, as one sentence for whoever watches, told by the question that it puts next."""

import re

SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (r"^mkdir -m 700 [^ ]+$", "making a place for the copy"),
        (r"^pgbackrest .* restore$", "pgBackRest brings the backup back"),
        (r"^barman .* recover ", "Barman brings the backup back"),
        (r"^restic .* restore ", "restic brings the backup back"),
        (r"^borg .*extract ", "borg brings the backup back"),
        (r"^cp ", "the backup is copied back"),
        (r"/pg_ctl start ", "the server starts and reads the log to its end"),
        (r"/pg_amcheck ", "every table and index is checked against each other"),
        (r"/pg_dump ", "every row of the database is read"),
        (r'each_row.* FROM "[a-z0-9_]+"."(?P<table>[a-z0-9_]+)"', "{table} is read and hashed"),
        (r'line FROM .* FROM "(?P<table>[a-z0-9_]+)"', "{table} is read"),
        (r"PRAGMA integrity_check", "the whole file is checked"),
        (r"/pg_ctl stop ", "the server is stopped"),
        (r"/pg_checksums ", "the checksum of every page is read"),
        (r"^rm -rf [^ ]+$", "the copy is removed"),
    )
)
"""Pattern of a command → sentence; the first that fits. What is not here goes by in silence."""


def telling(command: str) -> str:
    """Return the sentence, or nothing."""
    for pattern, sentence in SENTENCES:
        found = pattern.search(command)
        if found:
            return sentence.format(**found.groupdict())
    return ""
