"""What the demo plays on: its own directory, network, lab, serving process and people. All of it ends together."""

import secrets
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.assembly import Installation, assemble, now
from gate.cli.client import Client
from gate.cli.holding import keyholder_for
from gate.cli.lab import raise_lab
from gate.errors import BadInput, Outside
from gate.keys import own, public_line
from gate.lab.client import Lab
from gate.person import Contract, Role
from gate.policy import Seat
from gate.serving import create_app, run
from gate.settings import Settings, demo_text, load, read_file, relocate, shipped

NETWORKS = ("127.77.0", *(f"127.{number}.0" for number in range(78, 100)))
PEOPLE: dict[str, tuple[tuple[Role, ...], tuple[Seat, ...], bool]] = {
    "storage-engineer": ((Role.REQUESTER,), (), False),
    "storage-lead": ((), (Seat.STORAGE,), False),
    "data-owner": ((), (Seat.DATA_OWNER,), False),
    "performer": ((Role.PERFORMER,), (), False),
    "auditor": ((Role.AUDITOR,), (), False),
    "contractor": ((Role.PERFORMER,), (), True),
}
FIRM = "Example Storage Services"
BOX = timedelta(hours=12)
START_S = 30
SIGNS_BY_KEY = "storage-lead"


@dataclass(frozen=True)
class Player:
    """One of the demo's people: their password, their API token, and a key if they sign with one."""

    name: str
    password: str
    api: Client
    key: Ed25519PrivateKey | None = None


@dataclass(frozen=True)
class Stage:
    """Everything that runs while the story is told."""

    directory: Path
    settings: Settings
    address: str
    installation: Installation
    lab: Lab
    players: dict[str, Player]


def fresh_directory(wanted: Path | None) -> Path:
    """Return a new directory: the one wanted, which must be empty, else data/demo-TIME."""
    made = wanted or Path("data") / time.strftime("demo-%Y%m%d-%H%M%S")
    try:
        made.mkdir(parents=True, exist_ok=wanted is not None)
        made.chmod(0o700)
        if any(made.iterdir()):
            raise BadInput("the demo begins in an empty directory", place=str(made))
    except OSError as error:
        hint = "sangate --data DIR demo names another"
        raise Outside(f"the demo's directory cannot be made: {error.strerror}", place=str(made), hint=hint) from None
    return made.absolute()


def write_settings(directory: Path, *, stays: bool) -> Settings:
    """
    Write the demo's configuration: the shipped one, with the demo's limits, on a free network and a free port.

    The port that people know is taken only by a demo that stays up.
    """
    text = demo_text(read_file(shipped("config.yaml")).decode())
    path = directory / "config.yaml"
    for network in NETWORKS:
        path.write_text(_listen_on(relocate(text, network), _free_port((8420, 0) if stays else (0,))), encoding="utf-8")
        settings = load(path)
        if _is_free(settings):
            return settings
    raise Outside("no loopback network is free for the lab", hint="does another lab run? sangate lab down ends it")


@contextmanager
def set_up(directory: Path, *, stays: bool) -> Iterator[Stage]:
    """Start lab and gate, add the people, sign them in; end all of it, whatever happens."""
    settings = write_settings(directory, stays=stays)
    with ExitStack() as stack:
        holding = stack.enter_context(keyholder_for(settings, _approvers(directory)))
        settings = holding.settings
        lab = raise_lab(settings, holding.ca)
        stack.callback(lab.stop)
        holding.ready()
        installation = stack.enter_context(assemble(settings))
        address = stack.enter_context(_served(installation, settings))
        installation.start()
        stack.callback(_end_undisturbed)
        players = {name: _player(installation, directory, address, name) for name in PEOPLE}
        yield Stage(directory, settings, address, installation, lab, players)


def _approvers(directory: Path) -> dict[str, tuple[tuple[Seat, ...], str]]:
    """Return who may sign, with the key of the one who has one."""
    lead = public_line(own(directory / "people" / SIGNS_BY_KEY), SIGNS_BY_KEY)
    seated = {name: seats for name, (_, seats, _) in PEOPLE.items() if seats}
    return {name: (seats, lead if name == SIGNS_BY_KEY else "") for name, seats in seated.items()}


@contextmanager
def _served(installation: Installation, settings: Settings) -> Iterator[str]:
    """Serve pages and API in a thread of this process; give the address."""
    stop, up = threading.Event(), threading.Event()
    spot: list[tuple[str, int]] = []
    app = create_app(installation.control, settings)

    def started(host: str, port: int) -> None:
        spot.append((host, port))
        up.set()

    thread = threading.Thread(target=run, args=(app, settings, stop, started), name="serving", daemon=True)
    thread.start()
    try:
        until = time.monotonic() + START_S
        while not up.wait(0.1) and thread.is_alive() and time.monotonic() < until:
            continue
        if not up.is_set():
            raise Outside("the serving process did not start", place=settings.config.server.listen)
        yield f"http://{spot[0][0]}:{spot[0][1]}"
    finally:
        stop.set()
        thread.join(timeout=30)


def _end_undisturbed() -> None:
    """A second Ctrl-C while everything ends would leave the lab behind."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


def _player(installation: Installation, directory: Path, address: str, name: str) -> Player:
    roles, seats, contractor = PEOPLE[name]
    password = secrets.token_urlsafe(12)
    begun = now()
    contract = Contract(FIRM, "their field engineer", "storage-lead", begun, begun + BOX) if contractor else None
    installation.control.add_person(None, name, password, roles, seats, contract=contract)
    ticket = Client(address).post("/login", {"name": name, "password": password})
    api = Client(address, str(ticket["token"]))
    if name != SIGNS_BY_KEY:
        return Player(name, password, api)
    key = own(directory / "people" / name)
    api.post("/keys", {"public": public_line(key, name), "password": password})
    return Player(name, password, api, key)


def _listen_on(text: str, port: int) -> str:
    return text.replace("127.0.0.1:8420", f"127.0.0.1:{port}")


def _free_port(wanted: tuple[int, ...]) -> int:
    for port in wanted:
        with socket.socket() as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                door.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(door.getsockname()[1])
    raise Outside("no port is free on 127.0.0.1")


def _is_free(settings: Settings) -> bool:
    inventory = settings.config.inventory
    spots = {(one.ssh.host, one.ssh.port) for one in inventory.arrays}
    spots |= {(one.ssh.host, one.ssh.port) for one in inventory.hosts}
    spots |= {(one.scratch.portal, one.scratch.port) for one in inventory.arrays if one.scratch}
    for spot in spots:
        with socket.socket() as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                door.bind(spot)
            except OSError:
                return False
    return True
