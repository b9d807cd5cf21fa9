"""
Networks of our own: namespaces, bridges and cables that nothing outside can reach, and that nothing outlives.

Every namespace is called after the process that made it; those of a process that is gone are taken away before new
ones are made. The machine's own network gets no interface, address or route.
"""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PREFIX = "sgfl"
OURS = re.compile(rf"{PREFIX}(\d+)-[a-z0-9-]+")
NEW_NETWORK = 0x40000000  # CLONE_NEWNET, setns(2)
NAMED = Path("/run/netns")
STARTER = ThreadPoolExecutor(1)


def name_of(name: str) -> str:
    """Name of a namespace of this process."""
    return f"{PREFIX}{os.getpid()}-{name}"


def ip(commands: str, inside: str = "") -> None:
    """Run commands of ip(8), one a line."""
    words = ["ip", *(("-n", name_of(inside)) if inside else ()), "-batch", "-"]
    subprocess.run(words, input=commands, check=True, text=True, stdout=subprocess.DEVNULL, timeout=60)


def within(name: str) -> tuple[str, ...]:
    """Words before a command that is to run there, and that ends with this process."""
    return ("setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", name_of(name))


def begin(
    words: list[str],
    stdout: IO[bytes] | None = None,
    stderr: IO[bytes] | None = None,
    env: dict[str, str] | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a process from a thread that stays: what `within` asks for is sent when the starting thread ends."""

    def launch() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(words, stdout=stdout, stderr=stderr, env=env)

    return STARTER.submit(launch).result()


def processes(name: str) -> list[int]:
    """Everything that runs in a namespace, by its full name."""
    done = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False, timeout=60)
    return [int(word) for word in done.stdout.split()]


def end(name: str, only: str = "") -> None:
    """Kill what runs in a namespace, or of it the programs of one name; by their ids."""
    for pid in processes(name):
        with contextlib.suppress(OSError):
            if not only or Path(f"/proc/{pid}/comm").read_text().strip() == only:
                os.kill(pid, signal.SIGKILL)


def remove(name: str) -> None:
    """Take a namespace away with all that runs in it."""
    until = time.monotonic() + 10
    while processes(name) and time.monotonic() < until:
        end(name)
        time.sleep(0.02)
    subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True, timeout=60)


def existing() -> list[str]:
    """Names of all namespaces that any run has made."""
    return [path.name for path in NAMED.glob(f"{PREFIX}*") if OURS.fullmatch(path.name)]


def sweep() -> None:
    """Take away what runs have left that are no more."""
    for name in existing():
        found = OURS.fullmatch(name)
        if found and not Path(f"/proc/{found[1]}").exists():
            remove(name)


@contextmanager
def networks(*names: str) -> Iterator[None]:
    """Make namespaces with their loopback up, and take them away whatever happens."""
    sweep()
    made = []
    try:
        for name in names:
            ip(f"netns add {name_of(name)}\n")
            made.append(name)
            ip("link set lo up\n", name)
        yield
    finally:
        for name in made:
            remove(name_of(name))


def cable(here: str, device: str, there: str, other: str) -> None:
    """Join two namespaces."""
    ends = f"link add {device} netns {name_of(here)} type veth peer name {other} netns {name_of(there)}\n"
    ip(ends)


@contextmanager
def standing_in(name: str) -> Iterator[None]:
    """Let this thread, and every thread and process that it starts, see that network alone."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(path: Path) -> None:
        handle = os.open(path, os.O_RDONLY)
        try:
            if libc.setns(handle, NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(handle)

    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    enter(NAMED / name_of(name))
    try:
        yield
    finally:
        enter(Path(f"/proc/self/fd/{home}"))
        os.close(home)
