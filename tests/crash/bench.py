"""
One lab with many arrays, each good for one run; a gate process that is forked, comes to harm and is started again.

The process that forks has no threads of its own, and opens the ledger only while it looks into it.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import Event

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.approval import Decision as Said
from gate.approval import Method, Statement
from gate.assembly import now
from gate.attendance import Confirmation, Word
from gate.authority import STAGE
from gate.canonical import Json, encode, utc
from gate.change import Grant, Plan, Purpose, Stage, Target
from gate.cli.sshkey import sign
from gate.control.desk import PLAN
from gate.engine.crew import Crew
from gate.engine.local import Driver
from gate.engine.next import by_hand
from gate.families import FAMILIES
from gate.gather.arrays import Arrays
from gate.gather.known_answer import KnownAnswers
from gate.gather.lines import Lines
from gate.hostkeys import HostKeys
from gate.inventory import ArrayFamily, Inventory
from gate.keyholding.pinned import Pinned
from gate.keys import public_line
from gate.lab.client import Lab
from gate.lab.process import start
from gate.ledger.entry import Actor, Blob, Draft
from gate.permits.asking import KeyholderOffice
from gate.permits.office import PermitOffice
from gate.person import Person
from gate.playbook import Rendered, file_digest, parse, render
from gate.policy import ApprovalKind, Seat
from gate.settings import shipped
from gate.ssh.client import connect
from gate.ssh.pins import read_host_keys
from gate.ssh.wire import Timeouts
from gate.standing import Standing
from gate.step import Step
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger
from tests.crash import escorted, holder
from tests.crash.bastion import Jump, bastion
from tests.crash.cells import Cell
from tests.crash.children import Child, forked
from tests.crash.saboteur import Saboteur, WatchedHands, watched
from tests.keyholder.world import verdict
from tests.lab.fleets import GATE as INITIATOR
from tests.lab.fleets import Pair, pair, target_name
from tests.stories.test_by_hand import by_vendor

ORIGIN = "gate.example/crash"
OLD, NEW = "8.6.0.3", "8.7.0.4"
LIFETIME = timedelta(seconds=3)
"""Of a permit: until then something that was sent may be on its way."""

PATIENCE_S = 3.0
"""Seconds in which the keyholder has to answer: less than it is frozen for."""

MOST_S = 300.0
"""Seconds after which a run that has not come to its end is a failure."""

SETTLE = timedelta(seconds=1)
"""For so long the array must show that nothing was begun: what came in while it stood still begins at once after it."""

BLOCKS = 128
SEATS = {"lead": Seat.STORAGE, "owner": Seat.DATA_OWNER}
QUICK = Timeouts(connect_s=2, banner_s=5, login_s=10, channel_s=5)


def fleet(network: str, count: int) -> Inventory:
    """Return so many like arrays and one that is compared with."""
    names = [*(f"canary-{number}" for number in range(count)), "control-1"]
    arrays = [
        {
            "id": name,
            "site": "east",
            "family": "storage-virtualize",
            "model": "LAB-FS5",
            "serial": f"0000020420E{number:05d}",
            "criticality": "low",
            "ssh": {"host": f"{network}.{number + 10}", "port": 2222},
            "scratch": {
                "portal": f"{network}.{number + 10}",
                "port": 3260,
                "target": target_name(name),
                "lun": 9,
                "blocks": BLOCKS,
            },
        }
        for number, name in enumerate(names)
    ]
    return Inventory.model_validate({"sites": ["east"], "arrays": arrays, "hosts": []})


@dataclass(frozen=True)
class Release:
    """What a run brings onto an array, and of which family that is."""

    family: ArrayFamily = ArrayFamily.STORAGE_VIRTUALIZE
    model: str = "LAB-FS5"
    image: str = "lab-8.7.0.4.img"
    old: str = OLD
    new: str = NEW
    image_server: str = ""
    """Where arrays fetch it, if they do that by themselves."""


STANDARD = Release()


@dataclass
class Bench:
    """A lab, keys, and the arrays that nobody has used yet."""

    home: Path
    lab: Lab
    inventory: Inventory
    """Every array directly reached."""

    monitor: Pair
    office: PermitOffice
    """The CA, for what is done past the gate; each run's keyholder has its key."""

    people: dict[str, Ed25519PrivateKey]
    jump: Jump | None = None
    unused: list[str] = field(default_factory=list)
    release: Release = STANDARD
    apart: list[str] = field(default_factory=list)
    """Those that run in no lab yet: each is started in a process of its own."""

    pace: float = 1.0
    carried: bool = False
    """Each run's keyholder sends the steps itself."""

    def run(self, cell: Cell, chance: random.Random) -> "Run":
        """Return a run on an array that is as new: through the bastion where that is harmed, else every second one."""
        array = (self.apart if cell.apart else self.unused).pop(0)
        folder = self.home / array
        folder.mkdir()
        through = cell.party == "bastion" or chance.random() < 0.5
        return Run(self, array, cell, folder, chance, through=through)


