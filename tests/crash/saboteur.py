"""Inside the gate process that comes to harm: counts where it is, and does the harm at one boundary of one step."""

import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import paramiko

from gate.change import Plan
from gate.engine.hands import Hands
from gate.evidence import Reply, ReplyState
from gate.gather.lines import Lines
from gate.ledger.entry import Draft, Entry
from gate.permits.office import Permit
from gate.ssh.wire import Wire
from gate.step import Step
from gate.store import Ledger
from tests.crash.cells import Cell

IMAGE_PACKETS = 4
"""Writes to the socket after which an image is half sent."""


@dataclass
class Saboteur:
    """Does one mishap once."""

    cell: Cell | None
    order: tuple[str, ...]
    """Ids of all steps as they come."""

    says: int
    """File descriptor on which it tells its parent that another must come to harm, and waits to be let go on."""

    heard: int
    synced: Path
    """Where it writes how far the ledger's log was synced when the last append returned."""

    at: str = ""
    armed: int = -1
    wire: Wire | None = None
    lines: Lines | None = None

    def reach(self, boundary: str, step: str) -> None:
        """Come to a boundary; nothing may follow."""
        cell = self.cell
        if cell is None or (cell.boundary, cell.step) != (boundary, step):
            return
        self.cell = None
        match cell.party, cell.mishap:
            case "gate", "kill" | "power":
                os.kill(os.getpid(), signal.SIGKILL)
            case "gate", "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "gate", "cut":
                os.write(self.says, b"x")
                self.cut()
            case _:
                os.write(self.says, b"A")
                os.read(self.heard, 1)

    def cut(self) -> None:
        """End the connection that was used last, without a goodbye."""
        if self.wire is not None:
            with suppress(OSError):
                self.wire._sock.shutdown(socket.SHUT_RDWR)

    def passed(self, step: str) -> None:
        """A step is settled: the next one is where we are."""
        if step in self.order:
            place = self.order.index(step) + 1
            self.at = self.order[place] if place < len(self.order) else ""

    def tap(self) -> None:
        """Stand in the way of every byte that leaves: a command or an image is cut in its middle."""
        send, run = Wire.send, paramiko.Channel.exec_command

        def halved(wire: Wire, data: bytes) -> int:
            self.wire = wire
            if self.armed >= 0:
                self.armed -= 1
                if self.armed < 0:
                    send(wire, data[: len(data) // 2])
                    self.reach("half-sent", self.at)
                    return send(wire, data[len(data) // 2 :]) + len(data) // 2
            return send(wire, data)

        def counted(channel: paramiko.Channel, command: Any) -> None:
            acting, self.acting = self.acting, False
            half = self.cell is not None and self.cell.boundary == "half-sent" and acting
            if half:
                self.armed = 0 if not str(command).startswith("scp") else IMAGE_PACKETS
            run(channel, command)
            if acting:
                self.reach("sent", self.at)

        setattr(Wire, "send", halved)  # noqa: B010  this process lives for one mishap
        setattr(paramiko.Channel, "exec_command", counted)  # noqa: B010

    acting: bool = False


class WatchedLedger:
    """The ledger, with the boundaries before and after each of its entries."""

    def __init__(self, ledger: Any, saboteur: Saboteur, acknowledged: Path) -> None:
        self._ledger = ledger
        self._saboteur = saboteur
        self._acknowledged = acknowledged.open("ab", buffering=0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def append(self, draft: Draft, *, expect: int | None = None) -> Entry:
        """Append one."""
        return self.append_all((draft,), expect=expect)[0]

    def append_all(self, drafts: Sequence[Draft], *, expect: int | None = None) -> Sequence[Entry]:
        """Append, with a boundary on either side."""
        last = drafts[-1]
        step = str(last.data.get("step", ""))
        ends = last.kind in ("step.ended", "step.looked")
        if last.kind == "step.intended":
            self._saboteur.reach("before", step)
        elif last.kind == "escort.asked":
            self._saboteur.reach("asking", step)
        elif ends:
            self._saboteur.reach("answered", step)
        made: Sequence[Entry] = self._ledger.append_all(drafts, expect=expect)
        lines = [b"%d %b\n" % (each.index, sha256(each.body).hexdigest().encode()) for each in made]
        self._acknowledged.write(b"".join(lines))
        note_synced(self._saboteur.synced.parent)
        if last.kind == "step.intended":
            self._saboteur.at = step
            self._saboteur.reach("intended", step)
        elif last.kind == "escort.asked":
            self._saboteur.reach("asked", step)
        elif ends:
            self._saboteur.reach("recorded", step)
            if last.data.get("outcome", last.data.get("result")) in ("done", "already"):
                self._saboteur.passed(step)
        return made


def note_synced(folder: Path) -> None:
    """Note how long the ledger's log is now that an append has returned: so much of it a loss of power leaves."""
    wal = folder / "ledger.db-wal"
    (folder / "synced").write_text(str(wal.stat().st_size if wal.exists() else 0))


@dataclass(frozen=True)
class WatchedHands(Hands):
    """Hands with the boundaries of asking and acting."""

    saboteur: Saboteur = field(kw_only=True)

    def ask(self, array: str, command: str, deadline_s: float | None = None) -> Reply:
        """Ask; silence is a boundary of its own."""
        if self.saboteur.cell is not None and self.saboteur.cell.kind == "ask":
            self.saboteur.reach("before", self.saboteur.at)
        reply = super().ask(array, command, deadline_s)
        if reply.state is not ReplyState.ANSWERED:
            self.saboteur.reach("silent", self.saboteur.at)
        return reply

    def act(self, plan: Plan, step: Step, permit: Permit, act_before: datetime) -> Reply:
        """Act; what is sent from here on is watched on the wire."""
        self.saboteur.acting = True
        return super().act(plan, step, permit, act_before)


def watched(ledger: Ledger, saboteur: Saboteur, acknowledged: Path) -> Any:
    """Return the ledger as the engine is given it."""
    saboteur.tap()
    return WatchedLedger(ledger, saboteur, acknowledged)
