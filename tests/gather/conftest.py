"""The demo fleet as a real lab in its own process, on a loopback network of this test run, and a gate beside it."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from warnings import catch_warnings, simplefilter

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gate.gather.gather import Gathering
from gate.lab.client import Lab
from gate.lab.process import start
from gate.objects.credential import pretend_keys
from gate.settings import Settings, load, relocate
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger
from tests.places import network

CONFIG = Path(__file__).parents[2] / "config.yaml"


@dataclass
class Site:
    """A lab and the settings of a gate that reaches it."""

    settings: Settings
    lab: Lab

    @property
    def network(self) -> str:
        return self.settings.config.lab.network


def _key(path: Path) -> str:
    """Write a new private key, return its public line."""
    key = Ed25519PrivateKey.generate()
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "config.yaml").write_text(relocate(CONFIG.read_text(), network()))
    settings = load(folder / "config.yaml")
    settings.keys.mkdir(parents=True, mode=0o700)
    public = {name: _key(settings.keys / name) for name in ("monitor", "rehearse", "permits")}
    with catch_warnings():
        simplefilter("ignore", ResourceWarning)  # the lab's process is meant to outlive whoever started it
        lab = start(
            settings.config.inventory,
            settings.lab,
            monitor_key=public["monitor"],
            rehearse_key=public["rehearse"],
            ca_key=public["permits"],
            gate_initiator=settings.config.iscsi.initiator,
            pace=0.1,
            object_keys=pretend_keys(settings.keys, settings.config.inventory),
        )
    settings.known_hosts.write_bytes(lab.known_hosts.read_bytes())
    settings.images.symlink_to(lab.images)
    yield Site(settings, lab)
    lab.stop()


@pytest.fixture
def site(fleet: Site) -> Iterator[Site]:
    """The fleet as it stands at the story's beginning: nothing broken, the repository on east-1."""
    yield fleet
    inventory = fleet.settings.config.inventory
    stores = [protection.id for protection in inventory.protections if protection.object_store]
    for name in [array.id for array in inventory.arrays] + [host.id for host in inventory.hosts] + stores:
        fleet.lab.clear(name)
    fleet.lab.move_repository("east-1")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    origin = "gate.example.com/ledger/1"
    keys.create(tmp_path / "ledger.key", origin)
    opened = open_ledger(tmp_path / "ledger.db", signer=keys.load(tmp_path / "ledger.key", origin))
    yield opened
    with suppress(Exception):
        opened.close()


@pytest.fixture
def gathering(site: Site, ledger: SqliteLedger) -> Iterator[Gathering]:
    with Gathering(site.settings, ledger) as opened:
        yield opened
