"""
Steps that the keyholder sends itself: each by a process of its own, which is given one key for one array and ends.

The keyholder has no network and speaks with no array. A carrier does, over a connection that the gate has opened and
handed over, and it knows nothing but what it needs for its one step: not the CA key, not the seal, not the memory.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from gate.canonical import Json, utc
from gate.change import Phase, Plan, Purpose
from gate.errors import BadInput, Outside, Refused
from gate.keyholding.carrying import began
from gate.ledger.entry import Entry
from gate.permits.acting import deadline_s
from gate.step import Step

ROOT = Path(__file__).parents[2]
AT_ONCE = 8
"""Steps that are sent at the same time (our choice): a change has one array at a time."""

ENDING_S = 5.0
"""Seconds in which a carrier that has answered has ended, on a machine however busy (our choice)."""

SPARE_S = 60
"""Seconds besides a step's own after which the kernel ends its carrier: starting, reading an image, logging in."""


@dataclass(frozen=True)
class Login:
    """How one array is logged in to for one step."""

    user: str
    certificate: str = ""
    password: str = field(default="", repr=False)
    pem: str = field(default="", repr=False)
    """Private key: of the certificate, or one that was sealed."""


@dataclass(frozen=True)
class Waiting:
    """A permit that stays here until its step is sent."""

    plan: Plan
    phase: Phase
    number: int
    purpose: Purpose
    expires: datetime
    host_keys: tuple[str, ...]
    login: Login

    @property
    def step(self) -> Step:
        """The step that it was made for."""
        return self.plan.steps(self.phase)[self.number]

    @property
    def mark(self) -> str:
        """Under which its upload is known to have ended well; empty for a command."""
        return upload_mark(self.plan, self.number) if self.step.send and self.phase is Phase.FORWARD else ""


def upload_mark(plan: Plan, number: int) -> str:
    """Name the upload of one forward step of one plan: a change's id, the step's number, the plan's digest."""
    return f"{plan.change}.{number}.{plan.digest.partition(':')[2]}"


class Carriers:
    """The permits that wait here, and the processes that send."""

    def __init__(self, place: Path) -> None:
        """
        `place` is where images lie while they are sent, and a mark for each that was taken whole.

        What a killed carrier left of an image is removed; marks stay.
        """
        self._place = place
        self._waiting: dict[str, Waiting] = {}
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        """Array → who sends to it."""

        for left in place.glob("tmp*"):
            shutil.rmtree(left, ignore_errors=True)

    def not_uploaded(self, plan: Plan, phase: Phase, number: int) -> str:
        """
        Name an upload before this step that no carrier saw taken whole; empty when there is none.

        The gate's word that it was would let an array apply a part of an image, or what somebody else laid there.
        """
        before = plan.forward[:number] if phase is Phase.FORWARD else ()
        sent = (upload_mark(plan, at) for at, step in enumerate(before) if step.send)
        lacking = next((mark for mark in sent if not (self._place / mark).exists()), "")
        return plan.forward[int(lacking.split(".")[1])].id if lacking else ""

    def ended(self, change: str) -> None:
        """A change is over: its marks say nothing any more."""
        for mark in self._place.glob(f"{change}.*"):
            mark.unlink(missing_ok=True)

    def keep(self, serial: str, waiting: Waiting, now: datetime) -> None:
        """Keep a permit until it is used, given back, or over."""
        self._waiting = {name: one for name, one in self._waiting.items() if now < one.expires}
        self._waiting[serial] = waiting

    def forget(self, serial: str) -> None:
        """A permit is not needed any more."""
        self._waiting.pop(serial, None)

    def waiting(self, serial: str) -> Waiting:
        """Return a permit that waits; Refused when none of that serial does."""
        found = self._waiting.get(serial)
        if found is None:
            raise Refused("no permit of that serial waits here: it was used, given back, or made before a restart")
        return found

    def begin(
        self, serial: str, entries: Sequence[Entry], now: datetime, peer: socket.socket, handed: Sequence[int]
    ) -> None:
        """Have one step sent by a process that answers to `peer` itself; Refused and nothing is sent."""
        waiting = self.waiting(serial)
        step = waiting.step
        until = began(entries, serial, waiting.phase, waiting.number, now)
        if isinstance(until, str):
            raise Refused(until)
        if now >= waiting.expires:
            raise Refused("the permit is over")
        if len(handed) != 1 + bool(step.send):
            raise BadInput("a connection is handed over with this, and for an upload the image")
        self._rest(waiting.plan.canary)
        if len(self._running) >= AT_ONCE or waiting.plan.canary in dict(self._running):
            raise Refused("as many steps as may be are being sent already: one to an array")
        self.forget(serial)  # whatever comes of it: a permit is used once
        until = min(until, waiting.expires)
        seconds = deadline_s(step, until, now)
        told: dict[str, Json] = {
            "target": waiting.plan.canary,
            "step": asdict(step),
            "image": waiting.plan.image_file,
            "sha256": waiting.plan.image_sha256,
            "host_keys": list(waiting.host_keys),
            "login": asdict(waiting.login),
            "expires": utc(waiting.expires),
            "act_before": utc(until),
            "seconds": int(seconds + SPARE_S),
            "handed": list(handed),
            "peer": peer.fileno(),
            "place": str(self._place),
            "mark": waiting.mark,
        }
        self._start(waiting, told, (peer.fileno(), *handed))

    def _rest(self, array: str) -> None:
        """Forget carriers that have ended; one that sent to this array and has answered ends within moments."""
        for name, one in self._running:
            if name == array:
                with suppress(subprocess.TimeoutExpired):
                    one.wait(ENDING_S)
        self._running = [(name, one) for name, one in self._running if one.poll() is None]

    def _start(self, waiting: Waiting, told: dict[str, Json], files: tuple[int, ...]) -> None:
        try:
            self._place.mkdir(mode=0o700, exist_ok=True)
            if waiting.mark:  # what is sent now may end as half an image, whatever was taken whole before
                (self._place / waiting.mark).unlink(missing_ok=True)
            started = subprocess.Popen(
                [sys.executable, "-s", "-P", "-m", "gate.keyholder.carrier"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.defpath},
                pass_fds=files,
                start_new_session=True,
            )
        except OSError as error:
            raise Outside(f"no process could be started to send it: {error.strerror}; nothing was sent") from None
        self._running.append((waiting.plan.canary, started))
        if started.stdin is not None:
            with suppress(OSError), started.stdin as pipe:
                pipe.write(json.dumps(told).encode())

    def close(self) -> None:
        """End those that still send: what was sent stays sent, and the array is asked."""
        for _, one in self._running:
            one.kill()
            one.wait()
