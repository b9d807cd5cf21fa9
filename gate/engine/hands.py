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
from gate.evidence import ArrayReading, PartsReading, Reply, ReplyState
from gate.gather.arrays import Arrays
from gate.gather.known_answer import KnownAnswers
from gate.hostkeys import HostKeys
from gate.inventory import Inventory
from gate.permits.office import Permit
from gate.ssh.prompts import Answer
from gate.ssh.relay import reach
from gate.ssh.wire import Timeouts
from gate.step import Step

Clock = Callable[[], datetime]


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
        array = self.inventory.array(permit.array)
        seconds = max(1.0, (act_before - self.clock()).total_seconds())
        endpoint, via = self.inventory.way(array.id)
        with reach(
            array.id,
            array.upload or endpoint if step.by else endpoint,
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
            if step.by:
                return session.put(
                    self.images / plan.image_file,
                    step.send,
                    deadline_s=max(seconds, step.within_s),
                    sha256=plan.image_sha256,
                    act_before=act_before,
                )
            if step.send:
                return session.send(
                    self.images / plan.image_file,
                    step.send,
                    plan.image_file,
                    deadline_s=max(seconds, step.within_s),
                    sha256=plan.image_sha256,
                    act_before=act_before,
                )
            return session.run(
                step.command,
                deadline_s=step.within_s,
                act_before=act_before,
                answers=[Answer(one.prompt, one.answer, one.times) for one in step.answers],
                terminal=step.terminal,
            )


def sent(reply: Reply) -> bool:
    """False only when it is certain that nothing was sent."""
    return reply.state is not ReplyState.UNREACHABLE
