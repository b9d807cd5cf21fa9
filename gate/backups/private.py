"""Which answers hold people's data: of these only the digest is kept, and reading them takes time and room."""

from gate.backups.files_tree import holds_names
from gate.backups.sqlite_rows import holds_rows


def holds_data(command: str) -> bool:
    """Say whether the answer to this command is people's data: rows of their tables, names of their files."""
    return holds_rows(command) or holds_names(command)
