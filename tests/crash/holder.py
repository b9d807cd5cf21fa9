"""The keyholder of one run: a process of its own on a real socket, which comes to harm in the midst of a wish."""

import os
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.assembly import now
from gate.canonical import Json
from gate.keyholder.carrying import Carriers
from gate.keyholder.holder import Keyholder
from gate.keyholder.place import memory_of
from gate.keyholder.sealing import open_seal
from gate.keyholder.server import serve
from gate.keyholding import rule, words
from gate.keyholding.pinned import Pinned
from gate.keys import public_line
from gate.ledger.entry import Entry
from gate.permits.office import PermitOffice
from gate.policy import Seat
from tests.crash.cells import Cell
from tests.crash.children import Child, forked


@dataclass
class Harmed:
    """Where one keyholder comes to harm, once."""

    cell: Cell | None
    says: int
    heard: int

    def reach(self, boundary: str, wish: words.PermitWish) -> None:
        """Come to a boundary; nothing may follow."""
        cell = self.cell
        step = rule.PLAN.validate_json(wish.plan).steps(wish.phase)[wish.number].id
        if cell is None or (cell.boundary, cell.step) != (boundary, step):
            return
        self.cell = None
        if (cell.party, cell.mishap) == ("keyholder", "cut"):
            os.write(self.says, b"x")
            cut()
            return
        os.write(self.says, b"A")
        os.read(self.heard, 1)


def cut() -> None:
    """End the one conversation of this process, without a goodbye."""
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError), socket.socket(fileno=os.dup(int(path.name))) as one:
            one.getpeername()
            one.shutdown(socket.SHUT_RDWR)


class Watched(Keyholder):
    """The keyholder, with a boundary on either side of its deciding."""

    harmed: Harmed

    def permit(self, wish: words.PermitWish) -> dict[str, Json]:
        """Answer a wish."""
        self.harmed.reach("wished", wish)
        told = super().permit(wish)
        self.harmed.reach("granted", wish)
        return told


def told(
    vkey: str, place: Path, people: Mapping[str, Ed25519PrivateKey], seats: Mapping[str, Seat], lifetime: timedelta,
    arrays: Sequence[Mapping[str, Json]],
) -> dict[str, Json]:  # fmt: skip
    """Return what a keyholder of this user has pinned: signatures count, by these people alone."""
    policy: dict[str, Json] = {
        "seats": [seat.value for seat in seats.values()],
        "waiver_seats": ["data-owner", "change-manager"],
        "approval_lifetime": "4h",
        "permit_lifetime": f"{int(lifetime.total_seconds())}s",
        "evidence_max_age": "1h",
        "window_max": "24h",
    }
    approvers: list[Json] = [
        {"id": name, "seats": [seat.value], "keys": [public_line(people[name], name)]} for name, seat in seats.items()
    ]
    asking: dict[str, Json] = {"ledger": [vkey], "socket": str(place), "clients": [str(os.getuid())]}
    return {**asking, "policy": policy, "approvers": approvers, "arrays": [dict(one) for one in arrays]}


def begun(given: Pinned, data: Path, cell: Cell | None) -> Child:
    """Start it in its folder, where the CA's key lies already; return once it answers."""

    def work(says: int, heard: int) -> None:
        memory = memory_of(data, serving=True)
        office = PermitOffice.open(data / "ca", given.policy.permit_lifetime)
        holder = Watched(
            given, memory, office, open_seal(data / "seal"), data / "revoked.krl", Carriers(data / "carried"), now
        )
        holder.harmed = Harmed(cell, says, heard)

        def answers(_: Path) -> None:
            os.write(says, b"R")

        serve(holder, threading.Event(), answers)

    child = forked(work)
    os.read(child.told, 1)
    return child


def tear(data: Path, tail: bytes) -> None:
    """Leave a torn end on its log, as a loss of power does; all that it had answered was synced."""
    wal = data / "keyholder.db-wal"
    if wal.exists():
        with wal.open("ab") as file:
            file.write(tail)


def forgotten(data: Path, history: Sequence[Entry], size: int) -> list[str]:
    """Return what the record says of permits and the keyholder does not know, after all that came over it."""
    memory = memory_of(data)
    try:
        known, followed = {row[0] for row in memory.permits()}, memory.head().size
    finally:
        memory.close()
    told = {str(entry.data["serial"]) for entry in history if entry.kind == "permit.issued"}
    problems = [f"permit {serial} was made and is not remembered" for serial in sorted(told - known)]
    return problems + ([f"{followed} entries were followed, and there are {size}"] if followed > size else [])
