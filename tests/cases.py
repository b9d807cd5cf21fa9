"""
Builders of what the rules are given: a small fleet and a case in which every check passes at noon.

A test takes the good case and spoils one thing. Everything is loopback-free and clock-free: values only.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from gate.change import (
    AllowedImage,
    AllowedPart,
    ChangeRequest,
    Image,
    Kind,
    NewPart,
    OldPart,
    PartKind,
    Plan,
    Purpose,
    Replacement,
    RestorePlan,
    RestoreTier,
    Stage,
    Target,
    Window,
)
from gate.checks import EXPECTED
from gate.checks.case import Case, OtherChange
from gate.evidence import (
    OWN_RECORD,
    AccessTest,
    ArrayReading,
    Attempt,
    BackupReading,
    BackupRun,
    Comparison,
    Counts,
    Evidence,
    Identity,
    ImageReading,
    Immutability,
    Leaf,
    Part,
    PartsReading,
    Prechecked,
    RecordState,
    Rehearsal,
    TableDigest,
    Trace,
    Verification,
    Volume,
)
from gate.finding import Finding
from gate.inventory import (
    Array,
    ArrayFamily,
    BackupTool,
    Criticality,
    Dataset,
    Engine,
    Host,
    HostFamily,
    Inventory,
    Medium,
    ObjectStore,
    Plane,
    ProductionAccess,
    Protection,
    RecoveryTool,
    Scratch,
    Ssh,
)
from gate.policy import ApprovalKind, Policy, Seat
from gate.step import Step

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
Made = TypeVar("Made")
DIGEST = "sha256:" + "a" * 64
OTHER_DIGEST = "sha256:" + "b" * 64
MODEL, VERSION, RELEASED = "LAB-FS5", "8.6.0.3", "8.7.0.4"
TABLES = ("contacts", "notes")
SERIALS = {
    "east-1": "0000020420E00011",
    "east-2": "0000020420E00012",
    "west-1": "0000020420E00021",
    "vault-1": "0000020420E00031",
}
DATA_LUN, VAULT_LUN = "600507680000000000000000000000a1", "600507680000000000000000000000b1"
SCRATCH_LUN, TOOLS_LUN = "600507680000000000000000000000b8", "600507680000000000000000000000b2"
OWN_LUN = "600507680000000000000000000000b3"
SERVICE, SERVICE_AT = "https://objects.example offsite", ("objects.example", "198.51.100.7")
BUCKET = f"{SERVICE} copies"
LOGIN = "sidekick of db-1 as backup of bk-1 (db-1.example:22 to bk-1.example:22)"
"""As whom production's login is tried at the backup host of this fleet, as a record tells it."""


def port(array: str, node: int = 1) -> str:
    return f"iqn.1986-03.com.ibm:2145.{array}.node{node}"


def plane(admins: str, provider: str, place: str, **fields: Any) -> Plane:
    given: dict[str, Any] = {
        "admins": (admins,),
        "identity_provider": provider,
        "management_network": f"mgmt-{place}",
        "power": f"{place}-hall",
        "fabrics": (f"{place}-a", f"{place}-b"),
    }
    return Plane(**{**given, **fields})


def array(name: str, criticality: Criticality = Criticality.HIGH, **fields: Any) -> Array:
    site = name.split("-", maxsplit=1)[0]
    given: dict[str, Any] = {
        "id": name,
        "site": "west" if site == "vault" else site,
        "family": ArrayFamily.STORAGE_VIRTUALIZE,
        "model": MODEL,
        "serial": SERIALS.get(name, f"SERIAL-{name}"),
        "criticality": criticality,
        "ssh": Ssh(host="127.0.0.1"),
        "scratch": Scratch(portal="127.0.0.1", target=port(name), lun=9, blocks=4096),
        "plane": plane("vault-operations", "backup-directory", site)
        if site == "vault"
        else plane("storage-operations", "corporate", site),
    }
    return Array(**{**given, **fields})


def host(name: str, site: str) -> Host:
    return Host(id=name, site=site, family=HostFamily.LINUX, ssh=Ssh(host=f"{name}.example"))


def dataset(name: str = "sidekick", **fields: Any) -> Dataset:
    given: dict[str, Any] = {
        "id": name,
        "engine": Engine.SQLITE,
        "host": "db-1",
        "path": f"/data/{name}.db",
        "mount": "/data",
        "tables": TABLES,
        "owner": "messaging",
        "tier": 2,
        "rto": "4h",
        "rpo": "24h",
    }
    return Dataset(**{**given, **fields})


