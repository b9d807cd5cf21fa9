"""What exists and who owns it: sites, arrays, hosts, datasets, protections. Frozen, from config.yaml."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gate import endpoint as spelling
from gate.duration import Duration

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""An identifier of ours: lower case, digits, hyphens; safe in paths, principals and command words."""

HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$")]
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$", max_length=512)]
"""Characters that no shell reads; a path outside the pattern is refused, never escaped."""

TableName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""A table's name that needs no quoting in any engine; it becomes part of a question in SQL."""

Uid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}([0-9a-f]{16})?$")]
"""NAA designator of a volume in lower-case hexadecimal, as VPD page 0x83 tells it of the LUN."""

Iqn = Annotated[str, StringConstraints(pattern=r"^iqn\.\d{4}-\d{2}\.[A-Za-z0-9.:-]{1,200}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Key = TypeVar("Key")
Thing = TypeVar("Thing")


class Frozen(BaseModel):
    """What comes from outside: unknown keys are refused, nothing is edited after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Criticality(StrEnum):
    """How much hurts when the array is lost; the canary is taken from the lowest."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class ArrayFamily(StrEnum):
    """
    Command-line dialects of arrays that the gate can speak, under who makes the arrays.

    A line is added together with its row in `gate.families.FAMILIES`; a test holds the two to each other.
    """

    # Brocade: Fabric OS
    BROCADE_FOS = "brocade-fos"

    # Cisco: NX-OS of the MDS switches
    NXOS_MDS = "nxos-mds"

    # Dell, HPE MSA, Seagate
    DOTHILL = "dothill"

    # Hitachi
    HITACHI_AMS = "hitachi-ams"
    HITACHI_VSP = "hitachi-vsp"

    # HPE: 3PAR, Primera
    THREE_PAR = "3par"

    # IBM
    STORAGE_VIRTUALIZE = "storage-virtualize"

    # NetApp
    ONTAP = "ontap"

    # Oracle: Sun StorageTek
    SUN_STORAGETEK = "sun-storagetek"

    # Pure Storage
    PURITY = "purity"


class HostFamily(StrEnum):
    """Command-line dialects of hosts that the gate can speak."""

    LINUX = "linux"


class BackupTool(StrEnum):
    """Backup tools whose answers the gate can read."""

    SQLITE_COPY = "sqlite-copy"
    RESTIC = "restic"
    BORG = "borg"
    PGBACKREST = "pgbackrest"
    BARMAN = "barman"
    FILE_MANIFEST = "file-manifest"
    S3_OBJECTS = "s3-objects"
    ZFS_SNAPSHOT = "zfs-snapshot"
    ORACLE_RMAN = "oracle-rman"
    REPORT = "report"


class Engine(StrEnum):
    """What holds the data, and can open a restored copy."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    FILES = "files"
    ORACLE = "oracle"


class Medium(StrEnum):
    """What can be the identity of the place where a copy lies (DESIGN 6)."""

    ARRAY = "array"
    APPLIANCE = "appliance"
    OBJECT_SERVICE = "object-service"
    TAPE = "tape"
    DATASTORE = "datastore"


Text = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/@-]{0,199}$")]
"""A word or two of an administrator's: an account, a provider, a network."""


class Plane(Frozen):
    """Who and what can reach a thing besides its data path: fate is shared here too. Declared, never measured."""

    admins: tuple[Text, ...] = ()
    """Accounts that may delete what lies there."""

    identity_provider: Text | None = None
    management_network: Text | None = None
    power: Text | None = None
    fabrics: tuple[Text, ...] = ()


class Ssh(Frozen):
    """Where the command line is reached; the host key is pinned under this host and port."""

    host: HostName
    port: Port = 22

    @property
    def spot(self) -> tuple[str, int]:
        """It in one spelling: what has one spot is one machine."""
        return spelling.address(self.host), self.port


class Bastion(Frozen):
    """A machine over which arrays and hosts are reached; its host key is pinned like theirs."""

    id: Name
    ssh: Ssh
    user: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")] = "jump"
    """Who the gate is there: may open ways to what `permitopen` names, and nothing else."""


ChapName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,222}$")]


class ScratchChap(Frozen):
    """CHAP of a scratch object's target: the names alone; the rest lies in files below the data directory's `keys/`."""

    user: ChapName
    """The name with which the gate logs in."""

    target_user: ChapName | None = None
    """The name with which the target must prove itself in return; none: it proves nothing."""


class Scratch(Frozen):
    """The object on an array into which the gate itself may write known-answer data (promise 3)."""

    portal: HostName
    port: Port = 3260
    target: Iqn
    lun: Annotated[int, Field(ge=0, le=255)]
    blocks: Annotated[int, Field(ge=8, le=2**32)]
    """Length of the range that may be written, in blocks of 512 bytes, from block 0."""

    uid: Uid | None = None
    """Its designator; by it the array's list of volumes shows that it is nobody's data."""

    chap: ScratchChap | None = None
    """Without it the array's masking of the initiator's name is the only boundary."""

    def words(self, array: str) -> str:
        """Spell it in one line, as a sealed plan names it."""
        return f"{array} {self.target} {self.lun} {self.portal}:{self.port} {self.blocks}"


class Backend(Frozen):
    """A storage system behind a virtualiser: the name by which the virtualiser tells of it, and which array it is."""

    name: Text
    array: Name


BEHIND_A_HOST = frozenset({ArrayFamily.HITACHI_AMS, ArrayFamily.HITACHI_VSP, ArrayFamily.SUN_STORAGETEK})
"""Families without a command line of their own: a management host asks them."""

SWITCHES = frozenset({ArrayFamily.BROCADE_FOS, ArrayFamily.NXOS_MDS})
"""Families of what keeps no data and carries the paths to them. What is said of an array holds of a switch, but this:
it is of one fabric, and its scratch object is a LUN of an array, at a portal that is reached over it alone."""

Unit = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]


