"""
Two sites, two fabrics, and on every array an OpenSSH server and a tgtd of its own; behind a bastion at each site.

The words of the arrays are the lab's dialect, run by sshd as the forced command of whoever logs in: a plain key may
ask, a certificate may change. The bytes are those of tgtd, in files that code which flips bits damages as well. The
gate stands in a network of its own: it reaches the bastions, and the arrays' portals on both fabrics, and nothing else.

    10.77.0.N  management of array N, seen by the bastions     10.77.9.1  the gate
    10.77.1.N  its portal on fabric one                        10.77.9.2  bastion east
    10.77.2.N  its portal on fabric two                        10.77.9.3  bastion west
"""

import json
import mmap
import socketserver
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import cast

from gate.hostkeys import HostKeys, parse
from gate.inventory import ArrayFamily, Inventory
from gate.keyholding import krl
from gate.lab.array import Array
from gate.lab.dialects import DIALECTS
from gate.lab.identity import Identity, revision_of
from gate.lab.images import write_images
from gate.lab.packages import serve_packages
from gate.lab.said import Said
from gate.lab.scsi import Controller, Unit
from gate.permits.office import PermitOffice
from tests.lab.fleets import GATE, Pair, pair
from tests.parts import need
from tests.real import wires
from tests.real.sshd import USER, Server, public, servers
from tests.real.tgt import Lun, Tgtd, blank

ARRAYS = {"canary-0": ("west", 10), "control-1": ("east", 11)}
SITES = {"east": 2, "west": 3}
FABRICS = (1, 2)
SCRATCH_MIB = 4
SHIM = Path(__file__).with_name("full_lab_shim.py")


def namespace(name: str) -> str:
    """Short enough for a name of an interface, too."""
    return name.replace("canary-", "c").replace("control-", "k")


@dataclass
class Machine:
    """One array: its words, its data path, its SSH server. A door of the array, which a restart closes and opens."""

    array: Array
    tgtd: Tgtd
    sshd: Server
    again: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def close(self) -> None:
        """End what a restart has begun."""
        self.array.stop()
        wires.end(wires.name_of(namespace(self.array.name)), "sshd")
        for process in self.again:
            process.wait(60)
        self.tgtd.stop()

    def suspend(self) -> None:
        """The controller restarts: nothing answers, and what was open is cut."""
        wires.end(wires.name_of(namespace(self.array.name)), "sshd")
        self.tgtd.stop()

    def open(self) -> None:
        """It is back and tells the revision of the code that it runs now."""
        revision = self.array.controller.identity.revision
        self.tgtd.luns = tuple(replace(lun, revision=revision) for lun in self.tgtd.luns)
        self.tgtd.start()
        words = [need("sshd"), "-D", "-E", str(self.sshd.log), "-f", str(self.sshd.home / "sshd_config")]
        self.again.append(wires.begin([*wires.within(namespace(self.array.name)), *words]))


@dataclass
class FullLab:
    """Everything that a gate needs to know of it."""

    home: Path
    inventory: Inventory
    pinned: HostKeys
    monitor: Pair
    office: PermitOffice
    """The CA, for what is done past the gate."""

    keyholder: Path
    """Folder of the keyholder that holds its key; what it has revoked the arrays refuse."""

    machines: dict[str, Machine]
    bastions: dict[str, Server]
    image_server: str
    """Where arrays that fetch an image by themselves find it."""

    @property
    def images(self) -> Path:
        return self.home / "images"