def protection(name: str = "nightly", of: str = "sidekick", **fields: Any) -> Protection:
    given: dict[str, Any] = {
        "id": name,
        "dataset": of,
        "tool": BackupTool.SQLITE_COPY,
        "host": "bk-1",
        "repository": f"/backup/{name}",
        "mount": "/backup",
        "rehearsal_host": "bk-1",
        "rehearsal_scratch": "/scratch/rehearsal",
        "rehearsal_mount": "/scratch",
        "production": ProductionAccess(account="sidekick", user="backup"),
        "plane": plane("backup-operations", "backup-directory", "vault"),
    }
    return Protection(**{**given, **fields})


def object_store(**fields: Any) -> ObjectStore:
    given: dict[str, Any] = {"endpoint": "https://objects.example", "account": "offsite", "bucket": "copies"}
    return ObjectStore(**{**given, "on_arrays": (), **fields})


def offsite(name: str = "offsite", of: str = "sidekick", **fields: Any) -> Protection:
    """The second copy, in an object service that locks what it holds."""
    given: dict[str, Any] = {
        "tool": BackupTool.S3_OBJECTS,
        "medium": Medium.OBJECT_SERVICE,
        "object_store": object_store(),
        "plane": plane("object-operations", "object-directory", "offsite"),
    }
    return protection(name, of, **{**given, **fields})


def recovery_tool(name: str = "desk") -> RecoveryTool:
    return RecoveryTool(id=name, host="bk-1", path="/recovery/desk", mount="/recovery")


def fleet(
    arrays: tuple[Array, ...] = (),
    datasets: tuple[Dataset, ...] | None = None,
    protections: tuple[Protection, ...] | None = None,
) -> Inventory:
    """East-1 carries the data, vault-1 the repository; east-2 and west-1 are there to be chosen."""
    return Inventory(
        sites=("east", "west"),
        arrays=arrays
        or (
            array("east-1", Criticality.CRITICAL),
            array("east-2"),
            array("west-1"),
            array("vault-1", Criticality.CRITICAL),
        ),
        hosts=(host("db-1", "east"), host("bk-1", "west")),
        datasets=(dataset(),) if datasets is None else datasets,
        protections=(protection(), offsite()) if protections is None else protections,
        recovery_tools=(recovery_tool(),),
    )


def policy(**fields: Any) -> Policy:
    given: dict[str, Any] = {
        "backup_max_age": "24h",
        "verification_max_age": "24h",
        "rehearsal_max_age": "7d",
        "tier1_rehearsal_max_age": "24h",
        "full_read_max_age": "30d",
        "large_backup": 10**13,
        "recovery_point_floor": "15m",
        "count_drop_max_percent": 5,
        "size_drop_max_percent": 20,
        "size_rise_max_percent": 100,
        "restore_time_warn_percent": 80,
        "old_reference_min_age": "7d",
        "retention_margin": "14d",
        "copies_min": 2,
        "sentinel_max_age": "24h",
        "rehearsal_every": "1d",
        "evidence_max_age": "15m",
        "clock_skew_max": "60s",
        "approval_lifetime": "8h",
        "approvals": ApprovalKind.SIGNED,
        "seats": (Seat.STORAGE, Seat.DATA_OWNER),
        "waiver_seats": (Seat.DATA_OWNER, Seat.CHANGE_MANAGER),
        "waiver_lifetime": "72h",
        "permit_lifetime": "5m",
        "settle": "30s",
        "escort_within": "10m",
        "escort_for": "changes",
        "soak": "30m",
        "probe_interval": "5m",
        "latency_deadline": "2s",
        "latency_points_min": 5,
        "latency_increase_max_percent": 50,
        "latency_increase_floor_us": 200,
    }
    return Policy(**{**given, **fields})


def reading(name: str, **fields: Any) -> ArrayReading:
    """A well, idle array as it answered a minute ago."""
    given: dict[str, Any] = {
        "array": name,
        "at": NOON - timedelta(minutes=1),
        "serial": SERIALS.get(name, f"SERIAL-{name}"),
        "model": MODEL,
        "version": VERSION,
        "target_ports": (port(name, 1), port(name, 2)),
        "update_state": "idle",
        "problems": (),
        "backends": (),
        "raw": (DIGEST,),
    }
    return ArrayReading(**{**given, **fields})


def leaf(on: str, lun: str, **fields: Any) -> Leaf:
    return Leaf(**{"disks": ("sdb",), "lun": lun, "target_ports": (port(on),), **fields})