def hired() -> dict[str, Ed25519PrivateKey]:
    """Return the keys of those who approve."""
    return {name: Ed25519PrivateKey.generate() for name in SEATS}


@contextmanager
def bench(
    home: Path, network: str, count: int, pace: float = 1.0, apart: int = 0, carried: bool = False
) -> Iterator[Bench]:
    """Start a lab for so many runs, `apart` of which have their array in a process of its own."""
    inventory, monitor = fleet(network, count), pair()
    office = PermitOffice.open(home / "ca", LIFETIME)
    names = [array.id for array in inventory.arrays if array.id.startswith("canary")]
    alone = names[count - apart :]
    together = [array.id for array in inventory.arrays if array.id not in alone]
    lab = lab_of(inventory, together, home / "lab", monitor, office, pace)
    try:
        ways = [(array.id, array.ssh.host, array.ssh.port) for array in inventory.arrays]
        with bastion(home / "jump", office.public_line(), monitor.line, ways) as jump:
            unused = names[: count - apart]
            people = hired()
            yield Bench(
                home, lab, inventory, monitor, office, people, jump, unused, apart=alone, pace=pace, carried=carried
            )
    finally:
        lab.stop()


def lab_of(
    inventory: Inventory,
    names: Sequence[str],
    home: Path,
    monitor: Pair,
    office: PermitOffice,
    pace: float,
    kept: bool = False,
) -> Lab:
    """Start a lab with some of the arrays; `kept` ones know after a kill what they had taken."""
    some = inventory.model_copy(update={"arrays": tuple(inventory.array(name) for name in names)})
    return start(
        some,
        home,
        monitor_key=monitor.line,
        rehearse_key=pair().line,
        ca_key=office.public_line(),
        gate_initiator=INITIATOR,
        pace=pace,
        kept=kept,
    )


def steps_of(rendered: Rendered) -> tuple[Step, ...]:
    """Return the steps of a run that goes well."""
    return (*rendered.forward, *rendered.commit)


def words(array: str, serial: str, *, attended: bool, release: Release = STANDARD) -> tuple[Rendered, str]:
    """Return the shipped playbook for one array, or that in which the vendor loads the code; every wait is a second."""
    text = by_vendor() if attended else shipped(f"playbooks/{release.family}/upgrade.yaml").read_bytes()
    book = parse(text, "upgrade.yaml", FAMILIES)
    slots = {"array": array, "image": release.image, "version": release.new, "from_version": release.old}
    slots |= {"serial": serial, "image_server": release.image_server}
    made = render(book, {name: slots[name] for name in book.slots}, FAMILIES)
    forward, commit, back_out = (
        tuple(replace(step, every_s=1) for step in steps) for steps in (made.forward, made.commit, made.back_out)
    )
    return replace(made, forward=forward, commit=commit, back_out=back_out), file_digest(text)


