"""
Facts with source, time, provenance and the digest of the raw reply.

Times are aware UTC datetimes. A field that is None was not found out, and `unknown` says why: nothing here
stands for "fine". Digests read `sha256:` and 64 hexadecimal digits.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gate.canonical import sha256
from gate.endpoint import address
from gate.lazy import lazy
from gate.step import Step

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
    PROMPTED = "prompted"


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

    typed: tuple[tuple[str, str], ...] = ()
    """Prompts that were answered, and what was typed at each."""

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
class Volume:
    """One object that an array offers or could offer."""

    id: str
    name: str
    uid: str
    """NAA designator in lower-case hexadecimal, as VPD page 0x83 tells it of the LUN."""

    size: int
    """Bytes."""

    copy_of: tuple[str, ...] = ()
    """What it is a snapshot, clone or mirror of, as the array says: a designator of its own, or `serial/volume id`
    of a volume on another array."""


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

    volumes: tuple[Volume, ...] | None = None
    """Every volume of the array; None when they were not told."""

    backends: tuple[str, ...] | None = None
    """Names under which a virtualiser knows the arrays behind it; () lies on disks of its own, None was not told."""

    unknown: tuple[str, ...] = ()
    """What could not be read and why."""

    raw: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """One replaceable part as its array lists it; None is not told."""

    what: str
    """A word of gate.change.PartKind."""

    enclosure: str
    slot: str
    place: str
    """How the array names the place in questions about it; empty where it does not."""

    part: str | None
    serial: str | None
    firmware: str | None
    state: str
    well: bool
    """Whether the array says that it serves."""

    ports: tuple[str, ...] = ()
    """Target ports of this part alone; told of one that does not serve, where the array tells whose a port is."""

    troubles: tuple[str, ...] = ()
    """What of the array's `problems` it lays to this part alone, in the same words; () of a part that serves."""

    holds: tuple[str, ...] | None = ()
    """Volumes that go offline without it, as the array answers that question; None: it did not. Of shelf modules."""


@dataclass(frozen=True)
class PartsReading:
    """Every replaceable part of one array."""

    array: str
    at: datetime
    parts: tuple[Part, ...] | None = None
    """None when they were not told; `problem` says why."""

    problem: str = ""
    raw: tuple[str, ...] = ()

    def in_place(self, what: str, enclosure: str, slot: str) -> Part | None:
        """Return the part in that place; None when there is none, or more than one is told."""
        found = [one for one in self.parts or () if (one.what, one.enclosure, one.slot) == (what, enclosure, slot)]
        return found[0] if len(found) == 1 else None

    def partner(self, part: Part) -> Part | None:
        """Return the one other part of the kind in the same enclosure; None when there is not exactly one."""
        found = [
            one
            for one in self.parts or ()
            if (one.what, one.enclosure) == (part.what, part.enclosure) and one.slot != part.slot
        ]
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True)
class Prechecked:
    """What the vendor's own look before an update says of one array, each question with its answer."""

    array: str
    at: datetime
    offered: bool
    """False: the family has no such look that the gate could ask."""

    version: str
    """The version for which it was asked."""

    playbook_sha256: str = ""
    """Of the file that says what is asked; empty where there is none."""

    held: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    """What it holds against the update."""

    unknown: tuple[str, ...] = ()
    """What could not be asked or read, and why."""

    remarks: tuple[str, ...] = ()
    """What it says without holding it against the update, such as warnings: for people to judge."""

    staged: tuple[Step, ...] = ()
    """Questions that need the image on the array; a plan asks them before it applies anything."""

    way_out: str = ""
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
class Identity:
    """Something besides a LUN that a way can end at: an appliance, an object service, a tape library, a datastore."""

    kind: str
    """A word of gate.inventory.Medium."""

    name: str
    """What was measured of it: a serial, or endpoint and account."""

    provenance: Provenance = Provenance.MEASURED
    part: str = ""
    """Which part of it, such as a bucket: no identity of its own, but another one is another place."""

    addresses: tuple[str, ...] = ()
    """Of a service: its host's name, every address of that, and names in the inventory that have one of these."""

    @property
    def words(self) -> str:
        """Spell it with its part."""
        return f"{self.kind}:{self.name} {self.part}".rstrip()


