"""The shipped playbook, the readers and the trace against the lab's own process, over real SSH with real permits."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.change import Grant, Purpose
from gate.errors import Outside
from gate.evidence import ArrayReading, Reply, ReplyState
from gate.families import FAMILIES, linux
from gate.hostkeys import HostKeys
from gate.inventory import ArrayFamily, Inventory
from gate.lab.client import Lab
from gate.lab.process import start
from gate.permits.office import PermitOffice
from gate.playbook import Rendered, any_holds, holds, parse, render, why_not
from gate.ssh.client import connect
from gate.ssh.pins import read_host_keys
from gate.ssh.session import Session
from gate.ssh.wire import Timeouts
from gate.step import Step
from tests.lab.fleets import GATE, Pair, pair, small_fleet
from tests.places import network

FAMILY = FAMILIES[ArrayFamily.STORAGE_VIRTUALIZE]
PLAYBOOK = Path(__file__).parents[2] / "playbooks" / "storage-virtualize" / "upgrade.yaml"
# The lab outlives whoever starts it, so its Popen object is dropped while it runs.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <function Popen.__del__")

QUICK = Timeouts(connect_s=10, banner_s=10, login_s=20)


@dataclass
class Bench:
    """A lab with the gate's keys, and a driver that does what the engine does, without its safeguards."""

    lab: Lab
    inventory: Inventory
    pinned: HostKeys
    monitor: Pair
    office: PermitOffice

    def reader(self, name: str) -> Session:
        places = {array.id: array.ssh for array in self.inventory.arrays}
        places |= {host.id: host.ssh for host in self.inventory.hosts}
        return connect(name, places[name], user="monitor", key=self.monitor.private, pinned=self.pinned, timeouts=QUICK)

    def writer(self, name: str, *, array: str = "") -> Session:
        now = datetime.now(tz=UTC)
        grant = Grant(
            "chg-0001", "canary", array or name, Purpose.FORWARD, f"sha256:{'a' * 64}", now + timedelta(minutes=5)
        )
        permit = self.office.issue(grant, now)
        return connect(
            name,
            self.inventory.array(name).ssh,
            user="fwadmin",
            key=permit.key,
            certificate=permit.certificate,
            not_after=permit.expires,
            pinned=self.pinned,
            timeouts=QUICK,
        )

    def ask(self, name: str, command: str) -> Reply:
        """Ask on a connection of its own; an array that restarts is `unreachable`."""
        try:
            with self.reader(name) as session:
                return session.run(command, deadline_s=60)
        except Outside as error:
            now = datetime.now(tz=UTC)
            return Reply(name, command, ReplyState.UNREACHABLE, now, now, problem=str(error))

    def do(self, name: str, step: Step) -> None:
        with self.writer(name) as session:
            if step.send:
                image = self.lab.images / step.command.rpartition(" ")[2]
                reply = session.send(image, step.send, image.name, deadline_s=60)
            else:
                reply = session.run(step.command, deadline_s=60)
        facts = FAMILY.readers[step.reader](reply)
        if reply.state is not ReplyState.ANSWERED and step.disconnects:
            assert holds(step.look_done, FAMILY.readers[step.look_reader](self.ask(name, step.look_command)))
            return
        assert holds(step.expect, facts), f"{step.id}: {why_not(step.expect, facts)}"

    def take(self, name: str, steps: tuple[Step, ...]) -> None:
        """Do the steps in order; a wait asks at most 300 times."""
        for step in steps:
            if step.mutates:
                self.do(name, step)
                continue
            asked = 0
            facts = FAMILY.readers[step.reader](self.ask(name, step.command))
            while step.until and not holds(step.until, facts):
                assert not any_holds(step.refuse, facts), f"{step.id}: {facts}"
                assert (asked := asked + 1) < 300, f"{step.id}: {facts}"
                time.sleep(0.1)
                facts = FAMILY.readers[step.reader](self.ask(name, step.command))
            assert not step.expect or holds(step.expect, facts), f"{step.id}: {why_not(step.expect, facts)}"

    def reading(self, name: str) -> ArrayReading:
        with self.reader(name) as session:
            replies = {key: session.run(command, deadline_s=60) for key, command in FAMILY.questions.items()}
        return FAMILY.read(name, replies, datetime.now(tz=UTC))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    home = tmp_path_factory.mktemp("bench")
    inventory, monitor = small_fleet(network(29), ("east-1", "west-2", "west-3", "vault-1")), pair()
    office = PermitOffice.open(home / "ca", timedelta(minutes=10))
    lab = start(
        inventory,
        home / "lab",
        monitor_key=monitor.line,
        rehearse_key=pair().line,
        ca_key=office.public_line(),
        gate_initiator=GATE,
        pace=0.3,
    )
    yield Bench(lab, inventory, read_host_keys(lab.known_hosts), monitor, office)
    lab.stop()


def words(array: str) -> Rendered:
    book = parse(PLAYBOOK.read_bytes(), "upgrade.yaml", FAMILIES)
    serial = f"0000020420E000{array.rpartition('-')[2].rjust(2, '2')}"
    return render(
        book,
        {
            "array": array,
            "image": "lab-8.7.0.4.img",
            "version": "8.7.0.4",
            "from_version": "8.6.0.3",
            "serial": serial,
        },
        FAMILIES,
    )


def test_a_well_array_is_read_without_anything_unknown(bench: Bench) -> None:
    reading = bench.reading("east-1")
    assert (reading.unknown, reading.problems, reading.update_state) == ((), (), "idle")
    assert (reading.model, reading.version) == ("LAB-FS5", "8.6.0.3")


def test_an_array_is_updated_and_committed_by_the_shipped_playbook(bench: Bench) -> None:
    steps = words("west-2")
    bench.take("west-2", steps.forward)
    bench.take("west-2", steps.commit)


def test_an_array_goes_back_by_the_shipped_playbook(bench: Bench) -> None:
    steps = words("west-3")
    bench.take("west-3", steps.forward)
    bench.take("west-3", steps.back_out)


def test_a_permit_for_one_array_opens_no_other(bench: Bench) -> None:
    with pytest.raises(Outside, match="refused the login"):
        bench.writer("east-1", array="west-2")


def test_the_reading_user_may_change_nothing(bench: Bench) -> None:
    facts = FAMILY.readers["accepted"](bench.ask("east-1", "applysoftware -abort"))
    assert set(facts) == {"unreadable"}


def test_the_production_path_is_traced_to_its_array(bench: Bench) -> None:
    with bench.reader("db-1") as session:
        found = linux.follow(
            linux.trace("db-1", "/data/sidekick.db", "/data", datetime.now(tz=UTC)),
            lambda command: session.run(command, deadline_s=60),
        )
        skew = linux.clock(session.run(linux.CLOCK, deadline_s=60))
    assert found.problem == ""
    assert found.lun
    assert found.target_ports == ("iqn.1986-03.com.ibm:2145.east-1.node1",)
    assert skew in {-1, 0, 1}