class _Desk(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64
    arrays: dict[str, Array]


class _Asked(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        told = json.loads(self.rfile.readline())
        array = cast(_Desk, self.server).arrays[told["array"]]
        if not array.serving:
            return
        admin = told["right"] == "admin"
        if "line" in told:
            self._talk(array.answer(told["line"], admin=admin))
            return
        content = told["content"].encode("latin-1")
        problem = array.receive(told["directory"], told["name"], content, admin=admin)
        self._give(Said(err=problem.encode()))

    def _talk(self, said: Said) -> None:
        """Give the answer; where it is a question, put what is typed to it, until one is none."""
        self._give(said)
        while said.then is not None and (typed := self.rfile.readline()):
            said = said.then(json.loads(typed)["typed"])
            self._give(said)

    def _give(self, said: Said) -> None:
        answer = {"out": said.out.decode("latin-1"), "err": said.err.decode("latin-1"), "status": said.status}
        self.wfile.write(json.dumps(answer | {"asks": said.then is not None}).encode() + b"\n")


def lay_wires() -> None:
    """Bridges of management and two fabrics at each site, joined between the sites; arrays, bastions and the gate."""
    for site in SITES:
        bridges = "".join(f"link add {net} type bridge\nlink set {net} up\n" for net in ("mgmt", "fab1", "fab2"))
        wires.ip(bridges + "link add out type bridge\nlink set out up\n", f"sw-{site}")
    for net in ("mgmt", "fab1", "fab2", "out"):
        wires.cable("sw-east", f"to-{net}", "sw-west", f"to-{net}")
        for site in SITES:
            wires.ip(f"link set to-{net} master {net}\nlink set to-{net} up\n", f"sw-{site}")
    for name, (site, number) in ARRAYS.items():
        for net, third in (("mgmt", 0), ("fab1", 1), ("fab2", 2)):
            plug(namespace(name), net, site, f"10.77.{third}.{number}")
    for site, number in SITES.items():
        plug(f"jump-{site}", "mgmt", site, f"10.77.0.{number}")
        plug(f"jump-{site}", "out", site, f"10.77.9.{number}")
    for net, address in (("out", "10.77.9.1"), ("fab1", "10.77.1.1"), ("fab2", "10.77.2.1")):
        plug("gate", net, "east", address)


def plug(who: str, net: str, site: str, address: str) -> None:
    """Give a namespace a leg in a network of a site."""
    port = f"{who}-{net}"[:15]
    wires.cable(who, net, f"sw-{site}", port)
    wires.ip(f"address add {address}/24 dev {net}\nlink set {net} up\n", who)
    wires.ip(f"link set {port} master {net}\nlink set {port} up\n", f"sw-{site}")


def made_array(family: ArrayFamily, name: str, number: int, file: Path) -> Array:
    """An array of the lab whose scratch LUN lies in a file that tgtd serves."""
    dialect, target = DIALECTS[family], DIALECTS[family].target_name.format(id=name)
    serial = f"00000204200{number:05d}"[-dialect.serial_digits :]
    identity = Identity(serial, dialect.usual_model, target, revision_of(dialect.first_version), dialect.company)
    controller = Controller(identity)
    with blank(file, SCRATCH_MIB).open("r+b") as opened:
        mapped = cast(bytearray, mmap.mmap(opened.fileno(), 0))
    controller.units[1] = Unit(1, mapped, frozenset({GATE}))
    return dialect(name, dialect.usual_model, controller, 0.2)


def shim(desk: Path, array: str, right: str) -> str:
    """Option of a key: what sshd runs for whoever logs in with it."""
    return f'command="{sys.executable} -I -S {SHIM} {desk} {array} {right}"'


@contextmanager
def full_lab(home: Path, family: ArrayFamily = ArrayFamily.STORAGE_VIRTUALIZE) -> Iterator[FullLab]:
    """Start it all and stand in the gate's network; everything is gone at the end, whatever happens."""
    names = [f"sw-{site}" for site in SITES] + [f"jump-{site}" for site in SITES]
    with ExitStack() as stack:
        stack.enter_context(wires.networks(*names, "gate", *map(namespace, ARRAYS)))
        lay_wires()
        monitor, desk = pair(), home / "desk"
        keyholder = home / "keyholder"
        keyholder.mkdir(mode=0o700)
        office = PermitOffice.open(keyholder / "ca", timedelta(minutes=5), through=list(ARRAYS))
        (keyholder / "revoked.krl").write_bytes(krl.write(office.public_line(), (), 1, 1))
        server = stack.enter_context(_Desk(str(desk), _Asked))
        server.arrays = {}
        Thread(target=server.serve_forever, name="full lab", daemon=True).start()
        stack.callback(server.shutdown)
        machines = {name: _machine(stack, home, family, name, monitor, office, desk) for name in ARRAYS}
        server.arrays = {name: one.array for name, one in machines.items()}
        bastions = {site: _bastion(stack, home, site, monitor, office, machines) for site in SITES}
        images = home / "images"
        images.mkdir()
        write_images(images, DIALECTS[family].images)
        # Arrays that fetch what they are to run do it outside the networks, where their words are spoken.
        packages = serve_packages("127.0.0.1:0", images)
        stack.callback(packages.server_close)
        stack.callback(packages.shutdown)
        inventory = _inventory(family, machines, bastions)
        stack.enter_context(wires.standing_in("gate"))
        served = f"127.0.0.1:{packages.server_address[1]}"
        yield FullLab(
            home, inventory, _pins(machines, bastions), monitor, office, keyholder, machines, bastions, served
        )


def _machine(
    stack: ExitStack, home: Path, family: ArrayFamily, name: str, monitor: Pair, office: PermitOffice, desk: Path
) -> Machine:
    _, number = ARRAYS[name]
    inside, place = namespace(name), home / name
    place.mkdir()
    array = made_array(family, name, number, place / "lun")
    begin = stack.enter_context(servers(place, inside=wires.name_of(inside), address=f"10.77.0.{number}"))
    sshd = begin(
        ca=office.public_line(),
        principals=f"restrict,{shim(desk, name, 'admin')} {name}\n",
        more=f"RevokedKeys {home}/keyholder/revoked.krl\n",
    )
    (sshd.home / "authorized").write_text(f"restrict,{shim(desk, name, 'monitor')} {monitor.line}\n")
    identity = array.controller.identity
    lun = Lun(1, place / "lun", product=identity.product, revision=identity.revision, serial=identity.serial)
    portals = tuple(f"10.77.{fabric}.{number}:3260" for fabric in FABRICS)
    tgtd = Tgtd(place / "tgt", portals, identity.target, number, (lun,), wires.within(inside), launch=wires.begin)
    tgtd.start()
    machine = Machine(array, tgtd, sshd)
    array.doors.append(machine)
    stack.callback(machine.close)
    return machine


def _bastion(
    stack: ExitStack, home: Path, site: str, monitor: Pair, office: PermitOffice, machines: dict[str, Machine]
) -> Server:
    """A machine that opens a way to the arrays of its site for whoever may log in there, and runs nothing."""
    place = home / f"jump-{site}"
    place.mkdir()
    ways = {
        name: f'permitopen="10.77.0.{ARRAYS[name][1]}:{one.sshd.port}"'
        for name, one in machines.items()
        if ARRAYS[name][0] == site
    }
    begin = stack.enter_context(servers(place, inside=wires.name_of(f"jump-{site}"), address=f"10.77.9.{SITES[site]}"))
    principals = "".join(f"restrict,port-forwarding,{way} {name}\n" for name, way in ways.items())
    made = begin(ca=office.public_line(), principals=principals, forwarding=True, more="ForceCommand /bin/false\n")
    (made.home / "authorized").write_text(f"restrict,port-forwarding,{','.join(ways.values())} {monitor.line}\n")
    return made


def _inventory(family: ArrayFamily, machines: dict[str, Machine], bastions: dict[str, Server]) -> Inventory:
    arrays = []
    for name, (site, number) in ARRAYS.items():
        identity = machines[name].array.controller.identity
        portal = {"portal": f"10.77.1.{number}", "port": 3260, "target": identity.target, "lun": 1}
        arrays.append(
            {
                "id": name,
                "site": site,
                "family": family.value,
                "model": identity.product,
                "serial": identity.serial,
                "criticality": "low",
                "ssh": {"host": f"10.77.0.{number}", "port": machines[name].sshd.port},
                "via": f"jump-{site}",
                "scratch": {**portal, "blocks": (SCRATCH_MIB << 20) // 512},
            }
        )
    jumps = [
        {"id": f"jump-{site}", "user": USER, "ssh": {"host": f"10.77.9.{SITES[site]}", "port": one.port}}
        for site, one in bastions.items()
    ]
    return Inventory.model_validate({"sites": list(SITES), "bastions": jumps, "arrays": arrays})


def _pins(machines: dict[str, Machine], bastions: dict[str, Server]) -> HostKeys:
    lines = [f"[10.77.0.{ARRAYS[name][1]}]:{one.sshd.port} {one.sshd.host_line}\n" for name, one in machines.items()]
    lines += [f"[10.77.9.{SITES[site]}]:{one.port} {one.host_line}\n" for site, one in bastions.items()]
    return parse("".join(lines), "known_hosts")


def waited(ready: object, seconds: float = 20) -> bool:
    """Wait until a question is answered with yes."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if ready():  # type: ignore[operator]
            return True
        time.sleep(0.1)
    return False


__all__ = ["ARRAYS", "FullLab", "Machine", "full_lab", "namespace", "public", "waited"]
