"""What opens a restored copy and reads it in full: one row of `gate.backups.EXAMINERS` for each engine."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gate.backups.answers import Asking
from gate.evidence import Reply, TableDigest
from gate.inventory import Dataset


@dataclass(frozen=True)
class Content:
    """What a dataset holds: all tables that were asked for, or why not."""

    at: datetime
    """When the reading had ended: the content is not younger than this."""

    tables: tuple[TableDigest, ...]
    problem: str = ""
    """Empty only when every table was read to its last row."""

    raw: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opened:
    """How far an engine came with a restored copy. Anything that did not hold is a problem."""

    tables: tuple[TableDigest, ...] = ()
    examined: tuple[str, ...] = ()
    """The engine's own checks that passed."""

    statements: tuple[str, ...] = ()
    """Business statements that were true."""

    problem: str = ""


@dataclass(frozen=True)
class Examiner:
    """One engine."""

    content: Callable[[Dataset], Asking[Content]]
    """Production's content now, read on its own host under the read-only credential."""

    examine: Callable[[str, Dataset, str, list[Reply]], Asking[Opened]]
    """
    (path of the restored copy, dataset, a directory below the scratch, log) → how far it came.

    Starts whatever must run, on no network, and stops it in any case, also when an exception is thrown in.
    """
