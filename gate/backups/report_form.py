"""The form of a report that the backup side pushes: one frozen model, published as a JSON Schema."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from gate.canonical import LARGEST_INTEGER
from gate.evidence import Log
from gate.inventory import Frozen, Name, TableName

SCHEMA = "sangate.backup-report/1"

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]
Count = Annotated[int, Field(ge=0, le=LARGEST_INTEGER, strict=True)]


class ReportedBackup(Frozen):
    """The one backup that the report is about."""

    id: Id
    kind: Literal["full", "diff", "incr", "snapshot"] = "full"
    started_at: AwareDatetime
    finished_at: AwareDatetime
    size: Count
    parents: tuple[Id, ...] = ()
    recovery_point_at: AwareDatetime | None = None
    log: Log = Log.UNKNOWN
    """Whether the log up to the recovery point is whole; `not_needed` for copies that need none."""

    error: Annotated[str, StringConstraints(max_length=500)] | None = None
    """The tool's own complaint; empty: none; left out: it does not say."""


class ReportedRead(Frozen):
    """A read of the stored bytes."""

    started_at: AwareDatetime
    finished_at: AwareDatetime
    every_byte_hashed: Annotated[bool, Field(strict=True)]
    unit: Word
    total: Count
    ok: Count
    missing: Count = 0
    damaged: Count = 0
    seen: tuple[Id, ...]
    """Ids of the backups that were read; the one reported on must be among them."""


class ReportedTable(Frozen):
    """Content of one table as the gate digests it."""

    table: TableName
    rows: Count
    digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class ReportedRestore(Frozen):
    """A restore done for proof."""

    host: Name
    started_at: AwareDatetime
    finished_at: AwareDatetime
    opened: Annotated[bool, Field(strict=True)]
    examined: tuple[Word, ...]
    """The engine's own checks that passed."""

    tables: tuple[ReportedTable, ...] = ()


class ReportForm(Frozen):
    """One report, as it is pushed."""

    schema_: Annotated[Literal["sangate.backup-report/1"], Field(alias="schema")]
    id: Id
    protection: Name
    dataset: Name
    array_serial: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{4,64}$")]
    """Of the array on which production lies, as the backup side knows it."""

    reported_at: AwareDatetime
    backup: ReportedBackup
    read: ReportedRead | None = None
    restore: ReportedRestore | None = None


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a report."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ReportForm.model_json_schema(by_alias=True)}