@dataclass
class Run:
    """One change on one array, from its start to its end, with one mishap on the way."""

    bench: Bench
    array: str
    cell: Cell
    folder: Path
    chance: random.Random
    through: bool = False
    """Its arrays are reached through the bastion."""

    asked: list[str] = field(default_factory=list)
    happened: bool = False
    loaded: int = 0
    """How often the vendor has loaded the code by hand."""

    own: Lab | None = None
    """The process that is this run's array alone."""

    @property
    def lab(self) -> Lab:
        """Where its array runs."""
        return self.own or self.bench.lab

    def raise_array(self) -> None:
        """Start its array in a process of its own, the first time or again."""
        made = self.bench
        self.own = lab_of(
            made.inventory, (self.array,), self.folder / "array", made.monitor, made.office, made.pace, kept=True
        )

    @cached_property
    def inventory(self) -> Inventory:
        """As this run reaches it."""
        made, jump = self.bench.inventory, self.bench.jump
        if not self.through or jump is None:
            return made
        arrays = tuple(array.model_copy(update={"via": jump.declared.id}) for array in made.arrays)
        return made.model_copy(update={"arrays": arrays, "bastions": (jump.declared,)})

    @property
    def pins(self) -> HostKeys:
        """Host keys of the lab and its bastion."""
        lab, jump = read_host_keys(self.bench.lab.known_hosts), self.bench.jump
        own = read_host_keys(self.own.known_hosts).entries if self.own else ()
        return HostKeys(lab.entries + own + (jump.pins.entries if jump else ()))

    @property
    def people(self) -> dict[str, Person]:
        """Those who approve, with their keys."""
        keys = {name: " ".join(public_line(key, name).split()[:2]) for name, key in self.bench.people.items()}
        people = {name: Person(name, seats=frozenset({SEATS[name]}), keys=(key,)) for name, key in keys.items()}
        if self.cell.escorted:
            people[escorted.CONTRACTOR] = escorted.hired(now(), out=self.shut.exists())
        return people

    @property
    def shut(self) -> Path:
        """A file that is there once the contractor was shut out."""
        return self.folder / "contractor-is-out"

    @property
    def attended(self) -> bool:
        """Whether the vendor loads the code in this run."""
        return self.cell.kind == "attended"

    @cached_property
    def plan(self) -> Plan:
        """Return the sealed plan."""
        serial = self.bench.inventory.array(self.array).serial
        release = self.bench.release
        rendered, digest = words(self.array, serial, attended=self.attended, release=release)
        image = self.bench.lab.images / release.image
        return Plan(
            change="chg-0001",
            origin=ORIGIN,
            kind="firmware",
            family=release.family.value,
            image_file=image.name,
            image_version=release.new,
            image_sha256="sha256:" + sha256(image.read_bytes()).hexdigest(),
            targets=(Target(self.array, serial, release.model, release.old),),
            canary=self.array,
            control="control-1",
            stages=(Stage("canary", (self.array,)),),
            playbook=f"{release.family}/upgrade",
            playbook_sha256=digest,
            forward=rendered.forward,
            commit=rendered.commit,
            back_out=rendered.back_out,
            back_out_class="until complete",
            window_opens=utc(now() - timedelta(hours=1)),
            window_closes=utc(now() + timedelta(hours=1)),
            thresholds={
                "soak_s": 1,
                "probe_interval_s": 1,
                "latency_points_min": 5,
                "latency_increase_max_percent": 1_000_000,
                "latency_increase_floor_us": 60_000_000,
            },
            seats=tuple(seat.value for seat in SEATS.values()),
            scratch=self.bench.inventory.scratch_words(self.array, "control-1"),
            contractor=escorted.contracted(now()) if self.cell.escorted else None,
        )

    def ledger(self) -> SqliteLedger:
        """Open the run's ledger; close it before anything is forked."""
        key = self.folder / "ledger.key"
        if not key.exists():
            keys.create(key, ORIGIN)
        return open_ledger(self.folder / "ledger.db", signer=keys.load(key, ORIGIN), blobs=self.folder / "blobs")

    def begin(self) -> None:
        """Write the history of a change whose stage has just been started, as an honest gate would have."""
        plan, person, decided = self.plan, Actor("person", "engineer"), verdict()
        ledger = self.ledger()

        def stored(role: str, content: bytes) -> Blob:
            return Blob(role, ledger.put_blob(content), len(content))

        opened: dict[str, Json] = {"title": "T", "request": {"targets": [self.array]}, "number": 1}
        sealed: dict[str, Json] = {"plan_digest": plan.digest, "canary": plan.canary, "control": plan.control}
        digests: dict[str, Json] = {"plan_digest": plan.digest, "verdict_digest": decided.verdict.digest}
        given: dict[str, Json] = {"when": "approve", "opens": True, "missing": [], "findings": list(decided.rows())}
        started: dict[str, Json] = {"stage": STAGE, "array": plan.canary, **digests}
        plan_blob = stored("plan", encode({**plan.material(), "choice": []}))
        drafts = [
            Draft("change.opened", person, plan.change, opened),
            Draft("plan.sealed", person, plan.change, {**sealed, "targets": [self.array]}, (plan_blob,)),
            Draft(
                "verdict.given", person, plan.change, {**given, **digests}, (stored("verdict", encode(decided.blob())),)
            ),
        ]
        drafts += [self._approved(name, decided.verdict.digest) for name in SEATS]
        drafts.append(Draft("stage.started", Actor("person", "performer"), plan.change, started))
        ledger.append_all(drafts)
        ledger.close()

    def _approved(self, name: str, verdict_digest: str) -> Draft:
        """Return the signed approval of one person."""
        plan, until = self.plan, utc(now() + timedelta(hours=1))
        said = Statement(
            ORIGIN, plan.change, STAGE, plan.digest, verdict_digest, Said.APPROVE, SEATS[name], name, until, name
        ).text()
        signed: dict[str, Json] = {"statement": said, "method": Method.SSH.value}
        signed["signature"] = sign(said, self.bench.people[name])
        return Draft("approval.signed", Actor("person", name), plan.change, signed)

    @property
    def socket(self) -> Path:
        """Where its keyholder answers."""
        return self.folder / "keyholder.sock"

    @property
    def data(self) -> Path:
        """Its keyholder's folder."""
        return self.folder / "keyholder"

    def keyholder(self, cell: Cell | None) -> Child:
        """Start its keyholder, the first time or again."""
        self.data.mkdir(mode=0o700, exist_ok=True)
        if not (self.data / "ca").exists():
            (self.data / "ca").touch(mode=0o600)
            (self.data / "ca").write_bytes((self.bench.home / "ca").read_bytes())
        array: dict[str, Json] = {"id": self.array, "bastion": True}
        if self.bench.carried:
            at = self.inventory.array(self.array).ssh
            keys = [key.line(at.host, at.port).partition(" ")[2] for key in self.pins.pinned(at.host, at.port)]
            array["carried"] = {"user": "fwadmin", "host_keys": list(keys)}
        return holder.begun(Pinned.model_validate(self.pinned(array, self.lifetime)), self.data, cell)

    @property
    def lifetime(self) -> timedelta:
        """How long its permits hold: a process that is started for each step needs seconds on a busy machine."""
        return 5 * LIFETIME if self.bench.carried else LIFETIME

    def pinned(self, array: Mapping[str, Json], lifetime: timedelta = LIFETIME) -> dict[str, Json]:
        """Return what its keyholder's file says."""
        ledger = self.ledger()
        vkey = ledger.vkey
        ledger.close()
        return holder.told(vkey, self.socket, self.bench.people, SEATS, lifetime, (array,))

    def fork(self, cell: Cell | None) -> Child:
        """Start a gate process that comes to harm in `cell`, or not."""
        return forked(lambda says, heard: self._drive(cell, says, heard))

    def _drive(self, cell: Cell | None, says: int, heard: int) -> None:
        order = tuple(step.id for step in (*self.plan.forward, *self.plan.commit))
        saboteur = Saboteur(cell, order, says, heard, self.folder / "synced", at=order[0])
        made = self.ledger()
        ledger = watched(made, saboteur, self.folder / "acknowledged")
        inventory, pinned = self.inventory, self.pins
        lines = Lines(
            inventory, user="monitor", key=self.bench.monitor.private, pinned=pinned, timeouts=QUICK, deadline_s=5
        )
        hands = WatchedHands(
            inventory=inventory,
            asker=lines,
            arrays=Arrays(inventory, lines, ledger, parallel=2),
            known_answers=KnownAnswers(inventory, initiator=INITIATOR),
            pinned=pinned,
            mutate_user="fwadmin",
            timeouts=QUICK,
            images=self.bench.lab.images,
            clock=now,
            saboteur=saboteur,
        )
        crew = Crew(
            ledger=ledger,
            hands=hands,
            office=KeyholderOffice(made, self.socket, PATIENCE_S),
            people=lambda: self.people,
            approvals=ApprovalKind.SIGNED,
            permit_lifetime=self.lifetime,
            evidence_max_age=timedelta(hours=1),
            settle=SETTLE,
        )

        def plan_of(standing: Standing) -> Plan:
            return PLAN.validate_json(made.get_blob(standing.plan_blob) or b"")

        Driver(crew, plan_of, self.folder / "driver.lock").start()
        Event().wait()

    def counted(self) -> Counter[str]:
        """Return what the array itself says that it accepted."""
        return Counter(self.lab.array_counters()[self.array])

    def vendor_loads(self) -> None:
        """The vendor's engineer loads the code past the gate."""
        self.loaded += 1
        moment = now()
        grant = Grant("chg-9999", STAGE, self.array, Purpose.FORWARD, "sha256:" + "0" * 64, moment + LIFETIME)
        permit = self.bench.office.issue(grant, moment)
        with connect(
            self.array,
            self.bench.inventory.array(self.array).ssh,
            user="fwadmin",
            key=permit.key,
            certificate=permit.certificate,
            pinned=self.pins,
        ) as session:
            reply = session.run("applysoftware -file lab-8.7.0.4.img", deadline_s=10)
        if reply.exit_status != 0:
            raise AssertionError(f"the vendor's load was refused: {reply.stderr.decode()}")


def confirm(run: Run, standing: Standing, word: Word, who: str) -> Draft:
    """Return one person's word about the step that is done by hand now."""
    waiting = by_hand(run.plan, standing)
    assert waiting is not None
    phase, number, step = waiting
    plan, nonce = run.plan, f"{word} {who}"
    text = Confirmation(
        ORIGIN, plan.change, plan.digest, phase.value, step.id, str(number), word.value, who, "", nonce
    ).text()
    data: dict[str, Json] = {"phase": phase.value, "step": step.id, "number": number, "array": run.array}
    data |= {"word": word.value, "by": "", "statement": text, "method": "session", "signature": "", "key": ""}
    return Draft("step.confirmed", Actor("person", who), run.plan.change, data)