def trace(on: str, lun: str, target_ports: tuple[str, ...] | None = None, **fields: Any) -> Trace:
    """One LUN reached through the array's first port, or through those given."""
    given: dict[str, Any] = {
        "host": "db-1",
        "path": "/data",
        "at": NOON - timedelta(minutes=1),
        "leaves": (leaf(on, lun, **({} if target_ports is None else {"target_ports": target_ports})),),
        "raw": (DIGEST,),
    }
    return Trace(**{**given, **fields})


def service(name: str = SERVICE, **fields: Any) -> Identity:
    given: dict[str, Any] = {"part": "copies", "addresses": SERVICE_AT}
    return Identity(Medium.OBJECT_SERVICE.value, name, **{**given, **fields})


def bucket(**fields: Any) -> Trace:
    given: dict[str, Any] = {
        "host": "bk-1",
        "path": "/offsite",
        "at": NOON - timedelta(minutes=1),
        "identities": (service(),),
        "raw": (DIGEST,),
    }
    return Trace(**{**given, **fields})


def run(
    name: str = "20261122T100000Z", age: timedelta = timedelta(hours=2), size: int = 4096, **fields: Any
) -> BackupRun:
    given: dict[str, Any] = {"started_at": NOON - age - timedelta(minutes=1), "error": ""}
    return BackupRun(name, NOON - age, size, DIGEST, **{**given, **fields})


OLDER = run("20261121T010000Z", timedelta(hours=35))
"""The run that was rehearsed."""


def backups(of: str = "nightly", **fields: Any) -> BackupReading:
    given: dict[str, Any] = {
        "protection": of,
        "at": NOON - timedelta(minutes=1),
        "runs": (run(), OLDER),
        "clock_skew_s": 0,
        "raw": (DIGEST,),
    }
    return BackupReading(**{**given, **fields})


def verification(age: timedelta = timedelta(hours=1), **fields: Any) -> Verification:
    given: dict[str, Any] = {
        "protection": "nightly",
        "backup": "20261122T100000Z",
        "place": VAULT_LUN,
        "at": NOON - age,
        "level": "V4",
        "passed": True,
        "because": "all 4096 bytes hash as recorded",
        "counts": Counts("files", 1, 1),
        "seen": (str(fields.get("backup", "20261122T100000Z")),),
        "raw": (DIGEST,),
    }
    return Verification(**{**given, **fields})


def rehearsal(age: timedelta = timedelta(days=1), **fields: Any) -> Rehearsal:
    given: dict[str, Any] = {
        "protection": "nightly",
        "backup": "20261121T010000Z",
        "place": VAULT_LUN,
        "at": NOON - age,
        "level": "V6",
        "passed": True,
        "because": "equal to the reference",
        "seconds": 12,
        "host": "bk-1",
        "reference_at": NOON - age - timedelta(hours=12),
        "tables": tuple(TableDigest(name, 10, DIGEST) for name in TABLES),
        "restore_s": 8,
        "recovery_s": 2,
        "compared": (Comparison(NOON - age - timedelta(hours=12), TABLES),),
        "raw": (DIGEST,),
    }
    return Rehearsal(**{**given, **fields})


def immutability(of: str = "offsite", **fields: Any) -> Immutability:
    given: dict[str, Any] = {
        "protection": of,
        "place": bucket().place,
        "at": NOON - timedelta(hours=1),
        "mechanism": "s3-object-lock",
        "layer": "object",
        "mode": "compliance",
        "retained_until": NOON + timedelta(days=60),
        "clock_skew_s": 0,
        "attempts": tuple(Attempt(action, True, "403") for action in ("delete", "overwrite", "shorten", "bypass")),
        "raw": (DIGEST,),
        "backup": run().id,
    }
    return Immutability(**{**given, **fields})


def access(of: str, **fields: Any) -> AccessTest:
    given: dict[str, Any] = {"at": NOON - timedelta(hours=1), "actor": LOGIN, "refused": True, "answer": "403"}
    return AccessTest(of, **{**given, **fields, "raw": (DIGEST,)})


def image_reading(**fields: Any) -> ImageReading:
    given: dict[str, Any] = {
        "path": "/images/lab-8.7.0.4.img",
        "at": NOON - timedelta(minutes=1),
        "sha256": DIGEST,
        "size": 4096,
    }
    return ImageReading(**{**given, **fields})


def prechecked(name: str, **fields: Any) -> Prechecked:
    given: dict[str, Any] = {
        "at": NOON - timedelta(minutes=1),
        "offered": True,
        "version": RELEASED,
        "playbook_sha256": DIGEST,
        "held": ("test-utility: errors 0",),
        "way_out": "Put the utility on the array.",
        "raw": (DIGEST,),
    }
    return Prechecked(name, **{**given, **fields})