class Array(Frozen):
    """One array; `serial` is what it must answer when asked who it is."""

    id: Name
    site: Name
    family: ArrayFamily
    model: str
    serial: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{4,64}$")]
    criticality: Criticality
    ssh: Ssh
    upload: Ssh | None = None
    """Where firmware is put by SFTP, if not at `ssh`: port 1022 of its management address for the DotHill family."""

    via: Name | None = None
    """The bastion over which its command line is reached, if it is not reached directly."""

    legacy: bool = False
    """It knows SHA-1 alone: spoken to by the legacy runner (`ssh.legacy_python`), and by nothing else."""

    unit: Unit | None = None
    """
    For an array behind a management host: by which name, address or instance the tool there knows it.

    `ssh` is then the management host, whose key is pinned; that it speaks of the right array is told by the serial.
    """

    scratch: Scratch | None = None
    partner: Name | None = None
    """The array with which it forms an HA or replication pair, if any."""

    addresses: tuple[HostName, ...] = ()
    """Addresses from which it serves files."""

    behind: tuple[Backend, ...] = ()
    """For a virtualiser: every storage system on which it keeps its volumes."""

    plane: Plane = Plane()

    @model_validator(mode="after")
    def _named_at_its_host(self) -> Self:
        if (self.unit is not None) != (self.family in BEHIND_A_HOST):
            needed = "missing: by what name does its management host know it?" if self.unit is None else "not for it"
            raise ValueError(f"unit: {needed} (family {self.family})")
        return self

    @model_validator(mode="after")
    def _of_one_fabric(self) -> Self:
        if self.family in SWITCHES and len(self.plane.fabrics) != 1:
            raise ValueError("plane.fabrics: a switch names the one fabric that it is of")
        return self

    @property
    def fabric(self) -> str:
        """The fabric that a switch is of; empty for an array."""
        return self.plane.fabrics[0] if self.family in SWITCHES else ""

    @property
    def reached_at(self) -> tuple[str, ...]:
        """Addresses and names under which it is reached for anything but files; a switch's portal is an array's."""
        upload = (self.upload.host,) if self.upload else ()
        portal = (self.scratch.portal,) if self.scratch and not self.fabric else ()
        return (self.ssh.host, *upload, *portal)


class Appliance(Frozen):
    """What keeps copies and is no array that the gate can ask: a backup appliance, a tape library, a datastore."""

    id: Name
    site: Name
    medium: Medium
    addresses: tuple[HostName, ...] = ()
    """Addresses from which it serves."""

    target_ports: tuple[Text, ...] = ()
    """Names of its target ports, as VPD page 0x83 of its LUNs tells them; of its own NVMe disks the `subsysnqn`."""

    on_arrays: tuple[Name, ...]
    """Arrays on which it keeps its data; must be said, `[]` for one with disks of its own."""

    plane: Plane = Plane()


class VirtualDisk(Frozen):
    """A disk that a hypervisor gives to a host, and the datastore it lies in. Declared: no guest can measure it."""

    disk: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{1,31}$")]
    datastore: Name


