"""
A control room for the tests of the pages: the real one on a real ledger, with eyes that see what the test says.

Only gathering stands in (`Eyes`); what the engine would enter during a run is entered here, entry by entry.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache

from gate.assembly import open_record
from gate.canonical import Json, sha256, utc
from gate.change import ChangeRequest
from gate.control.desk import Desk
from gate.control.door import Control
from gate.control.lists import Lists
from gate.document import read
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
    Hop,
    Identity,
    ImageReading,
    Immutability,
    Leaf,
    PartsReading,
    Prechecked,
    RecordState,
    Rehearsal,
    Reply,
    ReplyState,
    TableDigest,
    Trace,
    Verification,
    Volume,
)
from gate.gather.gather import Gathering
from gate.immutability import ACTIONS
from gate.ledger.entry import GATE, Draft
from gate.people import People
from gate.person import Role
from gate.policy import Seat
from gate.production import trials
from gate.serving import create_app
from gate.settings import Config, Settings, demo_text
from gate.store import Ledger
from gate.store.rings import Rings
from tests.cases import NEW_SERIAL, OLD_SERIAL, PARTNER_SERIAL, canister

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
NIGHTLY, OFFSITE = "sidekick-nightly", "sidekick-offsite"
PEOPLE: dict[str, tuple[tuple[Role, ...], tuple[Seat, ...]]] = {
    "engineer": ((Role.REQUESTER,), ()),
    "lead": ((), (Seat.STORAGE,)),
    "steward": ((), (Seat.DATA_OWNER,)),
    "operator": ((Role.PERFORMER,), ()),
    "reader": ((Role.AUDITOR,), ()),
    "adam": ((Role.ADMIN,), ()),
}
DATA_LUN, VAULT_LUN, OLD_LUN = (
    "6005076801a10000000000000000000a",
    "6005076801b10000000000000000000b",
    "6005076801a1000000000000000000ff",
)
CHANGE = """\
title: Firmware 8.7.0.4 for the western arrays
reason: Mends the cache fault of 8.6
kind: firmware
family: storage-virtualize
image:
  file: lab-8.7.0.4.img
  version: 8.7.0.4
  sha256: {sha256}
targets: [{targets}]
playbook: storage-virtualize/upgrade
window:
  opens: {opens}
  closes: {closes}
restore_plan: {{tiers: [{{items: [sidekick], rto: 4h}}], tools: [restore-desk]}}
"""


PART_CHANGE = """\
title: Replace controller 2 of east-1
reason: The vendor recalls this batch
kind: hardware
family: storage-virtualize
part:
  what: controller
  enclosure: "1"
  slot: "2"
  old: {{part: 01LB207, serial: {old}}}
  new: {{part: 01LB207, serial: {new}, firmware: {firmware}, paper: delivery note 4711}}
