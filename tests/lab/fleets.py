"""Small inventories on loopback networks of their own, keys, and an SSH client for the lab's tests."""

import asyncio
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gate.inventory import Inventory
from gate.lab.dialects.storage_virtualize import StorageVirtualize
from gate.lab.identity import Identity
from gate.lab.scsi import Controller, Unit
from gate.lab.target import Target

GATE = "iqn.2026-11.example.sangate:gate"
HOST = "iqn.2026-11.example.sangate:db-1"
SERIALS = {"east-1": "11", "west-2": "22", "west-3": "23", "vault-1": "31"}


@dataclass(frozen=True)
class Pair:
    """An Ed25519 key as the pieces that tests need."""

    private: Ed25519PrivateKey

    @property
    def pem(self) -> str:
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()

    @property
    def line(self) -> str:
        return self.private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def pair() -> Pair:
    return Pair(Ed25519PrivateKey.generate())


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(_settle())
        loop.close()


async def _settle() -> None:
    waiting = asyncio.all_tasks() - {asyncio.current_task()}
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@contextmanager
def lone_array(host: str, pace: float = 0.05, scratch_mib: int = 2) -> Iterator[StorageVirtualize]:
    """One array with scratch LUN 9 for the gate and LUN 1 for a host, listening on iSCSI only."""
    controller = Controller(Identity("0000020420E00022", "LAB-FS5", target_name("west-2"), "8603"))
    controller.units[9] = Unit(9, bytearray(scratch_mib << 20), frozenset({GATE}))
    controller.units[1] = Unit(1, bytearray(1 << 20), frozenset({HOST}))
    array = StorageVirtualize("west-2", "LAB-FS5", controller, pace, "8.6.0.3")
    with running_loop() as loop:
        target = Target(controller, host, 3260, loop)
        array.doors.append(target)
        target.open()
        try:
            yield array
        finally:
            array.stop()
            target.suspend()


def target_name(array: str) -> str:
    return f"iqn.1986-03.com.ibm:2145.{array}.node1"


def small_fleet(network: str, arrays: tuple[str, ...] = ("east-1", "west-2", "vault-1")) -> Inventory:
    """An inventory on `network` such as 127.88.31; contains what the lab's story needs."""
    return Inventory.model_validate(
        {
            "sites": ["east", "west"],
            "arrays": [
                {
                    "id": name,
                    "site": name.split("-")[0] if name != "vault-1" else "west",
                    "family": "storage-virtualize",
                    "model": "LAB-FS5",
                    "serial": f"0000020420E000{SERIALS[name]}",
                    "criticality": "low",
                    "ssh": {"host": f"{network}.{SERIALS[name]}", "port": 2222},
                    "scratch": {
                        "portal": f"{network}.{SERIALS[name]}",
                        "port": 3260,
                        "target": target_name(name),
                        "lun": 9,
                        "blocks": 4096,
                    },
                }
                for name in arrays
            ],
            "hosts": [
                {"id": "db-1", "site": "east", "family": "linux", "ssh": {"host": f"{network}.41", "port": 2222}},
                {"id": "bk-1", "site": "west", "family": "linux", "ssh": {"host": f"{network}.42", "port": 2222}},
            ],
            "datasets": [
                {
                    "id": "sidekick",
                    "tier": 2,
                    "engine": "sqlite",
                    "host": "db-1",
                    "path": "/data/sidekick.db",
                    "mount": "/data",
                    "tables": ["contacts", "calendar", "notes", "tasks", "photographs", "scores"],
                }
            ],
            "protections": [
                {
                    "id": "sidekick-nightly",
                    "dataset": "sidekick",
                    "tool": "sqlite-copy",
                    "host": "bk-1",
                    "repository": "/backup/sidekick",
                    "mount": "/backup",
                    "rehearsal_host": "bk-1",
                    "rehearsal_scratch": "/scratch/rehearsal",
                }
            ],
        }
    )


@dataclass(frozen=True)
class Ran:
    """What one command gave."""

    out: bytes
    err: bytes
    status: int

    @property
    def text(self) -> str:
        return self.out.decode()


class Terminal:
    """A plain paramiko client, so that the lab is judged by something other than the product's own."""

    def __init__(self, host: str, user: str, key: paramiko.PKey, known_hosts: Path | None) -> None:
        self.client = paramiko.SSHClient()
        if known_hosts is None:
            self.client.set_missing_host_key_policy(paramiko.MissingHostKeyPolicy())
        else:
            self.client.load_host_keys(str(known_hosts))
        self.client.connect(
            host,
            2222,
            user,
            pkey=key,
            look_for_keys=False,
            allow_agent=False,
            timeout=60,
            banner_timeout=60,
            auth_timeout=60,
        )

    def run(self, line: str) -> Ran:
        _, out, err = self.client.exec_command(line, timeout=60)
        return Ran(out.read(), err.read(), out.channel.recv_exit_status())

    def upload(self, name: str, content: bytes, directory: str = "/upgrade") -> bytes:
        """Send a file by classic SCP; return the last acknowledgement."""
        transport = self.client.get_transport()
        assert transport is not None
        channel = transport.open_session(timeout=60)
        channel.settimeout(60)
        channel.exec_command(f"scp -t {directory}")
        answer = b""
        for message in (b"", f"C0644 {len(content)} {name}\n".encode(), content + b"\0"):
            channel.sendall(message)
            answer = channel.recv(200)
            if answer != b"\0":
                return answer
        return answer


@contextmanager
def terminal(host: str, user: str, key: Pair | paramiko.PKey, known_hosts: Path | None = None) -> Iterator[Terminal]:
    plain = paramiko.Ed25519Key.from_private_key(io.StringIO(key.pem)) if isinstance(key, Pair) else key
    opened = Terminal(host, user, plain, known_hosts)
    try:
        yield opened
    finally:
        opened.client.close()


def eventually(holds: Callable[[], object], within_s: float = 60.0) -> bool:
    """Wait until a condition holds; False when it never did."""
    waiting = threading.Event()
    for _ in range(int(within_s / 0.02)):
        if holds():
            return True
        waiting.wait(0.02)
    return False
