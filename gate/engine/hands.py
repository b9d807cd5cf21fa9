"""
The gate's hands: what a stage does to the outside, each act under its own narrow authority.

Questions go over the read-only credential. A mutating step goes over a connection opened for that one command with
the permit's certificate, and its last byte leaves before the intent's `act_before`. Known-answer data goes over iSCSI
to the scratch object declared in the inventory and nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gate.change import Plan
from gate.errors import Refused
from gate.evidence import ArrayReading, PartsReading, Reply, ReplyState
from gate.gather.arrays import Arrays
from gate.gather.known_answer import KnownAnswers
from gate.hostkeys import HostKeys
from gate.inventory import Array, Bastion, Inventory, Ssh
from gate.permits.acting import deadline_s, send_step
from gate.permits.office import Permit
from gate.ssh.lending import lend
from gate.ssh.relay import reach
from gate.ssh.wire import Timeouts
from gate.step import Step

Clock = Callable[[], datetime]

CARRYING_S = 90.0
"""Seconds besides a step's own that a keyholder may take to say what came of it: starting, reading, logging in."""


class Asker(Protocol):
    """Whoever asks a target one read-only question; a Reply always, never an exception for what a device did."""

    def ask(self, target: str, command: str, *, deadline_s: float | None = None) -> Reply:
        """Ask; the usual deadline unless the question is known to be slow."""


@dataclass(frozen=True)
class Hands:
    """Everything a driver needs to touch an array."""

    inventory: Inventory
    asker: Asker
    arrays: Arrays
    known_answers: KnownAnswers
    pinned: HostKeys
    mutate_user: str
    timeouts: Timeouts
    images: Path
    clock: Clock
    attach: Callable[[Callable[[], None]], None] = field(default=lambda _: None, kw_only=True)
    """Told how to cut the connection of an act, before anything goes over it."""

    legacy_python: Path | None = field(default=None, kw_only=True)
    """The Python of the legacy runner; None where it is not installed."""

    def ask(self, array: str, command: str, deadline_s: float | None = None) -> Reply:
        """Ask an array under the read-only credential."""
        return self.asker.ask(array, command, deadline_s=deadline_s)

    def read(self, array: str) -> ArrayReading:
        """Ask an array who it is, what it runs and whether it is well."""
        return self.arrays.read((array,))[array]

    def parts(self, array: str) -> PartsReading:
        """Ask an array for its replaceable parts."""
        return self.arrays.parts(array)

    def act(self, plan: Plan, step: Step, permit: Permit, act_before: datetime) -> Reply:
        """
        Send one mutating step over its own connection; errors of connecting are raised, nothing was sent then.

        The array is the permit's: a permit for one array opens no other, and the plan's canary is all there is.
        """
        array, image = self.inventory.array(permit.array), self.images / plan.image_file
        endpoint, via = self.inventory.way(array.id)
        at = array.upload or endpoint if step.by else endpoint
        if permit.carry is not None:
            return self._carried(array, at, via, permit, step, image, act_before)
        with reach(
            array.id,
            at,
            user=permit.user or self.mutate_user,
            key=permit.key,
            certificate=permit.certificate,
            password=permit.password,
            pem=permit.pem,
            via=via,
            pinned=self.pinned,
            timeouts=self.timeouts,
            not_after=permit.expires,
            clock=self.clock,
            legacy=array.legacy,
            legacy_python=self.legacy_python,
        ) as session:
            self.attach(session.cut)
            return send_step(session, step, image, plan.image_sha256, act_before, self.clock())

    def _carried(
        self, array: Array, at: Ssh, via: Bastion | None, permit: Permit, step: Step, image: Path, act_before: datetime
    ) -> Reply:
        """Lend whoever kept the permit a connection: the login is theirs, and so are host key, words and bytes."""
        if permit.carry is None or array.legacy:
            hint = "take `carried` from its entry at the keyholder, or `legacy` from the inventory's"
            raise Refused(f"{array.id} is spoken to by the legacy runner; nothing was sent", hint=hint)
        with lend(
            array.id,
            at,
            key=permit.key,
            certificate=permit.certificate,
            via=via,
            pinned=self.pinned,
            timeouts=self.timeouts,
            clock=self.clock,
        ) as lent:
            self.attach(lent.cut)
            seconds = deadline_s(step, act_before, self.clock()) + CARRYING_S
            return permit.carry(lent.sock, image if step.send else None, step.command, seconds)


def sent(reply: Reply) -> bool:
    """False only when it is certain that nothing was sent."""
    return reply.state is not ReplyState.UNREACHABLE