targets: [east-1]
playbook: storage-virtualize/replace-canister
{window}
restore_plan: {{tiers: [{{items: [sidekick], rto: 4h}}], tools: [restore-desk]}}
"""


def wall() -> datetime:
    return datetime.now(UTC)


def port(array: str, node: int = 1) -> str:
    return f"iqn.1986-03.com.ibm:2145.{array}.node{node}"


class Rehearsals:
    """No rehearsal was made by this process."""

    def told(self, protection: str) -> tuple[str, ...]:
        return ()


@dataclass
class Voice:
    """Answers for arrays, command by command; what is not in it is silence."""

    answers: dict[str, str] = field(default_factory=dict)

    def ask(self, target: str, command: str, *, deadline_s: float | None = None) -> Reply:
        """Answer one question."""
        said, now = self.answers.get(command), wall()
        if said is None:
            return Reply(target, command, ReplyState.TIMED_OUT, now, now, problem="no answer within 30 s")
        return Reply(target, command, ReplyState.ANSWERED, now, now, 0, said.encode())


@dataclass
class Eyes:
    """What would be read now; a test spoils one thing."""

    settings: Settings
    ledger: Ledger
    repository_on: str = "vault-1"
    backup_age: timedelta = timedelta(hours=5)
    rehearsed: bool = True
    lost: str = ""
    """An array that does not answer."""

    volumes: bool = True
    """Whether the arrays list what they offer."""

    slow: threading.Event | None = None
    """Gathering waits for it after its first line."""

    rehearsals: Rehearsals = field(default_factory=Rehearsals)
    monitor: Voice = field(default_factory=Voice)

    def gather(
        self, targets: tuple[str, ...], image: str | None, progress: Callable[[str], None], *, parts: bool = False
    ) -> Evidence:
        progress(f"asking {len(self.settings.config.inventory.arrays)} arrays who they are")
        if self.slow is not None:
            self.slow.wait(120)
        progress("asking db-1 and bk-1 where data and backup lie")
        now = wall() - timedelta(seconds=2)
        raw = (self.ledger.put_blob(b"id!name!status\r\n0!node1!online\r\n\x1b[31mred\x1b[0m\r\n"),)
        arrays = {
            array.id: ArrayReading(
                array.id,
                now,
                array.serial,
                array.model,
                "8.6.0.3",
                (port(array.id), port(array.id, 2)),
                "idle",
                problems=(),
                backends=(),
                raw=raw,
            )
            for array in self.settings.config.inventory.arrays
        }
        if self.lost:
            arrays[self.lost] = ArrayReading(self.lost, now, unknown=("it does not answer: timed out after 5 s",))
        lun = VAULT_LUN if self.repository_on == "vault-1" else OLD_LUN
        traces = {
            "sidekick": self._trace("db-1", "/data", "sdb", "east-1", DATA_LUN, now),
            "sidekick-nightly": self._trace("bk-1", "/backup", "sdc", self.repository_on, lun, now),
            "scratch": self._trace("bk-1", "/scratch", "sdq", "vault-1", "6005076801b1000000000000000008", now),
            "desk": self._trace("bk-1", "/recovery/desk", "sdm", "vault-1", "6005076801b10000000000000002", now),
        }
        for array in arrays.values():
            leaves = [leaf for one in traces.values() for leaf in one.leaves]
            luns = [leaf.lun for leaf in leaves if port(array.array) in leaf.target_ports]
            if self.volumes and not array.unknown:
                volumes = tuple(Volume(str(at), f"volume-{at}", one, 4096) for at, one in enumerate(luns))
                arrays[array.array] = replace(array, volumes=volumes)
        runs, alone = self._runs(now), self.repository_on != "vault-1" or self.lost == "vault-1"
        bucket = replace(self._bucket(now), problem="no such bucket" if alone else "")
        kept = {NIGHTLY: traces["sidekick-nightly"], OFFSITE: bucket}
        held = Immutability(
            OFFSITE, str(kept[OFFSITE].place), now, "s3-object-lock", "object", "compliance", now + timedelta(days=30),
            clock_skew_s=0, attempts=tuple(Attempt(one, True, "403") for one in ACTIONS), raw=raw, backup=runs[0].id,
        )  # fmt: skip
        allowed = self.settings.config.images.allowed[0]
        return Evidence(
            now, arrays, {"sidekick": traces["sidekick"]}, kept,
            {name: BackupReading(name, now, () if name == OFFSITE and alone else runs, 0, raw=raw) for name in kept},
            tuple(self._read(name, str(kept[name].place), runs[0], now, raw) for name in kept),
            tuple(self._rehearsal(name, str(kept[name].place), now, raw) for name in kept) if self.rehearsed else (),
            immutability={OFFSITE: held},
            access={name: self._refused(name, now, raw) for name in kept},
            tools={"restore-desk": traces["desk"], OWN_RECORD: traces["desk"]},
            scratches=dict.fromkeys(kept, traces["scratch"]),
            settled=dict.fromkeys((*arrays, *kept), now - timedelta(days=90)),
            record=RecordState(now, self.ledger.size()),
            host_keys={"db-1": ("SHA256:db-1",), "bk-1": ("SHA256:bk-1",)},
            image=ImageReading(image or "", now, allowed.sha256, 65536),
            parts={name: self._parts(name, now) for name in targets} if parts else {},
        )  # fmt: skip

    def prechecks(self, request: ChangeRequest, evidence: Evidence, progress: Callable[[str], None]) -> Any:
        """What the vendor's own look says: nothing against it."""
        progress("the vendor's own look holds nothing against it")
        version = request.image.version if request.image else ""
        return {
            name: Prechecked(name, evidence.at, offered=True, version=version, held=("test-utility: errors 0",))
            for name in request.targets
        }

    def _parts(self, array: str, now: datetime) -> PartsReading:
        both = (canister("1", PARTNER_SERIAL), canister("2", OLD_SERIAL))
        return PartsReading(array, now, both)

    def _runs(self, now: datetime) -> tuple[BackupRun, ...]:
        digest = sha256(b"backup")
        return tuple(
            BackupRun(
                f"2026112{day}T010000Z", now - self.backup_age - age, 1_622_016, digest,
                now - self.backup_age - age - timedelta(seconds=9), error="",
            )
            for day, age in ((2, timedelta(0)), (1, timedelta(days=1)))
        )  # fmt: skip

    def _refused(self, of: str, now: datetime, raw: tuple[str, ...]) -> AccessTest:
        inventory = self.settings.config.inventory
        asked = next(one for one in inventory.protections if one.id == of)
        return AccessTest(of, now, trials(asked, inventory)[0].words, True, "refused", raw)

    def _read(self, of: str, place: str, run: BackupRun, now: datetime, raw: tuple[str, ...]) -> Verification:
        because = "all 1622016 bytes hash as recorded"
        counts = Counts("files", 1, 1)
        return Verification(of, run.id, place, now, "V4", True, because, counts=counts, seen=(run.id,), raw=raw)

    def _rehearsal(self, of: str, place: str, now: datetime, raw: tuple[str, ...]) -> Rehearsal:
        dataset = self.settings.config.inventory.dataset("sidekick")
        tables = tuple(TableDigest(table, 1200, sha256(b"rows")) for table in dataset.tables)
        then = now - timedelta(days=8)
        return Rehearsal(
            of, "20261122T010000Z", place, now - timedelta(hours=3), "V6", True, "all 6 tables equal the reference", 4,
            "bk-1", then, tables, restore_s=1, recovery_s=1, compared=(Comparison(then, dataset.tables),), raw=raw,
        )  # fmt: skip

    def _bucket(self, now: datetime) -> Trace:
        service = "http://127.77.0.51:8333 lab-offsite"
        named = Identity("object-service", service, part="sidekick-copies", addresses=("127.77.0.51",))
        return Trace("bk-1", "sidekick-copies", now, identities=(named,))

    def _trace(self, host: str, path: str, disk: str, array: str, lun: str, now: datetime) -> Trace:
        hops = (Hop("mount", path), Hop("disk", disk))
        return Trace(host, path, now, hops, (Leaf((disk,), lun, (port(array),)),))


