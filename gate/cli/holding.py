"""A keyholder for the demo: a process of its own that alone has the key by which arrays are changed."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gate.assembly import open_record
from gate.errors import Outside
from gate.keys import own, public_line
from gate.policy import Seat
from gate.settings import Settings, load

PINNED = """\
# Made by the demo. Sessions count here because its people sign on pages, which is for demonstrations alone.
ledger: ["{vkey}"]
socket: {socket}
clients: ["{user}"]
policy: {{seats: [{seats}], waiver_seats: [{waivers}], approvals: session,
  approval_lifetime: 72h, permit_lifetime: 5m, evidence_max_age: 15m, window_max: 24h}}
approvers:
{approvers}
arrays: [{arrays}]
"""
NAMED = "  keyholder: ''  "


@dataclass(frozen=True)
class Holding:
    """A keyholder that is starting."""

    settings: Settings
    """The same as before, but that permits are asked of it."""

    ca: str
    """Its authority's public line."""

    process: "subprocess.Popen[str]"

    def ready(self) -> None:
        """Wait until it answers."""
        if self.process.stdout is None or not self.process.stdout.readline().startswith("keyholder answers"):
            raise Outside("the demo's keyholder did not start", hint="its own words are above")


@contextmanager
def keyholder_for(settings: Settings, approvers: Mapping[str, tuple[tuple[Seat, ...], str]]) -> Iterator[Holding]:
    """Start a keyholder for these people (seats, public key or none); it ends with the block, or with this process."""
    home = settings.path.parent / "keyholder"
    with tempfile.TemporaryDirectory(prefix="sangate-") as place:  # a socket's path has at most 107 characters
        socket = Path(place) / "keyholder"
        text = settings.path.read_text(encoding="utf-8")
        settings.path.write_text(text.replace(NAMED, f"  keyholder: {socket}  "), encoding="utf-8")
        asking = load(settings.path)
        home.mkdir(mode=0o700)
        ca = public_line(own(home / "ca"), "sangate-ca")
        (home / "keyholder.yaml").write_text(_pinned(asking, socket, approvers), encoding="utf-8")
        words = ["keyholder", "run", "--config", str(home / "keyholder.yaml"), "--data", str(home), "--while-stdin"]
        run = [sys.executable, "-c", "from gate.cli.main import main; main()", *words]
        with subprocess.Popen(
            run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            try:
                yield Holding(asking, ca, process)
            finally:
                process.terminate()


def _pinned(settings: Settings, socket: Path, approvers: Mapping[str, tuple[tuple[Seat, ...], str]]) -> str:
    policy = settings.config.policy
    ledger = open_record(settings)
    try:
        vkey = ledger.vkey
    finally:
        ledger.close()
    people = "\n".join(
        f"  - {{id: {name}, seats: [{', '.join(seats)}], keys: [{_quoted(key)}]}}"
        for name, (seats, key) in approvers.items()
    )
    return PINNED.format(
        vkey=vkey,
        socket=socket,
        user=os.getuid(),
        seats=", ".join(policy.seats),
        waivers=", ".join(policy.waiver_seats),
        approvers=people,
        arrays=", ".join(f"{{id: {array.id}}}" for array in settings.config.inventory.arrays),
    )


def _quoted(key: str) -> str:
    return f'"{key}"' if key else ""