@dataclass(frozen=True)
class Leaf:
    """One LUN that a way ends at, with everything its paths tell of the device that offers it."""

    disks: tuple[str, ...]
    """Kernel names of the disks that are paths to it."""

    lun: str
    """Its NAA from VPD page 0x83, or of a namespace, in lower-case hexadecimal; another name as the kernel's `wwid`."""

    target_ports: tuple[str, ...] = ()
    """Names of the ports it was reached through, from page 0x83; of an NVMe disk in the host its own subsystem."""

    devices: tuple[str, ...] = ()
    """Names of the whole target device, from page 0x83."""

    through: tuple[str, ...] = ()
    """Ports as the host's transport tells them (iSCSI session, FC, NVMe, multipathd): good for "same" alone."""


@dataclass(frozen=True)
class Share:
    """A file share that a way ends at."""

    protocol: str
    """The file system's type: `nfs4`, `cifs` …"""

    server: str
    export: str
    addresses: tuple[str, ...]
    """Every address of the server, as the host itself resolves it and as the mount uses it."""


@dataclass(frozen=True)
class Trace:
    """Where a path on a host really lies."""

    host: str
    path: str
    at: datetime
    hops: tuple[Hop, ...] = ()
    leaves: tuple[Leaf, ...] = ()
    """Every LUN below: a mirror has two, and whatever one of them shares is shared."""

    shares: tuple[Share, ...] = ()
    identities: tuple[Identity, ...] = ()
    """What it lies on where that is no disk; a disk of a hypervisor is `virtual-disk` with host and kernel name."""

    problem: str = ""
    """Why the trace does not reach all it lies on; empty when it does."""

    raw: tuple[str, ...] = ()

    @property
    def lun(self) -> str | None:
        """The designator of the one LUN it lies on; None when it is not known to be one LUN."""
        elsewhere = self.problem or self.shares or self.identities
        return self.leaves[0].lun if len(self.leaves) == 1 and not elsewhere else None

    @property
    def target_ports(self) -> tuple[str, ...]:
        """Target ports of all its LUNs, each once."""
        return tuple(dict.fromkeys(port for leaf in self.leaves for port in leaf.target_ports))

    @property
    def declared(self) -> bool:
        """Whether a step of the way is nobody's measurement."""
        return any(hop.provenance is Provenance.DECLARED for hop in self.hops)

    @lazy
    def names(self) -> frozenset[str]:
        """Every name on the way that another way may have too: LUNs, ports, devices, addresses."""
        found: list[str] = []
        for leaf in self.leaves:
            found += (leaf.lun, *leaf.target_ports, *leaf.devices, *leaf.through)
        return frozenset((*found, *self.addresses))

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address of what serves it, each once and in one spelling; the host's name of a service too."""
        told = (*(one.addresses for one in self.shares), *(one.addresses for one in self.identities))
        return tuple(dict.fromkeys(address(each) for addresses in told for each in addresses))

    @lazy
    def place(self) -> str | None:
        """Where it lies, as one word that changes when it is moved; None when that is not known."""
        if self.problem:
            return None
        if self.lun:
            return self.lun
        found = sorted(leaf.lun for leaf in self.leaves)
        found += sorted(f"{share.server}:{share.export}" for share in self.shares)
        found += sorted(one.words for one in self.identities)
        return " ".join(found) or None


def software_of(protection: str) -> str:
    """Return the key in `Evidence.settled` of the backup software of a protection."""
    return f"the backup software of {protection}"


def maintenance_of(protection: str) -> str:
    """Return the key in `Evidence.settled` of the maintenance that the inventory tells of a protection."""
    return f"the maintenance of {protection}"


OWN_RECORD = "the gate's own record"
"""Key in `Evidence.tools` of the gate's own data directory; no recovery tool of an inventory can be called so."""


