"""
Facts with source, time, provenance and the digest of the raw reply.

Times are aware UTC datetimes. A field that is None was not found out, and `unknown` says why: nothing here
stands for "fine". Digests read `sha256:` and 64 hexadecimal digits.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gate.canonical import sha256

CONTROLS = frozenset(map(chr, [*range(32), *range(0x7F, 0xA0)])) - set("\t\r\n")
"""What no reply may hold: C0 but for line ends and tabs, DEL, C1 (ECMA-48)."""


class Provenance(StrEnum):
    """How a fact came to us, strongest first."""

    MEASURED = "measured"
    TOOL_REPORTED = "tool_reported"
    INVENTORY = "inventory"
    DECLARED = "declared"


class ReplyState(StrEnum):
    """How the asking ended; only `answered` may be read."""

    ANSWERED = "answered"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    TOO_LONG = "too_long"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Reply:
    """What one target answered to one command, exactly; hostile until read."""

    target: str
    command: str
    state: ReplyState
    started_at: datetime
    finished_at: datetime
    exit_status: int | None = None
    """None when the command never finished or the status was lost: not zero, not one."""

    stdout: bytes = b""
    stderr: bytes = b""
    problem: str = ""
    """Why it is not `answered`, in one sentence."""

    @property
    def digest(self) -> str:
        """Digest over the raw standard output."""
        return sha256(self.stdout)

    def text(self) -> str:
        """Standard output as text; ValueError when it is not UTF-8 or holds control characters but TAB, CR, LF."""
        text = self.stdout.decode("utf-8", errors="strict")
        if any(char in CONTROLS for char in text):
            raise ValueError("control characters in the reply")
        return text


@dataclass(frozen=True)
class ArrayReading:
    """Who an array says it is, what it runs, and whether it is well."""

    array: str
    at: datetime
    serial: str | None = None
    model: str | None = None
    version: str | None = None
    """Running version such as `8.6.0.3`; None also when its controllers disagree."""

    target_ports: tuple[str, ...] = ()
    """iSCSI names of its ports, as the array itself tells them."""

    update_state: str | None = None
    """`idle` or the vendor's word for what is going on."""

    problems: tuple[str, ...] | None = None
    """What is wrong with controllers, paths, RAID; () is well, None is not known."""

    unknown: tuple[str, ...] = ()
    """What could not be read and why."""

    raw: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hop:
    """One step of the way from a path to an array."""

    kind: str
    """`host`, `mount`, `lvm`, `mpath`, `disk`, `array`."""

    name: str
    detail: str = ""
    provenance: Provenance = Provenance.MEASURED


@dataclass(frozen=True)
class Trace:
    """Where a path on a host really lies."""

    host: str
    path: str
    at: datetime
    hops: tuple[Hop, ...] = ()
    lun: str | None = None
    """NAA designator of the disk's LUN, from VPD page 0x83."""

    target_ports: tuple[str, ...] = ()
    """Target port names of the disk, from VPD page 0x83; () when not found out."""

    problem: str = ""
    """Why the trace does not reach a disk; empty when it does."""

    raw: tuple[str, ...] = ()


@dataclass(frozen=True)
class BackupRun:
    """One run of a protection as its tool reports it."""

    id: str
    finished_at: datetime
    size: int
    sha256: str
    """Digest that the tool recorded when it made the copy."""

    started_at: datetime | None = None
    """When the tool began to read production; only a reference older than this may be compared (V6)."""


@dataclass(frozen=True)
class BackupReading:
    """What one protection's repository holds, newest first."""

    protection: str
    at: datetime
    runs: tuple[BackupRun, ...] = ()
    clock_skew_s: int | None = None
    """Backup host's clock minus ours, whole seconds; None when not found out."""

    problem: str = ""
    raw: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verification:
    """One full read of one backup: every stored byte hashed by the backup host, compared by the gate."""

    protection: str
    backup: str
    repository_lun: str
    """LUN on which the repository lay when it was read; a moved repository does not inherit."""

    at: datetime
    level: str
    """`V4` when every byte was read and hashed as recorded."""

    passed: bool
    because: str
    raw: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableDigest:
    """Content of one table: rows and the digest over its ordered full read."""

    table: str
    rows: int
    digest: str


@dataclass(frozen=True)
class Reference:
    """Production's content as the gate read it at one moment; kept by the gate as a series."""

    dataset: str
    at: datetime
    tables: tuple[TableDigest, ...]
    raw: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rehearsal:
    """A restore done for proof: restored, opened, examined, read in full, compared, cleaned up."""

    protection: str
    backup: str
    repository_lun: str
    at: datetime
    level: str
    """Highest rung reached: `V5` opened and consistent, `V6` also equal to an earlier reference."""

    passed: bool
    because: str
    seconds: int
    host: str
    reference_at: datetime | None
    tables: tuple[TableDigest, ...] = ()
    raw: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageReading:
    """The firmware image as it lies on disk now."""

    path: str
    at: datetime
    sha256: str | None = None
    size: int | None = None
    problem: str = ""


@dataclass(frozen=True)
class Evidence:
    """Everything one verdict was made from."""

    at: datetime
    arrays: dict[str, ArrayReading] = field(default_factory=dict)
    datasets: dict[str, Trace] = field(default_factory=dict)
    """Dataset id → where production lies."""

    repositories: dict[str, Trace] = field(default_factory=dict)
    """Protection id → where its repository lies."""

    backups: dict[str, BackupReading] = field(default_factory=dict)
    verifications: tuple[Verification, ...] = ()
    rehearsals: tuple[Rehearsal, ...] = ()
    image: ImageReading | None = None