class Host(Frozen):
    """A machine that mounts what arrays offer."""

    id: Name
    site: Name
    family: HostFamily
    ssh: Ssh
    via: Name | None = None
    """Likewise."""

    cluster: Text | None = None
    """The hypervisor cluster it runs on."""

    fabrics: tuple[Text, ...] | None = None
    """The storage networks it hangs on; must be said, `[]` for none, before a switch can be changed."""

    disks: tuple[VirtualDisk, ...] = ()


class RecoveryTool(Frozen):
    """What a recovery needs besides the copies: the gate's own data, a backup catalogue, restore programs."""

    id: Name
    host: Name
    path: AbsolutePath
    mount: AbsolutePath


class Unprotected(Frozen):
    """A volume that needs no backup, and who says so."""

    array: Name
    uid: Uid
    owner: Text
    reason: Annotated[str, StringConstraints(min_length=8, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Maintenance(Frozen):
    """Work that no change of this gate does: on a host, an appliance, an array, a backup tool. Told by people."""

    on: Name
    """The id of a host, appliance, array, protection (its backup software) or recovery tool."""

    opens: AwareDatetime
    closes: AwareDatetime
    reason: Annotated[str, StringConstraints(min_length=8, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError("closes must be after opens")
        return self


class Statement(Frozen):
    """A business statement that must be true of restored data (level V7)."""

    name: Name
    sql: Annotated[str, StringConstraints(pattern=r"^SELECT [^';]{1,500}$")]
    """One question that holds no quote and no semicolon; its answer is one value."""

    expect: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 .:_-]{1,200}$")]


class AppendOnly(Frozen):
    """A table whose rows are only ever added: what it held once, it holds for ever, up to the key it had then."""

    table: TableName
    key: TableName
    """A column of whole numbers that grows with every row, never null."""


class Dataset(Frozen):
    """Data somebody owns, where it lies in production."""

    id: Name
    owner: Name | None = None
    """Who answers for it; a dataset without an owner fails its check."""

    engine: Engine
    host: Name
    path: AbsolutePath
    """The file or directory: a database file, a cluster's data directory, a tree of files."""

    mount: AbsolutePath
    """The mount point it must lie under; another one means that it is not mounted."""

    port: Port | None = None
    """Where a database server listens on its host."""

    database: TableName | None = None
    tables: tuple[TableName, ...] = ()
    """In the order of restoring: the most missed first. Required of databases, none for files."""

    append_only: tuple[AppendOnly, ...] = ()
    """Which of the tables only grow: a restored copy must hold all that any earlier reference held."""

    statements: tuple[Statement, ...] = ()
    tier: Annotated[int, Field(ge=1, le=9)]
    """1 is lost last and restored first; the strictest limits hold for it. Must be said: no number is anybody's."""

    rto: Duration | None = None
    """Recovery time objective: within this it must be usable again."""

    rpo: Duration | None = None
    """Recovery point objective: at most this much may be lost."""

    @model_validator(mode="after")
    def _tables_of_databases(self) -> Self:
        if (self.engine is Engine.FILES) == bool(self.tables):
            raise ValueError("tables: a database names its tables, and files have none")
        if self.engine is Engine.POSTGRESQL and self.database is None:
            raise ValueError("database: a PostgreSQL dataset names the database that holds its tables")
        grow = [one.table for one in self.append_only]
        for number, name in enumerate(grow):
            if name not in self.tables or name in grow[:number]:
                raise ValueError(f'append_only.{number}.table: "{name}" is not one of the tables, or is there twice')
        return self


LOOPBACK = re.compile(r"http://(127(\.[0-9]{1,3}){3}|localhost|\[::1\])(:[0-9]{1,5})?")


def _not_open(endpoint: str) -> str:
    spelling.service(endpoint)  # what cannot be compared with others is refused
    if endpoint.startswith("http:") and not LOOPBACK.fullmatch(endpoint):
        raise ValueError("endpoint: https, since whoever is on the wire could answer in its place")
    return endpoint


Endpoint = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]{1,255}$"), AfterValidator(_not_open)]
"""Scheme, host and port of a service; http on loopback only."""


class Sentinels(Frozen):
    """The place into which the gate itself may write objects, to try whether they can be destroyed (promise 3)."""

    prefix: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*/)+$", max_length=256)]
    retention: Duration = Field(default="1d", validate_default=True)
    """How long a sentinel is locked; afterwards the gate removes it."""


class ObjectStore(Frozen):
    """An S3 service in which copies lie; credentials are files of the data directory, never settings."""

    endpoint: Endpoint
    region: Text = "us-east-1"
    account: Text
    bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{2,62}$")]
    prefix: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*/)*$", max_length=256)] = ""
    on_arrays: tuple[Name, ...]
    """Arrays of this inventory on which the service keeps its data; must be said, `[]` for one outside the fleet."""

    bypass_holders: tuple[Text, ...] | None = None
    """Accounts that may bypass a lock in governance mode; None where nobody has listed them."""

    sentinels: Sentinels | None = None

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.sentinels and self.prefix.startswith(self.sentinels.prefix):
            raise ValueError("sentinels.prefix: the copies lie below it, and there the gate may delete")
        return self


