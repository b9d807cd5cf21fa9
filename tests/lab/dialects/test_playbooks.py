"""
The shipped playbooks against simulated arrays, step by step as the engine takes them, without wires.

What stands in the way of an update is switched on by name at each family; no step may come out as done that was not.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.change import Plan
from gate.engine import steps
from gate.engine.hands import Asker, Hands
from gate.evidence import Reply, ReplyState
from gate.families import FAMILIES
from gate.gather.arrays import Arrays
from gate.gather.asking import Outcome
from gate.gather.known_answer import KnownAnswers
from gate.hostkeys import HostKeys
from gate.inventory import ArrayFamily, Inventory
from gate.lab.array import Array
from gate.lab.dialects import DIALECTS
from gate.lab.dialects.by_vendor import ByVendor
from gate.lab.dialects.ontap import Ontap
from gate.lab.images import Behaviour, LabImage, image_bytes
from gate.lab.said import Said
from gate.permits.office import Permit
from gate.playbook import Rendered, kickstart_beside, parse, render
from gate.ssh.wire import Timeouts
from gate.step import Step
from tests.engine.histories import PLAN
from tests.lab.dialects.simulated import NAME, UNIT, known_as, simulated

BOOKS = Path(__file__).parents[3] / "playbooks"
TOLD = [family for family in DIALECTS if (BOOKS / family / "upgrade.yaml").exists()]
BEFORE = ("refuses-precheck", "partner-dead")
"""What is seen before anything is sent to the array."""

DURING = ("stalls", "never-returns", "old-version", "lies-version")
ONE_WAY = (ArrayFamily.ONTAP,)
"""Families whose update can be stopped but not undone once it has ended; their playbook says so."""

NOT_AS_TOLD = (Behaviour.WRONG_VERSION, Behaviour.STALLS, Behaviour.NEVER_RETURNS)
BAD_IMAGES = [
    pytest.param(family, image, id=f"{family}-{image.version}")
    for family in TOLD
    for image in DIALECTS[family].images
    if image.behaviour in NOT_AS_TOLD
]
"""Where the vendor loads, the lab has faults instead."""

STEP_S, HANGS_S = 60.0, 4.0
"""Seconds for a step that has to end, and for one that may hang for good."""

OWN = [
    (ArrayFamily.DOTHILL, "unwritable-cache", "cache-written"),
    (ArrayFamily.DOTHILL, "no-partner-update", "partner-follows"),
    (ArrayFamily.DOTHILL, "older-bundle", "staged"),
    (ArrayFamily.DOTHILL, "rebuild", "precheck"),
    (ArrayFamily.ONTAP, "alert", "healthy"),
    (ArrayFamily.ONTAP, "rebuild", "healthy"),
    (ArrayFamily.STORAGE_VIRTUALIZE, "rebuild", "precheck"),
    (ArrayFamily.NXOS_MDS, "disruptive", "impact"),
]


PERMIT = Permit(NAME, 1, datetime.max.replace(tzinfo=UTC), "", cast(Ed25519PrivateKey, None))
"""Opens nothing: the array is in this process."""


@dataclass(frozen=True)
class NoWires(Hands):
    """Hands that talk to an array in this process."""

    array: Array
    image: LabImage

    def ask(self, array: str, command: str, deadline_s: float | None = None) -> Reply:
        """Ask as the reading user."""
        return self._reply(command, lambda: self.array.answer(command, admin=False))

    def act(self, plan: Plan, step: Step, permit: Permit, act_before: datetime) -> Reply:
        """Send the image, or a command whose prompts are answered from the step's list."""
        if step.send:
            content = image_bytes(self.image)
            name = "" if step.by else self.image.file
            told = self.array.receive(step.send, name, content, admin=True)
            assert not told, told
            taken = f"{len(content)} bytes were taken\n".encode() if step.by else b"\0\0\0"
            return self._reply(step.command, lambda: Said(taken))
        return self._reply(step.command, lambda: self._answered(step))

    def _answered(self, step: Step) -> Said:
        said, left = self.array.answer(step.command, admin=True), list(step.answers)
        out = said.out
        while said.then is not None:
            line = said.out.decode().rpartition("\n")[2].strip()
            answer = next(one for one in left if line.endswith(one.prompt.lstrip("*").strip()))
            left.remove(answer)
            said = said.then(answer.answer)
            out += said.out
        return replace(said, out=out)

    def _reply(self, command: str, answer: "object") -> Reply:
        now = datetime.now(UTC)
        if not self.array.serving:
            return Reply(NAME, command, ReplyState.UNREACHABLE, now, now, problem="refused")
        said = cast(Said, answer())  # type: ignore[operator]
        return Reply(NAME, command, ReplyState.ANSWERED, now, now, said.status, said.out, said.err)