NAMES = ("nightly", "offsite")
HOST_KEYS = {"db-1": ("SHA256:key-of-db-1",), "bk-1": ("SHA256:key-of-bk-1", "SHA256:older-key-of-bk-1")}


def second(make: Callable[..., Made], **fields: Any) -> Made:
    """The same record of the second copy."""
    return make(protection="offsite", place=bucket().place, **fields)


def evidence(**fields: Any) -> Evidence:
    given: dict[str, Any] = {
        "at": NOON,
        "arrays": {name: reading(name) for name in SERIALS},
        "datasets": {"sidekick": trace("east-1", DATA_LUN)},
        "repositories": {
            "nightly": trace("vault-1", VAULT_LUN, host="bk-1", path="/backup"),
            "offsite": bucket(),
        },
        "backups": {"nightly": backups(), "offsite": backups("offsite")},
        "verifications": (verification(), second(verification)),
        "rehearsals": (rehearsal(), second(rehearsal)),
        "immutability": {"offsite": immutability()},
        "access": {name: access(name) for name in ("nightly", "offsite")},
        "tools": {
            "desk": trace("vault-1", TOOLS_LUN, host="bk-1", path="/recovery/desk"),
            OWN_RECORD: trace("vault-1", OWN_LUN, host="the gate's machine", path="/srv/sangate"),
        },
        "scratches": {name: trace("vault-1", SCRATCH_LUN, host="bk-1", path="/scratch") for name in NAMES},
        "settled": dict.fromkeys((*SERIALS, *NAMES), NOON - timedelta(days=30)),
        "prechecks": {name: prechecked(name) for name in ("east-1", "east-2")},
        "record": RecordState(NOON - timedelta(minutes=1), 100),
        "image": image_reading(),
        "host_keys": HOST_KEYS,
    }
    told = {**given, **fields}
    if "arrays" not in fields:
        told["arrays"] = {name: reading(name, volumes=volumes(name, told)) for name in SERIALS}
    return Evidence(**told)


def volumes(name: str, told: Mapping[str, Any]) -> tuple[Volume, ...]:
    """What an array lists: every LUN that a trace reached through one of its ports."""
    traces = [one for kind in ("datasets", "repositories", "tools", "scratches") for one in told[kind].values()]
    leaves = [one for each in traces for one in each.leaves if set(one.target_ports) & {port(name), port(name, 2)}]
    luns = dict.fromkeys(one.lun for one in leaves)
    return tuple(Volume(str(number), f"volume-{number}", lun, 4096) for number, lun in enumerate(luns))


def allowed(**fields: Any) -> AllowedImage:
    given: dict[str, Any] = {
        "file": "lab-8.7.0.4.img",
        "version": RELEASED,
        "sha256": DIGEST,
        "family": ArrayFamily.STORAGE_VIRTUALIZE,
        "models": (MODEL,),
    }
    return AllowedImage(**{**given, **fields})


def restore_plan(**fields: Any) -> RestorePlan:
    given: dict[str, Any] = {
        "tiers": (
            RestoreTier(items=("sidekick/contacts",), rto="1h"),
            RestoreTier(items=("sidekick/notes",), rto="4h"),
        ),
        "tools": ("desk",),
    }
    return RestorePlan(**{**given, **fields})


def request(targets: tuple[str, ...] = ("east-1", "east-2"), **fields: Any) -> ChangeRequest:
    given: dict[str, Any] = {
        "title": "New firmware",
        "reason": "It mends a fault",
        "kind": Kind.FIRMWARE,
        "family": ArrayFamily.STORAGE_VIRTUALIZE,
        "image": Image(file="lab-8.7.0.4.img", version=RELEASED, sha256=DIGEST),
        "targets": targets,
        "playbook": "storage-virtualize/update",
        "window": Window(opens=NOON - timedelta(hours=1), closes=NOON + timedelta(hours=1)),
        "restore_plan": restore_plan(),
    }
    return ChangeRequest(**{**given, **fields})