@dataclass
class Room:
    """One gate with its people, its eyes and its pages."""

    settings: Settings
    ledger: Ledger
    eyes: Eyes
    control: Control
    app: Flask

    def person(self, name: str) -> Any:
        return self.control._desk.people.get(name)

    def open(
        self, targets: str = "east-1, west-2, west-3", title: str = "", by: str = "engineer", contractor: str = ""
    ) -> str:
        now = wall()
        text = CHANGE.format(
            sha256=self.settings.config.images.allowed[0].sha256,
            targets=targets,
            opens=utc(now - timedelta(hours=1)),
            closes=utc(now + timedelta(hours=5)),
        )
        if title:
            text = text.replace("Firmware 8.7.0.4 for the western arrays", title)
        if contractor:
            text += f"contractor: {contractor}\n"
        return str(self.control.open(self.person(by), text.encode(), "change.yaml")["id"])

    def opened(self, title: str = "") -> str:
        """A change that the gate lets people sign."""
        change = self.open(title=title)
        self.control.check(self.person("engineer"), change)
        return change

    def replacing(self, firmware: str = "8.6.0.3") -> str:
        """A change that replaces a controller of east-1, checked."""
        now = wall()
        window = f"window: {{opens: {utc(now - timedelta(hours=1))}, closes: {utc(now + timedelta(hours=5))}}}"
        text = PART_CHANGE.format(old=OLD_SERIAL, new=NEW_SERIAL, firmware=firmware, window=window)
        change = str(self.control.open(self.person("engineer"), text.encode(), "part.yaml")["id"])
        self.control.check(self.person("engineer"), change)
        return change

    def signed(self, title: str = "") -> str:
        change = self.opened(title)
        self.control.approve(self.person("lead"), change, seat="storage")
        self.control.approve(self.person("steward"), change, seat="data-owner", reason="restore tried on Friday")
        return change

    def started(self, title: str = "") -> str:
        change = self.signed(title)
        self.control.start(self.person("operator"), change)
        return change

    def enter(self, change: str, kind: str, **data: Json) -> None:
        """Enter what the engine would."""
        self.ledger.append(Draft(kind, GATE, change, data))

    def baseline(self, change: str) -> None:
        for array in self._pair(change):
            self.enter(change, "known_answer.written", array=array, digest=sha256(array.encode()), blocks=4096)
            self.probe(change, array, "latency", 0, value=_reads(420, array), unit="µs")

    def step(
        self, change: str, number: int, phase: str = "forward", *, outcome: str = "done", because: str = ""
    ) -> None:
        view = self.control.show(self.person("operator"), change)
        step = next(item for item in view["run"]["steps"] if (item["phase"], item["number"]) == (phase, number))
        named: dict[str, Json] = {"phase": phase, "step": step["id"], "number": number, "array": view["run"]["canary"]}
        if step["mutates"]:
            before = utc(wall() + timedelta(minutes=1))
            self.enter(change, "step.intended", **named, command=step["command"], act_before=before, attempt=1)
        if outcome:
            self.enter(change, "step.ended", **named, outcome=outcome, because=because, reply="", attempt=1)

    def probes(self, change: str, number: int, *, flipped: bool = False, micros: int = 430) -> None:
        """One round on canary and control, all well unless told otherwise."""
        canary, control = self._pair(change)
        for array in (canary, control):
            bad = flipped and array == canary
            said = (
                "the data read back differ from what was written from block 1187 on" if bad else "read back as written"
            )
            self.probe(change, array, "known-answer", number, outcome="failed" if bad else "passed", value=said)
            self.probe(
                change, array, "latency", number, value=_reads(micros if array == canary else 425, f"{array}{number}")
            )
            self.probe(change, array, "write-read", number, value="read back as written")
            self.probe(change, array, "deadline", number, value="60 reads: p50 430 µs, slowest 611 µs")
            self.probe(change, array, "identity", number, value="serial as on record")
            self.probe(change, array, "version", number, value="version as expected")
            self.probe(change, array, "health", number, value="all parts are well")

    def hosts(self, change: str, number: int, *, degraded: bool = False) -> None:
        """Two hosts; with a degraded mirror the second is no witness."""
        for host in ("db-1", "bk-1"):
            bad = degraded and host == "bk-1"
            told = [("host-sessions", "passed", "session.state one"), ("host-own-disks", "passed", "disk.healthy one")]
            told += [("host-raid", "failed", "raid.members md0 is 1/2") if bad else ("host-raid", "passed", "md0")]
            if not number:
                told += [("host-paths", "unknown", "no answer"), ("host-ports", "unknown", "it tells of no adapter")]
            for name, outcome, value in told:
                if number == 0 or not (bad and name == "host-raid"):
                    entered: dict[str, Json] = {"array": host, "role": "host", "name": name, "outcome": outcome}
                    self.enter(change, "probe.finished", **entered, value=value, unit="", round=number)

    def probe(
        self,
        change: str,
        array: str,
        name: str,
        number: int,
        *,
        outcome: str = "passed",
        value: Json = "",
        unit: str = "",
    ) -> None:
        role = "canary" if array == self._pair(change)[0] else "control"
        self.enter(
            change,
            "probe.finished",
            array=array,
            role=role,
            name=name,
            outcome=outcome,
            value=value,
            unit=unit,
            round=number,
        )

    def judged(self, change: str, result: str, *because: str) -> None:
        self.enter(change, "judgement.given", result=result, because=list(because), findings=[])

    def end(self, change: str) -> None:
        """Leave a change that has begun as it is, so that it is in nobody's way."""
        if self.control.show(self.person("operator"), change)["state"] != "halted":
            self.enter(change, "change.halted", because="enough")
        self.control.withdraw(self.person("operator"), change, "enough")

    def _pair(self, change: str) -> tuple[str, str]:
        plan = self.control.show(self.person("operator"), change)["plan"]
        return plan["canary"], plan["control"]

    def client(self, name: str = "") -> "Browser":
        browser = Browser(self)
        if name:
            browser.sign_in(name)
        return browser


