"""One change in the full lab: a gate's driver, a keyholder of its own, certificates, and what came of it all."""

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from gate.canonical import Json
from gate.change import Grant
from gate.control.desk import PLAN
from gate.engine.crew import Crew
from gate.engine.hands import Hands
from gate.engine.local import Driver
from gate.gather.arrays import Arrays
from gate.gather.known_answer import KnownAnswers
from gate.gather.lines import Lines
from gate.permits.asking import KeyholderOffice
from gate.permits.office import Permit, Wanted
from gate.policy import ApprovalKind
from tests.crash.bench import STANDARD, Bench, Release, Run, hired
from tests.crash.cells import Cell
from tests.keyholder.running import running
from tests.lab.fleets import GATE
from tests.real.full_lab import ARRAYS, FullLab, waited
from tests.real.sshd import QUICK, USER

ENDED = ("change.closed", "change.halted", "person.asked")
NOBODY = Cell(kind="", step="", boundary="", party="", mishap="")  # comes to harm


@dataclass
class Seen:
    """The keyholder as the gate asks it; what it gave is kept, as a thief of the gate's memory would."""

    office: KeyholderOffice
    permits: list[Permit] = field(default_factory=list)

    def issue(self, grant: Grant, now: datetime, wanted: Wanted) -> Permit:
        self.permits.append(self.office.issue(grant, now, wanted))
        return self.permits[-1]

    def attend(self, grant: Grant, now: datetime, wanted: Wanted) -> None:
        self.office.attend(grant, now, wanted)

    def over(self, permit: Permit) -> None:
        self.office.over(permit)

    def stopped(self, change: str) -> None:
        self.office.stopped(change)


@dataclass(frozen=True)
class Carried:
    """What a change left behind."""

    kinds: list[str]
    told: list[tuple[str, dict[str, Json]]]
    """The last entries, for whoever asks why."""

    permits: list[Permit]
    log: str
    """What the array's sshd had written before it."""

    def by_the_keyholder_alone(self, lab: FullLab, array: str) -> None:
        """Hold it to its end: closed, each command once, each under a certificate that array and bastion have seen."""
        assert self.kinds[-1] == "change.closed", self.told
        accepted = lab.machines[array].array.accepted
        assert self.kinds.count("permit.issued") == len(self.permits) == len(accepted)
        assert set(accepted.values()) == {1}
        since = lab.machines[array].sshd.log.read_text().removeprefix(self.log)
        jump = lab.bastions[ARRAYS[array][0]].log.read_text()
        for permit in self.permits:
            said = f'Accepted certificate ID "chg-0001" (serial {permit.serial})'
            assert said in since
            assert said in jump
            assert permit.expires > datetime.now(UTC)


def lines(lab: FullLab) -> Lines:
    """Ask under the key that may only look."""
    return Lines(lab.inventory, user=USER, key=lab.monitor.private, pinned=lab.pinned, timeouts=QUICK, deadline_s=20)


def carried_out(lab: FullLab, array: str, folder: Path, release: Release = STANDARD) -> Carried:
    """Write an approved change, start a driver and a keyholder, and wait until it has ended or asks."""
    log = lab.machines[array].sshd.log.read_text()
    bench = Bench(lab.home, cast("object", lab), lab.inventory, lab.monitor, lab.office, hired())  # type: ignore[arg-type]
    bench.release = release
    run = Run(bench, array, NOBODY, folder, random.Random(1))
    run.begin()
    file = folder / "keyholder.yaml"
    # The bastion sees the gate, the array sees the bastion; from anywhere else the certificate is nothing.
    known: dict[str, Json] = {"id": array, "bastion": True, "source_address": ["10.77.9.1", "10.77.0.3"]}
    file.write_text(json.dumps(run.pinned(known, timedelta(minutes=5))))
    ledger = run.ledger()
    office = Seen(KeyholderOffice(ledger, run.socket))
    with lines(lab) as asker, running(file, lab.keyholder):
        hands = Hands(
            inventory=lab.inventory,
            asker=asker,
            arrays=Arrays(lab.inventory, asker, ledger, parallel=2),
            known_answers=KnownAnswers(lab.inventory, initiator=GATE),
            pinned=lab.pinned,
            mutate_user=USER,
            timeouts=QUICK,
            images=lab.images,
            clock=lambda: datetime.now(UTC),
        )
        people = run.people
        crew = Crew(
            ledger=ledger,
            hands=hands,
            office=office,
            people=lambda: people,
            approvals=ApprovalKind.SIGNED,
            permit_lifetime=timedelta(minutes=5),
            evidence_max_age=timedelta(hours=1),
            settle=timedelta(seconds=1),
        )
        driver = Driver(
            crew, lambda standing: PLAN.validate_json(ledger.get_blob(standing.plan_blob) or b""), folder / "lock"
        )
        driver.start()
        try:
            waited(lambda: ledger.history("chg-0001")[-1].kind in ENDED, 180)
        finally:
            driver.stop()
    kinds = [entry.kind for entry in ledger.history("chg-0001")]
    told = [(entry.kind, dict(entry.data)) for entry in ledger.history("chg-0001")[-6:]]
    ledger.close()
    return Carried(kinds, told, office.permits, log)