def step(name: str, *, mutates: bool = False, expect: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> Step:
    return Step(id=name, say=f"{name}.", mutates=mutates, command=f"do {name}", reader="update", expect=expect)


def plan(**fields: Any) -> Plan:
    given: dict[str, Any] = {
        "change": "chg-0001",
        "origin": "gate.example",
        "kind": "firmware",
        "family": "storage-virtualize",
        "image_file": "lab-8.7.0.4.img",
        "image_version": RELEASED,
        "image_sha256": DIGEST,
        "targets": (
            Target("east-1", SERIALS["east-1"], MODEL, VERSION),
            Target("east-2", SERIALS["east-2"], MODEL, VERSION),
        ),
        "canary": "east-2",
        "control": "west-1",
        "stages": (Stage("canary", ("east-2",)), Stage("wave-1", ("east-1",))),
        "playbook": "storage-virtualize/update",
        "playbook_sha256": DIGEST,
        "forward": (step("apply", mutates=True), step("verify", expect=(("version", (RELEASED,)),))),
        "commit": (step("complete", mutates=True),),
        "back_out": (step("abort", mutates=True), step("look", expect=(("version", (VERSION,)),))),
        "back_out_class": "abort",
        "window_opens": "2026-11-22T11:00:00.000000Z",
        "window_closes": "2026-11-22T13:00:00.000000Z",
        "thresholds": {"soak_s": 1800},
        "seats": ("storage", "data-owner"),
    }
    return Plan(**{**given, **fields})


def case(told: Evidence | None = None, **fields: Any) -> Case:
    """The good case; `told` replaces its evidence, `fields` anything else of it."""
    given: dict[str, Any] = {
        "request": request(),
        "plan": plan(),
        "no_plan": "",
        "inventory": fleet(),
        "policy": policy(),
        "allowed": (allowed(),),
        "evidence": told or evidence(),
        "others": (),
        "now": NOON,
        "team": frozenset({"engineer", "lead"}),
    }
    return Case(**{**given, **fields})


def other(targets: tuple[str, ...] = (), protections: tuple[str, ...] = ()) -> OtherChange:
    return OtherChange("chg-0002", "running", frozenset(targets), frozenset(protections))


OLD_SERIAL, PARTNER_SERIAL, NEW_SERIAL, PART_NUMBER = "11SOLD", "11SPARTNER", "11SNEW", "01LB207"


def canister(slot: str, serial: str, **fields: Any) -> Part:
    """One of the two node canisters of enclosure 1, well."""
    given: dict[str, Any] = {
        "what": PartKind.CONTROLLER.value,
        "enclosure": "1",
        "slot": slot,
        "place": f"01-{slot}",
        "part": PART_NUMBER,
        "serial": serial,
        "firmware": VERSION,
        "state": "online, active",
        "well": True,
    }
    return Part(**{**given, **fields})


def parts(*told: Part, **fields: Any) -> PartsReading:
    """The canisters of east-1 as it told them a minute ago; without any, the good pair."""
    given: dict[str, Any] = {
        "array": "east-1",
        "at": NOON - timedelta(minutes=1),
        "parts": told or (canister("1", PARTNER_SERIAL), canister("2", OLD_SERIAL)),
        "raw": (DIGEST,),
    }
    return PartsReading(**{**given, **fields})


def replacement(**fields: Any) -> Replacement:
    """Canister 2 for another one like it; `fields` are those of the new part."""
    new: dict[str, Any] = {
        "part": PART_NUMBER,
        "serial": NEW_SERIAL,
        "firmware": VERSION,
        "paper": "delivery note 4711",
    }
    return Replacement(
        what=PartKind.CONTROLLER,
        enclosure="1",
        slot="2",
        old=OldPart(part=PART_NUMBER, serial=OLD_SERIAL),
        new=NewPart(**{**new, **fields}),
    )


def allowed_part(**fields: Any) -> AllowedPart:
    given: dict[str, Any] = {
        "part": PART_NUMBER,
        "what": PartKind.CONTROLLER,
        "family": ArrayFamily.STORAGE_VIRTUALIZE,
        "models": (MODEL,),
    }
    return AllowedPart(**{**given, **fields})


def of_part(told: PartsReading | None = None, asked: Replacement | None = None, **fields: Any) -> Case:
    """The good case of a replacement on east-1; `told` is what the array lists, `asked` what the change says."""
    change = request(("east-1",), kind=Kind.HARDWARE, image=None, part=asked or replacement())
    given: dict[str, Any] = {"request": change, "allowed_parts": (allowed_part(),)}
    return case(evidence(parts={"east-1": told or parts()}), **{**given, **fields})


def findings(asked: Case) -> Mapping[str, Finding]:
    """The answer of every check that is asked of a change of its kind."""
    due = EXPECTED[asked.request.kind, Purpose.FORWARD]
    return {module.CHECK.name: module.check(asked) for module in due}


def later(asked: Case, by: timedelta) -> Case:
    return replace(asked, now=asked.now + by)