class Log(StrEnum):
    """Whether the log between a backup's beginning and its recovery point is whole; computed by the gate."""

    NOT_NEEDED = "not_needed"
    COMPLETE = "complete"
    GAP = "gap"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class BackupRun:
    """One run of a protection as its tool reports it."""

    id: str
    finished_at: datetime
    size: int
    """Bytes of what was backed up, or of what is stored where the tool tells only that."""

    sha256: str = ""
    """Digest that the tool recorded of the whole copy; empty for tools that keep one per part."""

    started_at: datetime | None = None
    """When the tool began to read production; only a reference older than this may be compared (V6)."""

    kind: str = "full"
    """`full`, `diff`, `incr` or `snapshot`."""

    parents: tuple[str, ...] = ()
    """Ids of the backups without which it cannot be restored."""

    recovery_point_at: datetime | None = None
    """The latest moment to which it can bring the data back; None when that is its own end or not known."""

    log_start: str = ""
    """First piece of the log that it needs, as the tool names it: a WAL segment, a sequence."""

    log_stop: str = ""
    """Last piece up to which no piece is missing; a restored copy must have read into it."""

    log: Log = Log.NOT_NEEDED
    log_because: str = ""
    error: str | None = None
    """The tool's own complaint about this run; empty: it says there is none; None: it does not say."""

    files: int | None = None


@dataclass(frozen=True)
class BackupReading:
    """What one protection's repository holds, newest first."""

    protection: str
    at: datetime
    runs: tuple[BackupRun, ...] = ()
    clock_skew_s: int | None = None
    """Backup host's clock minus ours, whole seconds; None when not found out."""

    tool_version: str = ""
    stored: int | None = None
    """Bytes of all that is stored there: how long a full read may take; None where the tool reads one run alone."""

    problem: str = ""
    raw: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counts:
    """What a tool's full or partial read counted, in its own unit, of which there are many (files, packs, chunks)."""

    unit: str
    total: int
    ok: int
    missing: int = 0
    damaged: int = 0


@dataclass(frozen=True)
class Coverage:
    """Which part of what was stored at that time a read covered."""

    bucket: int
    buckets: int
    objects: str
    """Digest of the blob that lists the ids of all objects that existed then, one a line."""

    besides: str = ""
    """Digest of the blob that lists the ids of those read besides the part, because they had newly come."""

    whole_since: datetime | None = None
    """When the oldest of the reads began that together cover every object that existed then; None: they do not."""

    unread: int | None = None
    """How many of those objects no good read has covered; None when not known."""


@dataclass(frozen=True)
class Verification:
    """One read of one backup: stored bytes hashed by the backup host, judged by the gate."""

    protection: str
    backup: str
    place: str
    """Where the repository lay when it was read (Trace.place); a moved repository does not inherit."""

    at: datetime
    level: str
    """`V0` to `V4` of the ladder; `V4` when every byte was read and hashed as recorded and the log is whole."""

    passed: bool
    because: str
    counts: Counts | None = None
    seen: tuple[str, ...] = ()
    """Ids of the backups that the tool says it read; the one relied on must be among them."""

    coverage: Coverage | None = None
    """None when all was read at once; else what `gate.rotation` made of this part and the earlier ones."""

    complete: bool = True
    """False when no read was made or it was cut short: a lock, a deadline, a limit of output, a lost connection."""

    seconds: int | None = None
    """How long the reading took, from `at` on."""

    raw: tuple[str, ...] = ()
    provenance: Provenance = Provenance.MEASURED


@dataclass(frozen=True)
class TableDigest:
    """Content of one table, or of one tree of files: rows (files) and the digest over its ordered full read."""

    table: str
    rows: int
    digest: str
    up_to: str = ""
    """For append-only tables: the highest key that was read, in decimal digits; empty: every row was read."""


@dataclass(frozen=True)
class Reference:
    """Production's content as the gate read it at one moment; kept by the gate as a series."""

    dataset: str
    at: datetime
    tables: tuple[TableDigest, ...]
    raw: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """A restored copy held against one reference."""

    reference_at: datetime
    tables: tuple[str, ...]
    """What was compared: every table, or, with a second and older reference, those that only grow."""

    differing: tuple[str, ...] = ()
    """One sentence for each table that is not equal."""


