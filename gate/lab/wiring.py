"""Joins a fleet with its listeners: users, rights and host keys of every command line in the lab."""

import os
from collections import ChainMap
from dataclasses import dataclass
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gate.lab.array import Array
from gate.lab.certificates import Keys
from gate.lab.dialects.behind_host import BehindHost, asked
from gate.lab.exchange import Service
from gate.lab.fleet import Fleet
from gate.lab.host import Host
from gate.lab.hostwords import answer, receive_file
from gate.lab.said import Said
from gate.lab.ssh import Listener

ADMIN, MONITOR, REHEARSE = "fwadmin", "monitor", "rehearse"
CLOSED_S = 60.0
"""How long a command line that counts connections is away after too many (ONTAP documentation)."""


@dataclass(frozen=True)
class Trusted:
    """Public OpenSSH lines of those who may log in."""

    monitor: str
    rehearse: str
    ca: str
    revoked: Path | None = None


def listeners(fleet: Fleet, trusted: Trusted, key_directory: Path) -> dict[str, Listener]:
    """Make one listener per array and host; nothing listens yet. Host keys are made at first and kept."""
    made: dict[str, Listener] = {}
    for name, managed in management_hosts(fleet).items():
        ssh = fleet.inventory.array(managed[0].name).ssh
        made[name] = _listener(_management_service(name, managed, trusted), ssh.host, ssh.port, key_directory)
    for entry in fleet.inventory.arrays:
        if entry.unit is not None:
            continue
        service = _array_service(fleet.arrays[entry.id], trusted)
        made[entry.id] = _listener(service, entry.ssh.host, entry.ssh.port, key_directory)
        fleet.arrays[entry.id].doors.append(made[entry.id])
        if entry.upload is not None:
            other = _listener(service, entry.upload.host, entry.upload.port, key_directory)
            made[f"{entry.id} upload"] = other
            fleet.arrays[entry.id].doors.append(other)
    for host in fleet.inventory.hosts:
        made[host.id] = _listener(
            _host_service(fleet.hosts[host.id], trusted), host.ssh.host, host.ssh.port, key_directory
        )
    return made


def known_hosts(fleet: Fleet, key_directory: Path) -> str:
    """Return the pins of every listener: `[host]:port ssh-ed25519 ...` lines, plain for port 22."""
    lines = []
    entries = [(array.id, array.ssh) for array in fleet.inventory.arrays]
    entries += [(array.id, array.upload) for array in fleet.inventory.arrays if array.upload]
    entries += [(host.id, host.ssh) for host in fleet.inventory.hosts]
    hosts = {array.name: name for name, managed in management_hosts(fleet).items() for array in managed}
    for name, ssh in entries:
        key = _host_key(key_directory / hosts.get(name, name))
        place = ssh.host if ssh.port == 22 else f"[{ssh.host}]:{ssh.port}"
        lines.append(f"{place} {key.get_name()} {key.get_base64()}\n")
    return "".join(dict.fromkeys(lines))


def management_hosts(fleet: Fleet) -> dict[str, tuple[BehindHost, ...]]:
    """Return the arrays of each management host, by a name for its address: several may stand behind one."""
    found: dict[str, list[BehindHost]] = {}
    for entry in fleet.inventory.arrays:
        array = fleet.arrays[entry.id]
        if isinstance(array, BehindHost):
            found.setdefault(f"host {entry.ssh.host} {entry.ssh.port}", []).append(array)
    return {name: tuple(arrays) for name, arrays in found.items()}


def _management_service(name: str, arrays: tuple[BehindHost, ...], trusted: Trusted) -> Service:
    """A host that lets in those who ask alone: no certificate opens it, and it outlives the restart of its arrays."""
    faults = ChainMap(*(array.faults for array in arrays))
    return Service(name, Keys({MONITOR: trusted.monitor}), faults, lambda _, line: asked(arrays, line))


def _array_service(array: Array, trusted: Trusted) -> Service:
    def receive(user: str, directory: str, name: str, content: bytes) -> str:
        return array.receive(directory, name, content, admin=user == ADMIN)

    def say(user: str, line: str) -> Said:
        if user == ADMIN:
            array.heard[line] += 1
            array.keep()
        return array.answer(line, admin=user == ADMIN)

    keys = Keys(
        {MONITOR: trusted.monitor}, ca=trusted.ca, certificate_user=ADMIN, principal=array.name, revoked=trusted.revoked
    )
    return Service(
        array.name,
        keys,
        array.faults,
        say,
        receive,
        frozenset({ADMIN} if array.takes_sftp else ()),
        array.connections_per_s,
        CLOSED_S * array.pace,
    )


def _host_service(host: Host, trusted: Trusted) -> Service:
    users = {MONITOR: trusted.monitor, REHEARSE: trusted.rehearse}

    def receive(user: str, directory: str, name: str, content: bytes) -> str:
        return "Permission denied" if user != REHEARSE else receive_file(host, directory, name, content)

    return Service(host.name, Keys(users), host.faults, lambda user, line: answer(host, user, line), receive)


def _listener(service: Service, host: str, port: int, key_directory: Path) -> Listener:
    key = _host_key(key_directory / service.name)
    return Listener(service, host, port, key, _host_key(key_directory / f"{service.name}.other"))


def _host_key(path: Path) -> paramiko.PKey:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
    return paramiko.Ed25519Key.from_private_key_file(str(path))
