"""`python -m gate.lab --settings FILE --dir DIR`: runs one lab in the foreground until it is told to stop."""

import argparse
import asyncio
import json
import logging
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from gate.errors import GateError
from gate.inventory import Inventory
from gate.lab.client import socket_path, take_lock
from gate.lab.control import Control
from gate.lab.dialects import DIALECTS
from gate.lab.fleet import build
from gate.lab.images import write_images
from gate.lab.packages import serve_packages
from gate.lab.process import check_loopback
from gate.lab.wiring import Trusted, known_hosts, listeners

NOTICE = (
    "SIMULATION: these arrays and hosts are simulated. The wires (SSH, iSCSI) and the bytes are real; no hardware is."
)


def main() -> int:
    """Run the lab; exit 0 after a stop, 2 on bad input, 4 when something outside fails."""
    parser = argparse.ArgumentParser(prog="python -m gate.lab", description=NOTICE)
    parser.add_argument("--settings", type=Path, required=True, help="settings.json as written by gate.lab.process")
    parser.add_argument("--dir", type=Path, required=True, help="the lab's directory")
    arguments = parser.parse_args()
    logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # hundreds of arrays have some listeners each
    try:
        lock = take_lock(arguments.dir, within_s=2.0)
    except BlockingIOError:
        print(f"a lab is already running in {arguments.dir}", file=sys.stderr)
        return 2
    with lock:
        try:
            asyncio.run(_run(json.loads(arguments.settings.read_text()), arguments.dir))
        except (GateError, OSError, ValueError) as error:
            print(str(error).replace("\n", " "), file=sys.stderr)
            return error.exit_code if isinstance(error, GateError) else 4
        sys.stdout.flush()
        # Threads of cut connections may still sleep in their waits; nothing of theirs is to be saved. The lock goes
        # with the process, and the ports with it.
        os._exit(0)


async def _run(settings: dict[str, Any], directory: Path) -> None:
    print(NOTICE, flush=True)
    inventory = Inventory.model_validate(settings["inventory"])
    check_loopback(inventory, settings["image_server"])
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)
    fleet = build(
        inventory,
        directory,
        loop,
        gate_initiator=settings["gate_initiator"],
        pace=float(settings["pace"]),
        production_array=settings["production_array"],
        vault_array=settings["vault_array"],
        object_keys=settings["object_keys"],
        kept=settings["kept"],
    )
    revoked = Path(settings["revoked"]) if settings["revoked"] else None
    trusted = Trusted(settings["monitor_key"], settings["rehearse_key"], settings["ca_key"], revoked)
    doors = listeners(fleet, trusted, directory / "hostkeys")
    (directory / "known_hosts").write_text(known_hosts(fleet, directory / "hostkeys"))
    families = dict.fromkeys(array.family for array in inventory.arrays)
    write_images(directory / "images", [image for family in families for image in DIALECTS[family].images])

    def open_all() -> None:
        for target in fleet.targets.values():
            target.open()
        for listener in doors.values():
            listener.open()
        for store in fleet.stores.values():
            store.open()
        if settings["image_server"]:
            serve_packages(settings["image_server"], directory / "images")

    def host_door(name: str, opens: bool) -> None:
        if opens:
            doors[name].open()
        else:
            doors[name].suspend()

    await asyncio.to_thread(open_all)
    control = Control(fleet, host_door, stopping)
    server = await asyncio.start_unix_server(control.serve, sock=_control_socket(directory))
    (directory / "lab.pid").write_text(f"{os.getpid()}\n")
    waiting = directory / "status.json.new"
    waiting.write_text(json.dumps(control.status(), indent=1) + "\n")
    waiting.replace(directory / "status.json")
    print(f"{len(fleet.arrays)} arrays and {len(fleet.hosts)} hosts answer", flush=True)
    await stopping.wait()
    server.close()
    for array in fleet.arrays.values():
        array.stop()
    for name in ("lab.pid", "status.json", "control.sock"):
        (directory / name).unlink(missing_ok=True)


def _control_socket(directory: Path) -> socket.socket:
    (directory / "control.sock").unlink(missing_ok=True)
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    earlier = os.umask(0o177)
    try:
        with socket_path(directory) as path:
            channel.bind(path)
    finally:
        os.umask(earlier)
    channel.listen()
    channel.setblocking(False)
    return channel


if __name__ == "__main__":
    sys.exit(main())