@dataclass(frozen=True)
class Rehearsal:
    """A restore done for proof: restored, opened, examined, read in full, compared, cleaned up."""

    protection: str
    backup: str
    place: str
    at: datetime
    level: str
    """Highest rung reached: `V5` opened and consistent, `V6` also equal to an earlier reference."""

    passed: bool
    because: str
    seconds: int
    host: str
    reference_at: datetime | None
    tables: tuple[TableDigest, ...] = ()
    restore_s: int | None = None
    """Of `seconds`: until the data were back on disk."""

    recovery_s: int | None = None
    """
    Of `seconds`, after `restore_s`: until the engine had opened them and was consistent.

    The two together are the time that counts against the recovery time objective; the rest is what was examined then.
    """

    compared: tuple[Comparison, ...] = ()
    """With which references, the newest first; `reference_at` is the time of the first."""

    examined: tuple[str, ...] = ()
    """Names of the engine's own checks that passed: `integrity_check`, `pg_amcheck`, `pg_checksums` …"""

    statements: tuple[str, ...] = ()
    """Names of the business statements that were true."""

    raw: tuple[str, ...] = ()
    provenance: Provenance = Provenance.MEASURED


@dataclass(frozen=True)
class Report:
    """What the backup side pushed about one backup, signed by a reporter that the inventory pins."""

    protection: str
    id: str
    array_serial: str
    """Of the array under production, as the backup side told it."""

    place: str
    """Where the repository lay when the report was taken in."""

    at: datetime
    reported_at: datetime
    reporter: str
    """Digest of the public key that signed."""

    run: BackupRun
    verification: Verification | None = None
    rehearsal: Rehearsal | None = None


@dataclass(frozen=True)
class Attempt:
    """One thing that must be refused, tried on the gate's own sentinel."""

    action: str
    """`delete`, `overwrite`, `shorten`, `bypass`."""

    refused: bool | None
    """None when the answer does not tell."""

    answer: str


@dataclass(frozen=True)
class Immutability:
    """What holds a protection's copies fast, as measured with a sentinel of the gate's own."""

    protection: str
    place: str
    at: datetime
    mechanism: str
    """`s3-object-lock`, `append-only-server`, `zfs-hold`, `file-flag`."""

    layer: str
    """`object`, `file`, `volume`, `array`, `offline`; a host's flags are `file`."""

    mode: str = ""
    """`compliance`, `governance`, or the mechanism's own word."""

    retained_until: datetime | None = None
    """Of the oldest object that a restore of the newest backup needs."""

    bypass_holders: tuple[str, ...] | None = None
    clock_skew_s: int | None = None
    attempts: tuple[Attempt, ...] = ()
    problem: str = ""
    raw: tuple[str, ...] = ()
    backup: str = ""
    """The run whose objects `retained_until` is about."""


@dataclass(frozen=True)
class AccessTest:
    """Production's own credential tried against the backup system; it must be refused."""

    protection: str
    at: datetime
    actor: str
    refused: bool | None
    answer: str
    raw: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecordState:
    """Whether the record that the evidence was taken from is whole."""

    at: datetime
    size: int
    """Entries in the ledger when it was looked at."""

    problem: str = ""
    """Why its entries do not hash to its signed head; empty when they do."""

    left_out: tuple[str, ...] = ()
    """Records of backups, rehearsals and trials whose bytes are gone or are not those that were entered."""


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
    references: tuple[Reference, ...] = ()
    immutability: dict[str, Immutability] = field(default_factory=dict)
    """Protection id → the newest test of its immutability."""

    access: dict[str, AccessTest] = field(default_factory=dict)
    """Protection id → production's credential tried against it."""

    tools: dict[str, Trace] = field(default_factory=dict)
    """What a recovery needs besides the copies (the gate itself, catalogues, recovery tools) → where it lies."""

    scratches: dict[str, Trace] = field(default_factory=dict)
    """Protection id → where its restores are rehearsed."""

    settled: dict[str, datetime] = field(default_factory=dict)
    """Array or protection id → since when its firmware, or the place of its repository, was seen as it is now;
    `software_of` a protection → likewise the version of its tool, where that tells one;
    `maintenance_of` a protection → when the last maintenance of it, its host or its storage was to be over."""

    host_keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Host id → fingerprints of the keys pinned for it: with none of them it would not have been asked."""

    prechecks: dict[str, Prechecked] = field(default_factory=dict)
    """Array id → what the vendor's own look says, asked of every target."""

    record: RecordState | None = None
    image: ImageReading | None = None
    parts: dict[str, PartsReading] = field(default_factory=dict)
    """Array id → its parts; asked for where a change replaces one."""