class AppendOnlyServer(Frozen):
    """A server of restic's REST protocol in front of a repository, said to add objects and never to remove any."""

    endpoint: Endpoint
    sentinels: AbsolutePath
    """On the backup host, beside the repository: one of the gate's own, served under its last name (promise 3)."""


class ProductionAccess(Frozen):
    """Production's own account on its host, from which the backup host must not be reachable (IS-05)."""

    account: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
    """Who production runs as on its host; the gate's reading user may run one `ssh … true` as this account."""

    user: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
    """The account on the backup host at which it is tried."""


ReporterKey = Annotated[str, StringConstraints(pattern=r"^ssh-ed25519 [A-Za-z0-9+/]{68}( [!-~]{1,100})?$")]
"""An OpenSSH public key line with which the backup side signs what it reports."""


class Protection(Frozen):
    """A standing arrangement that makes backups of one dataset."""

    id: Name
    dataset: Name
    tool: BackupTool
    host: Name
    """The backup host, over which the repository is read."""

    repository: AbsolutePath | Literal[""] = ""
    """Where the backups lie on it; for an object store, the directory in which the tool keeps its catalogue."""

    mount: AbsolutePath | Literal[""] = ""
    """The mount point it must lie under. Neither is there where the gate itself reads an object store."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$")] | None = None
    """What the tool calls it: stanza (pgBackRest), server (Barman), file system (ZFS), database (RMAN)."""

    config_file: AbsolutePath | None = None
    password_file: AbsolutePath | None = None
    """A file on the backup host with which its tool opens the repository; its content never comes here."""

    read_parts: Annotated[int, Field(ge=1, le=256)] = 1
    """Over how many reads a full read is spread where the tool can read by parts; 1: all at once (BK-04, BK-10)."""

    object_store: ObjectStore | None = None
    append_only_server: AppendOnlyServer | None = None
    medium: Medium = Medium.ARRAY
    plane: Plane = Plane()
    production: ProductionAccess | None = None
    reporters: tuple[ReporterKey, ...] = ()
    """Who may push reports about this protection."""

    rehearsal_host: Name
    rehearsal_scratch: AbsolutePath
    rehearsal_mount: AbsolutePath | None = None
    """The mount point that the scratch lies under; without one nobody can say where restores are rehearsed."""
    rehearsal_every: Duration | None = None
    """How often the gate itself rehearses it, where that differs from the policy."""

    @model_validator(mode="after")
    def _lies_somewhere(self) -> Self:
        objects = self.tool is BackupTool.S3_OBJECTS
        if objects and (self.object_store is None or self.medium is not Medium.OBJECT_SERVICE):
            raise ValueError("object_store: s3-objects names one, and medium: object-service")
        if not objects and not (self.repository and self.mount):
            raise ValueError("repository: every tool but s3-objects has one, and its mount")
        if self.append_only_server is not None:
            here, there = PurePosixPath(self.repository), PurePosixPath(self.append_only_server.sentinels)
            if self.tool is not BackupTool.RESTIC or here.parent != there.parent or here == there:
                raise ValueError("append_only_server: for restic, and its sentinels lie beside the repository")
        return self


class Inventory(Frozen):
    """The whole fleet; every name that is referred to exists, and no name exists twice."""

    sites: Annotated[tuple[Name, ...], Field(min_length=1)]
    arrays: Annotated[tuple[Array, ...], Field(min_length=1)]
    hosts: tuple[Host, ...] = ()
    bastions: tuple[Bastion, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    protections: tuple[Protection, ...] = ()
    appliances: tuple[Appliance, ...] = ()
    recovery_tools: tuple[RecoveryTool, ...] = ()
    gate_on: Name | None = None
    """The appliance on which the gate's own data lie, where the gate's machine cannot tell; declared."""

    unprotected: tuple[Unprotected, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()

    @model_validator(mode="after")
    def _names_resolve(self) -> Self:
        scratches = [array.scratch for array in self.arrays if array.scratch]
        for kind, ids in (
            ("arrays", [array.id for array in self.arrays]),
            ("array serials", [array.serial for array in self.arrays]),
            ("scratch objects", [f"{one.target} LUN {one.lun}" for one in scratches]),
            ("hosts", [host.id for host in self.hosts]),
            ("arrays, hosts and bastions", [*self.reached, *(bastion.id for bastion in self.bastions)]),
            ("datasets", [dataset.id for dataset in self.datasets]),
            ("protections", [protection.id for protection in self.protections]),
            ("arrays and protections", [array.id for array in self.arrays] + [one.id for one in self.protections]),
            ("arrays and appliances", [array.id for array in self.arrays] + [one.id for one in self.appliances]),
            ("recovery_tools", [tool.id for tool in self.recovery_tools]),
            ("unprotected", [volume.uid for volume in self.unprotected]),
        ):
            twice = sorted(name for name, times in Counter(ids).items() if times > 1)
            if twice:
                raise ValueError(f"{kind}: {twice[0]!r} is there twice")
        for place, name, known in self._references():
            if name not in known:
                raise ValueError(f'{place}: "{name}" is not in the inventory')
        return self

    def _references(self) -> list[tuple[str, str, set[str]]]:
        sites, arrays = set(self.sites), {array.id for array in self.arrays}
        hosts, datasets = {host.id for host in self.hosts}, {dataset.id for dataset in self.datasets}
        found = [(f"arrays.{array.id}.site", array.site, sites) for array in self.arrays]
        found += [(f"arrays.{array.id}.partner", array.partner, arrays) for array in self.arrays if array.partner]
        found += [(f"hosts.{host.id}.site", host.site, sites) for host in self.hosts]
        bastions = {bastion.id for bastion in self.bastions}
        found += [(f"arrays.{array.id}.via", array.via, bastions) for array in self.arrays if array.via]
        found += [(f"hosts.{host.id}.via", host.via, bastions) for host in self.hosts if host.via]
        found += [(f"datasets.{dataset.id}.host", dataset.host, hosts) for dataset in self.datasets]
        for protection in self.protections:
            found.append((f"protections.{protection.id}.dataset", protection.dataset, datasets))
            found.append((f"protections.{protection.id}.host", protection.host, hosts))
            found.append((f"protections.{protection.id}.rehearsal_host", protection.rehearsal_host, hosts))
            below = protection.object_store.on_arrays if protection.object_store else ()
            found += [(f"protections.{protection.id}.object_store.on_arrays", name, arrays) for name in below]
        return found + self._references_of_places(sites, arrays, hosts)

    def _references_of_places(
        self, sites: set[str], arrays: set[str], hosts: set[str]
    ) -> list[tuple[str, str, set[str]]]:
        datastores = {one.id for one in self.appliances if one.medium is Medium.DATASTORE}
        found = [(f"appliances.{one.id}.site", one.site, sites) for one in self.appliances]
        found += [(f"appliances.{one.id}.on_arrays", name, arrays) for one in self.appliances for name in one.on_arrays]
        found += [(f"arrays.{one.id}.behind", back.array, arrays) for one in self.arrays for back in one.behind]
        found += [(f"hosts.{one.id}.disks", disk.datastore, datastores) for one in self.hosts for disk in one.disks]
        found += [(f"recovery_tools.{one.id}.host", one.host, hosts) for one in self.recovery_tools]
        found += [("gate_on", self.gate_on, {one.id for one in self.appliances})] if self.gate_on else []
        anything = arrays | hosts | {one.id for one in self.appliances} | {one.id for one in self.protections}
        anything |= {one.id for one in self.recovery_tools}
        found += [(f"maintenance.{number}.on", one.on, anything) for number, one in enumerate(self.maintenance)]
        return found + [(f"unprotected.{one.uid}.array", one.array, arrays) for one in self.unprotected]

    @cached_property
    def _arrays(self) -> Mapping[str, Array]:
        return {array.id: array for array in self.arrays}

    @cached_property
    def _switches(self) -> Mapping[str, tuple[Array, ...]]:
        return _grouped((one.fabric, one) for one in self.arrays if one.fabric)

    @cached_property
    def _hanging(self) -> Mapping[str, tuple[str, ...]]:
        return _grouped((fabric, one.id) for one in self.arrays if not one.fabric for fabric in one.plane.fabrics)

    @cached_property
    def _switch_scratches(self) -> frozenset[str]:
        return frozenset(one.scratch.uid for one in self.arrays if one.fabric and one.scratch and one.scratch.uid)

    @cached_property
    def _hosts(self) -> Mapping[str, Host]:
        return {host.id: host for host in self.hosts}

    @cached_property
    def _at_spot(self) -> Mapping[tuple[str, int], tuple[str, ...]]:
        return _grouped((host.ssh.spot, host.id) for host in self.hosts)

    @cached_property
    def _datasets(self) -> Mapping[str, Dataset]:
        return {dataset.id: dataset for dataset in self.datasets}

    @cached_property
    def _by_dataset(self) -> Mapping[str, tuple[Protection, ...]]:
        return _grouped((protection.dataset, protection) for protection in self.protections)

    @cached_property
    def _appliances(self) -> Mapping[str, Appliance]:
        return {one.id: one for one in self.appliances}

    @cached_property
    def _unprotected(self) -> Mapping[tuple[str, str], Unprotected]:
        return {(one.array, one.uid): one for one in self.unprotected}

    def has_array(self, name: str) -> bool:
        """Whether there is an array of that id."""
        return name in self._arrays

    def appliance(self, name: str) -> Appliance | None:
        """Return the appliance of that id, if there is one."""
        return self._appliances.get(name)

    def no_backup_of(self, array: str, uid: str) -> Unprotected | None:
        """Return who says that a volume needs no backup, if anybody does."""
        return self._unprotected.get((array, uid))

    def array(self, name: str) -> Array:
        """Return the array of that id; KeyError when there is none."""
        return self._arrays[name]

    def carried(self, names: Iterable[str]) -> frozenset[str]:
        """Return these arrays and switches, and with each switch every array that hangs on its fabric."""
        given = frozenset(names)
        fabrics = {self._arrays[name].fabric for name in given if name in self._arrays} - {""}
        return given.union(*(self._hanging.get(fabric, ()) for fabric in fabrics))

    def switches_of(self, fabric: str) -> tuple[Array, ...]:
        """Return the switches of one fabric, in inventory order."""
        return self._switches.get(fabric, ())

    @property
    def reached(self) -> tuple[str, ...]:
        """Ids of everything that has a command line of its own: arrays, then hosts."""
        return (*(array.id for array in self.arrays), *(host.id for host in self.hosts))

    def way(self, name: str) -> tuple[Ssh, Bastion | None]:
        """Return where an array, host or bastion is reached, and the bastion in between; KeyError for another name."""
        for bastion in self.bastions:
            if bastion.id == name:
                return bastion.ssh, None
        one = self._arrays.get(name) or self._hosts[name]
        return one.ssh, next((bastion for bastion in self.bastions if bastion.id == one.via), None)

    def scratch_words(self, *arrays: str) -> tuple[str, ...]:
        """Return where the gate may write on these arrays, as a sealed plan names it; none without a scratch object."""
        found = ((name, self.array(name).scratch) for name in arrays)
        return tuple(scratch.words(name) for name, scratch in found if scratch is not None)

    def scratch_uids(self, array: str) -> frozenset[str]:
        """Return the designators of what the gate may write there: the array's own scratch, and those of switches."""
        own = self._arrays[array].scratch if array in self._arrays else None
        return self._switch_scratches | {own.uid} if own and own.uid else self._switch_scratches

    def host(self, name: str) -> Host:
        """Return the host of that id; KeyError when there is none."""
        return self._hosts[name]

    def names_of(self, name: str) -> frozenset[str]:
        """Return every id under which the inventory has the machine of a host; of anything else its own id."""
        host = self._hosts.get(name)
        return frozenset(self._at_spot[host.ssh.spot] if host else (name,))

    def dataset(self, name: str) -> Dataset:
        """Return the dataset of that id; KeyError when there is none."""
        return self._datasets[name]

    def protections_of(self, dataset: str) -> tuple[Protection, ...]:
        """Return the protections of one dataset, in inventory order."""
        return self._by_dataset.get(dataset, ())


def _grouped(pairs: Iterable[tuple[Key, Thing]]) -> dict[Key, tuple[Thing, ...]]:
    found: dict[Key, list[Thing]] = {}
    for key, thing in pairs:
        found.setdefault(key, []).append(thing)
    return {key: tuple(things) for key, things in found.items()}
