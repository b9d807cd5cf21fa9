"""The lab's control channel, from outside: what happens to arrays and hosts without the gate having a hand in it."""

import fcntl
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from gate.errors import BadInput, Outside

ANSWER_S = 60.0
LONGEST_PATH = 100  # sun_path holds 108 bytes


@dataclass(frozen=True)
class Lab:
    """A running lab, known by its directory. Every method raises Outside when it does not answer."""

    directory: Path

    @property
    def known_hosts(self) -> Path:
        """Pins of every listener."""
        return self.directory / "known_hosts"

    @property
    def images(self) -> Path:
        """Directory of the lab's firmware images."""
        return self.directory / "images"

    @property
    def pid(self) -> int:
        """Process id of the lab; Outside when it left none."""
        try:
            return int((self.directory / "lab.pid").read_text())
        except (OSError, ValueError):
            raise Outside(f"no lab in {self.directory}") from None

    def status(self) -> dict[str, object]:
        """Arrays (version, update, nodes, faults), hosts (mounts, faults), where the repository is mounted."""
        return self._ask({"do": "status"})

    def move_repository(self, to: str) -> None:
        """Mount the repository volume that lies on array `to`."""
        self._ask({"do": "move-repository", "to": to})

    def unmount_repository(self) -> None:
        """Unmount the repository and mount nothing."""
        self._ask({"do": "unmount-repository"})

    def backup_now(self) -> str:
        """Run the nightly backup now; return its id."""
        return str(self._ask({"do": "backup-now"})["id"])

    def fault(self, name: str, fault: str, value: str = "") -> None:
        """Switch a fault on at an array or host; see `gate.lab.control.FAULTS` for names and values."""
        self._ask({"do": "fault", "name": name, "fault": fault, "value": value})

    def clear(self, name: str, fault: str = "") -> None:
        """Switch one fault off, or all of an array or host."""
        self._ask({"do": "clear", "name": name, "fault": fault})

    def array_counters(self) -> dict[str, dict[str, int]]:
        """Array id → how many times it accepted upload, prepare, apply, complete, abort."""
        counters: dict[str, dict[str, int]] = self._ask({"do": "array-counters"})["arrays"]
        return counters

    def array_heard(self) -> dict[str, dict[str, int]]:
        """Array id → how many times each line came under the login that may change something."""
        heard: dict[str, dict[str, int]] = self._ask({"do": "array-heard"})["arrays"]
        return heard

    def stop(self, within_s: float = 20.0) -> None:
        """End the lab and wait until its process is gone; nothing when it is gone already."""
        if not is_locked(self.directory):
            return
        with suppress(Outside):
            self._ask({"do": "stop"})
        until = time.monotonic() + within_s
        while is_locked(self.directory):
            if time.monotonic() > until:
                os.kill(self.pid, signal.SIGKILL)  # the lock says that this process is the lab
                until += within_s
            time.sleep(0.02)

    def _ask(self, request: dict[str, str]) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel, socket_path(self.directory) as path:
                channel.settimeout(ANSWER_S)
                channel.connect(path)
                channel.sendall(json.dumps(request).encode() + b"\n")
                line = channel.makefile("rb").readline(1 << 20)
            answer = json.loads(line)
        except (FileNotFoundError, ConnectionRefusedError):
            raise Outside(f"no lab runs in {self.directory}", hint="sangate lab up starts one") from None
        except (OSError, ValueError) as error:
            raise Outside(f"the lab in {self.directory} does not answer: {error}") from None
        if "error" in answer:
            raise BadInput(answer["error"], hint=answer.get("hint", ""))
        return dict(answer)


@contextmanager
def socket_path(directory: Path) -> Iterator[str]:
    """A name for the control socket that fits into a socket address, however deep the directory lies."""
    path = str(directory / "control.sock")
    if len(path) <= LONGEST_PATH:
        yield path
        return
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/control.sock"
    finally:
        os.close(handle)


def is_locked(directory: Path) -> bool:
    """Whether a living lab holds the directory."""
    if not directory.is_dir():
        return False
    try:
        handle = take_lock(directory)
    except BlockingIOError:
        return True
    handle.close()
    return False


def take_lock(directory: Path, within_s: float = 0.0) -> TextIO:
    """Take the directory for this process; BlockingIOError when another one keeps it for longer than `within_s`."""
    until = time.monotonic() + within_s
    handle = (directory / "lab.lock").open("a")
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:  # a passing question holds it for a moment, a living lab for good
                handle.close()
                raise
            time.sleep(0.02)
        else:
            return handle
