"""What a backup tool is to the gate: three generators that ask, and nothing that connects."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gate.backups.answers import Asking
from gate.evidence import BackupReading, BackupRun, Reply, Verification
from gate.inventory import Dataset, Protection


@dataclass(frozen=True)
class Tool:
    """One backup tool; a row of `gate.backups.TOOLS`."""

    catalogue: Callable[[Protection], Asking[BackupReading]]
    """What the repository holds, newest first; what cannot be read is a problem, never left out in silence."""

    verify: Callable[[Protection, Dataset, BackupRun, str, Sequence[Verification]], Asking[Verification]]
    """
    (protection, dataset, run, place, earlier reads of this protection there) → one read of stored bytes.

    The earlier ones tell which part is due where a tool reads by rotating parts.
    """

    restore: Callable[[Protection, Dataset, BackupRun, str, list[Reply]], Asking[str]] | None
    """
    (protection, dataset, run, directory below the scratch, log) → path of what was brought back there.

    Runs as the rehearsing user on the rehearsal host, in a directory that was just made. Raises Unread when the data
    did not come back. None: this tool is never rehearsed by the gate itself.
    """


def reading(
    protection: Protection,
    log: Sequence[Reply],
    runs: Iterable[BackupRun],
    skew: int | None,
    problem: str,
    version: str = "",
    stored: int | None = None,
) -> BackupReading:
    """Return what a catalogue came to, dated by its last reply; `problem` names all that could not be read."""
    return BackupReading(
        protection=protection.id,
        at=log[-1].finished_at,
        runs=tuple(runs),
        clock_skew_s=skew,
        tool_version=version,
        stored=stored,
        problem=problem,
        raw=tuple(reply.digest for reply in log),
    )