def _reads(middle: int, seed: str) -> list[Json]:
    """Sixty reads round `middle` µs, with a few slow ones, the same for the same seed."""
    noise = sha256(seed.encode())[7:] * 2
    return [middle + int(noise[i : i + 2], 16) // 3 - 40 + (300 if noise[i : i + 2] > "fa" else 0) for i in range(60)]


class Browser:
    """Flask's client with a browser's manners: it keeps cookies and sends the token of the page."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.http: FlaskClient = room.app.test_client()
        self.base = "http://127.0.0.1:8420"

    def get(self, path: str, **headers: str) -> Any:
        return self.http.get(
            path, base_url=self.base, headers={k.replace("_", "-"): v for k, v in headers.items()}, buffered=True
        )

    def post(self, path: str, page: str = "", headers: dict[str, str] | None = None, **fields: Any) -> Any:
        """Post a form with the token that `page` (or the sign-in page) shows."""
        token = self.token(page or "/sign-in")
        return self.http.post(
            path, base_url=self.base, data={"csrf_token": token, **fields}, headers=headers or {}, buffered=True
        )

    def token(self, page: str) -> str:
        text = self.get(page).get_data(as_text=True)
        return str(text.partition('name="csrf_token" value="')[2].partition('"')[0])

    def sign_in(self, name: str) -> None:
        answer = self.post("/sign-in", name=name, password=PASSWORD)
        assert answer.status_code == 303, answer.get_data(as_text=True)

    def text(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return str(answer.get_data(as_text=True))


def make(base: Path, *, demo: bool = True) -> Room:
    """Make a gate in an empty directory with the demo fleet and its people."""
    text = (ROOT / "config.yaml").read_text()
    (base / "config.yaml").write_text(demo_text(text) if demo else text)
    room = take_up(base)
    for name, (roles, seats) in PEOPLE.items():
        room.control.add_person(None, name, PASSWORD, roles, seats)
    return room


def take_up(base: Path) -> Room:
    """Take up a gate where it was left; its people's passwords need not be hashed again."""
    path = base / "config.yaml"
    settings = Settings(_config(path.read_bytes()), path, base / "data")
    ledger = open_record(settings)
    rings = Rings(ledger)
    people = People(settings.working_db, wall, ring=rings.now)
    eyes = Eyes(settings, ledger)
    lists = Lists(settings.working_db, ledger)
    control = Control(Desk(settings, ledger, people, lists, cast(Gathering, eyes), wall, ring=rings.now))
    app = create_app(control, settings)
    app.jinja_env.bytecode_cache = COMPILED
    return Room(settings, ledger, eyes, control, app)


class Compiled(BytecodeCache):
    """Templates compiled once for all gates of this process."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


@cache
def _config(text: bytes) -> Config:
    """The same values for the same text, which every test of the pages has."""
    return read(text, "config.yaml", Config)


def later(settings: Settings, **server: object) -> Settings:
    """The same settings with other values for the server."""
    config = settings.config
    return replace(settings, config=config.model_copy(update={"server": config.server.model_copy(update=server)}))
