"""
The lab's own process, and how to start it.

It stands in a session of its own: killing whoever started it kills no array. In its directory lie `lab.pid`,
`lab.lock`, `lab.log`, `known_hosts`, `status.json`, `control.sock` (mode 0600), `hostkeys/`, `hosts/`, `images/`.
"""

import ipaddress
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from gate.errors import BadInput, Outside
from gate.inventory import Inventory
from gate.lab.client import Lab, is_locked
from gate.lab.offsite import ObjectKeys

START_S = 60.0
_STARTED: list["subprocess.Popen[bytes]"] = []
"""Children of this process: a lab outlives its starter, and a forgotten Popen would warn of that."""


def start(
    inventory: Inventory,
    directory: Path,
    *,
    monitor_key: str,
    rehearse_key: str,
    ca_key: str,
    gate_initiator: str,
    pace: float = 1.0,
    production_array: str = "east-1",
    vault_array: str = "vault-1",
    object_keys: ObjectKeys | None = None,
    image_server: str = "",
    revoked: Path | None = None,
    kept: bool = False,
    within_s: float = START_S,
) -> Lab:
    """
    Start a lab and return when every port answers.

    Keys are OpenSSH public lines; at `image_server` (host:port), if given, the lab's images are handed out. Arrays take
    no certificate that the list at `revoked` names, where one is given, and none while it is missing. `kept`
    arrays begin where a lab that was killed in that directory left them. BadInput when the inventory cannot be
    simulated or a lab runs in `directory` already; Outside when it does not come up in time (its last words are in the
    message).
    """
    check_loopback(inventory, image_server)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_locked(directory):
        raise BadInput(f"a lab is already running in {directory}", hint="Stop it first: sangate lab down.")
    for stale in ("status.json", "control.sock"):
        (directory / stale).unlink(missing_ok=True)
    settings = {
        "inventory": inventory.model_dump(mode="json"),
        "monitor_key": monitor_key,
        "rehearse_key": rehearse_key,
        "ca_key": ca_key,
        "gate_initiator": gate_initiator,
        "pace": pace,
        "production_array": production_array,
        "vault_array": vault_array,
        "object_keys": object_keys or {},
        "image_server": image_server,
        "kept": kept,
        "revoked": str(revoked.absolute()) if revoked else "",
    }
    settings_file = directory / "settings.json"
    settings_file.touch(mode=0o600)
    settings_file.write_text(json.dumps(settings, indent=1) + "\n")
    child = _spawn(directory, settings_file)
    _STARTED.append(child)
    lab = _awaited(directory, inventory, child, within_s)
    # Somebody must collect the child when it ends before us; nobody needs to when it outlives us.
    threading.Thread(target=child.wait, name="lab child", daemon=True).start()
    return lab


def _awaited(directory: Path, inventory: Inventory, child: "subprocess.Popen[bytes]", within_s: float) -> Lab:
    lab = Lab(directory)
    try:
        _await_ready(lab, inventory, child, time.monotonic() + within_s)
    except BaseException:
        child.kill()
        child.wait()
        raise
    return lab


def check_loopback(inventory: Inventory, image_server: str = "") -> None:
    """Refuse an inventory whose simulated devices could be reached from elsewhere, or be mistaken for real ones."""
    places = [(array.id, array.ssh.host) for array in inventory.arrays]
    places += [(array.id, array.upload.host) for array in inventory.arrays if array.upload]
    places += [(array.id, array.scratch.portal) for array in inventory.arrays if array.scratch]
    places += [(host.id, host.ssh.host) for host in inventory.hosts]
    stores = [(one.id, one.object_store.endpoint) for one in inventory.protections if one.object_store]
    places += [(name, urlsplit(endpoint).hostname or "") for name, endpoint in stores]
    places += [("images.server", image_server.partition(":")[0])] if image_server else []
    for name, place in places:
        with suppress(ValueError):
            if ipaddress.ip_address(place).is_loopback:
                continue
        raise BadInput(f"{name}: {place} is not a loopback address", hint="A lab only simulates on 127.0.0.0/8.")


def _spawn(directory: Path, settings_file: Path) -> "subprocess.Popen[bytes]":
    package_root = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(part for part in (package_root, os.environ.get("PYTHONPATH", "")) if part)
    with (directory / "lab.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "gate.lab", "--settings", str(settings_file), "--dir", str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": search},
            start_new_session=True,
        )


def _await_ready(lab: Lab, inventory: Inventory, child: "subprocess.Popen[bytes]", until: float) -> None:
    while not (lab.directory / "status.json").exists():
        if child.poll() is not None:
            last = (lab.directory / "lab.log").read_text(errors="replace").strip().splitlines()
            raise Outside(f"the lab did not start: {last[-1] if last else 'no reason given'}")
        if time.monotonic() > until:
            raise Outside("the lab did not start in time", hint=f"See {lab.directory / 'lab.log'}.")
        time.sleep(0.02)
    for host in inventory.hosts:
        _await_port(host.ssh.host, host.ssh.port, until)
    for array in inventory.arrays:
        _await_port(array.ssh.host, array.ssh.port, until)
        if array.upload is not None:
            _await_port(array.upload.host, array.upload.port, until)
        if array.scratch is not None:
            _await_port(array.scratch.portal, array.scratch.port, until)


def _await_port(host: str, port: int, until: float) -> None:
    while True:
        try:
            socket.create_connection((host, port), 2).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise Outside(f"the lab does not answer on {host}:{port}") from None
            time.sleep(0.05)