@dataclass(frozen=True)
class Bench:
    """One array, one image and the words of its family's playbook."""

    family: ArrayFamily
    array: Array
    image: LabImage
    words: Rendered

    def take(self, listed: tuple[Step, ...], within_s: float = STEP_S) -> tuple[str, Outcome] | None:
        """Take the steps in order; return the first that did not come out as done, None when all did."""
        hands = NoWires(
            inventory=cast(Inventory, None),
            asker=cast(Asker, None),
            arrays=cast(Arrays, None),
            known_answers=cast(KnownAnswers, None),
            pinned=HostKeys(()),
            mutate_user="fwadmin",
            timeouts=Timeouts(),
            images=Path(),
            clock=lambda: datetime.now(UTC),
            array=self.array,
            image=self.image,
        )
        if isinstance(self.array, Ontap):
            self.array.fetch = lambda _: image_bytes(self.image)
        plan, stop = replace(PLAN, family=self.family.value), Event()
        for step in listed:
            quick = replace(step, every_s=0.02, within_s=within_s)  # type: ignore[arg-type]
            if step.attended:
                self.by_hand(step, within_s)
                if not self.array.serving:  # then nobody says that it is done
                    return step.id, Outcome("unknown", "it does not come back")
                came = steps.look(hands, plan, NAME, quick, stop) or Outcome("unknown", "interrupted")
            elif step.mutates:
                came = steps.act(hands, plan, quick, PERMIT, datetime.now(UTC))
                if came.outcome != "done" and step.look_done:
                    came = steps.look(hands, plan, NAME, quick, stop) or came
            else:
                came = steps.ask(hands, plan, NAME, quick, stop, within_s) or Outcome("unknown", "interrupted")
            if came.outcome != "done":
                return step.id, came
        return None

    def by_hand(self, step: Step, within_s: float) -> None:
        """Do what the step says in words, as somebody of the vendor, and wait until that is over or hangs."""
        assert isinstance(self.array, ByVendor)
        self.array.load(self.image.version if self.image.version in step.command else self.array.first_version)
        ended = time.monotonic() + within_s
        while self.array.update_word == "loading" and time.monotonic() < ended:
            time.sleep(0.01)


def bench(family: ArrayFamily) -> Bench:
    array = simulated(family, pace=0.02)
    image = next(one for one in reversed(array.images) if one.behaviour is Behaviour.GOOD)
    playbook = parse((BOOKS / family / "upgrade.yaml").read_bytes(), "upgrade.yaml", FAMILIES)
    slots = {
        "image_server": "packages:8480",
        "array": NAME,
        "unit": UNIT,
        "image": image.file,
        "kickstart": kickstart_beside(image.file),
        "version": image.version,
        "from_version": array.version,
        "serial": known_as(family)[0],
    }
    words = render(playbook, {name: slots[name] for name in playbook.slots}, FAMILIES)
    return Bench(family, array, image, words)


@pytest.fixture(params=TOLD)
def made(request: pytest.FixtureRequest) -> Iterator[Bench]:
    one = bench(request.param)
    yield one
    one.array.stop()


def test_a_well_array_is_updated_and_committed_and_no_command_was_accepted_twice(made: Bench) -> None:
    assert made.take(made.words.forward) is None
    assert made.array.version == made.image.version
    assert made.take(made.words.commit) is None
    assert set(made.array.accepted.values()) == {1}


def test_an_updated_array_goes_back_by_its_playbook_or_says_that_it_does_not(made: Bench) -> None:
    assert made.take(made.words.forward) is None
    stopped = made.take(made.words.back_out)
    if made.family in ONE_WAY:
        assert stopped is not None
        assert (stopped[0], stopped[1].outcome) == ("verify-restored", "failed")
    else:
        assert stopped is None
        assert made.array.version == made.array.first_version


@pytest.mark.parametrize("fault", BEFORE)
def test_what_the_array_holds_against_an_update_stops_it_before_anything_is_sent(made: Bench, fault: str) -> None:
    made.array.set_fault(fault, "")
    stopped = made.take(made.words.forward, HANGS_S)
    assert stopped is not None
    assert stopped[1].outcome == "failed"
    assert set(made.array.accepted) <= {"get"}  # a package that is fetched changes nothing that runs


@pytest.mark.parametrize("fault", DURING)
def test_an_update_that_goes_wrong_is_never_called_done(made: Bench, fault: str) -> None:
    made.array.set_fault(fault, "")
    stopped = made.take(made.words.forward, HANGS_S)
    assert stopped is not None, "the last step came out as done"
    assert stopped[1].outcome in ("failed", "unknown", "not_begun")
    assert set(made.array.accepted.values()) == {1}


@pytest.mark.parametrize(("made", "image"), BAD_IMAGES, indirect=["made"])
def test_an_image_that_does_not_do_what_it_says_is_never_called_done(made: Bench, image: LabImage) -> None:
    bad = replace(made, image=replace(image, file=made.image.file, version=made.image.version))
    stopped = bad.take(made.words.forward, HANGS_S)
    assert stopped is not None
    assert stopped[1].outcome in ("failed", "unknown")


@pytest.mark.parametrize(("family", "fault", "step"), OWN)
def test_a_trap_that_the_family_is_known_for_is_seen_at_its_step(family: ArrayFamily, fault: str, step: str) -> None:
    made = bench(family)
    made.array.set_fault(fault, "")
    stopped = made.take(made.words.forward, HANGS_S)
    made.array.stop()
    assert stopped is not None
    assert stopped[0] == step
    assert set(made.array.accepted) <= {"upload", "get"}


def test_an_ontap_update_that_was_stopped_by_an_error_is_cancelled_by_the_back_out() -> None:
    made = bench(ArrayFamily.ONTAP)
    made.array.set_fault("giveback-vetoed", "")
    stopped = made.take(made.words.forward)
    assert stopped is not None
    assert (stopped[0], stopped[1].outcome) == ("updated", "failed")
    made.array.clear_fault("giveback-vetoed")
    assert made.take(made.words.back_out) is None
    assert made.array.accepted["cancel"] == 1
    made.array.stop()


def test_an_interface_that_does_not_come_home_is_seen_after_an_ontap_update() -> None:
    made = bench(ArrayFamily.ONTAP)
    made.array.set_fault("off-home", "")
    stopped = made.take(made.words.forward)
    made.array.stop()
    assert stopped is not None
    assert (stopped[0], stopped[1].outcome) == ("interfaces-home", "failed")
