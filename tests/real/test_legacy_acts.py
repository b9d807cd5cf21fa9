"""
What changes an array that knows SHA-1 alone: prompts and the keyholder's permits, by the hands of a stage.

The same hands, permits and words as for every other array; only the connection is the legacy runner's.
"""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.canonical import utc
from gate.change import Phase
from gate.engine.hands import Asker, Hands
from gate.errors import Outside, Refused
from gate.evidence import Reply, ReplyState
from gate.gather.arrays import Arrays
from gate.gather.known_answer import KnownAnswers
from gate.hostkeys import HostKeys
from gate.inventory import Bastion, Ssh
from gate.keyholder.sealing import Credential, open_seal
from gate.permits.asking import KeyholderOffice
from gate.permits.office import Permit
from gate.ssh.prompts import Answer
from gate.ssh.relay import Relayed
from gate.step import Answer as Told
from gate.step import Step
from tests.engine.histories import CANARY, CONTROL, FORWARD
from tests.engine.histories import STAGE as SEND
from tests.keyholder.world import World, make
from tests.parts import need
from tests.real.sshd import USER, Server
from tests.real.test_legacy import PATIENT, RUNNER, fleet, old, reached, start

__all__ = ("start",)
Start = Callable[..., Server]
PROCEED = "Would you like to proceed with update ? {y|n}:"
ASKS = "printf '%s ' '{prompt}'; read typed && echo \"$typed\" >> {note}"
"""A device that asks back, and writes down what was typed at it."""


@pytest.fixture(scope="module")
def aged(start: Start, tmp_path_factory: pytest.TempPathFactory) -> tuple[Server, HostKeys]:
    return old(start, tmp_path_factory.mktemp("aged"), "Match all\nPermitTTY yes\n")


@pytest.fixture
def note(tmp_path: Path) -> Path:
    file = tmp_path / "typed"
    file.touch()
    return file


def asks(note: Path, *prompts: str) -> str:
    return "; ".join(ASKS.format(prompt=prompt, note=note) for prompt in prompts)


def run(session: Relayed, words: str, *answers: Answer, act_s: float = 60, terminal: bool = False) -> Reply:
    before = datetime.now(UTC) + timedelta(seconds=act_s)
    return session.run(words, deadline_s=60, act_before=before, answers=answers, terminal=terminal)


def test_prompts_on_the_list_are_answered_each_with_its_own_word_and_told(
    aged: tuple[Server, HostKeys], note: Path
) -> None:
    words, partner = asks(note, PROCEED, "Name of the partner:"), Answer("Name of the partner:", "b", 1)
    with reached(*aged) as session:
        reply = run(session, words, partner, Answer(PROCEED, "y", 1))
        assert (reply.state, reply.exit_status, note.read_text()) == (ReplyState.ANSWERED, 0, "y\nb\n")
        assert reply.typed == ((PROCEED, "y"), ("Name of the partner:", "b"))
        under = run(session, "tty; " + asks(note, PROCEED), Answer(PROCEED, "y", 1), terminal=True)
        assert (under.state, note.read_text()) == (ReplyState.ANSWERED, "y\nb\ny\n")
        assert under.stdout.startswith(b"/dev/pts/")


@pytest.mark.parametrize(
    ("asked", "typed", "why"),
    [
        ((f"Erase all data. {PROCEED}",), "", "not on the list of the playbook"),
        ((PROCEED, PROCEED), "y\n", "once more than 1 times"),
    ],
)
def test_what_is_not_on_the_list_or_once_too_often_ends_it_and_nothing_is_typed(
    aged: tuple[Server, HostKeys], note: Path, asked: tuple[str, ...], typed: str, why: str
) -> None:
    with reached(*aged) as session:
        reply = run(session, asks(note, *asked), Answer(PROCEED, "y", 1))
        assert not session.alive
    assert (reply.state, reply.exit_status, note.read_text()) == (ReplyState.PROMPTED, None, typed)
    assert why in reply.problem
    assert "nothing was typed" in reply.problem


def test_a_prompt_after_the_time_to_act_is_not_answered(aged: tuple[Server, HostKeys], note: Path) -> None:
    with reached(*aged) as session:
        reply = run(session, f"sleep 5; {asks(note, PROCEED)}", Answer(PROCEED, "y", 1), act_s=4)
    assert (reply.state, note.read_text()) == (ReplyState.PROMPTED, "")
    assert "the time was over" in reply.problem


@dataclass
class Site:
    """An old array behind a bastion of today, and a gate with a keyholder, all with their real clocks."""

    world: World
    array: Server
    bastion: Server | None
    hands: Hands

    def act(self, permit: Permit, **changed: Any) -> Reply:
        before = datetime.now(UTC) + timedelta(seconds=60)
        return replace(self.hands, **changed).act(self.world.plan, self.world.plan.forward[SEND], permit, before)


def signed(world: World, step: Step) -> None:
    """Everything that an honest gate has done, now, for a plan with that step."""
    world.now = datetime.now(UTC).replace(microsecond=0)
    opens, closes = utc(world.now - timedelta(hours=1)), utc(world.now + timedelta(hours=1))
    forward = (*FORWARD[:SEND], step, *FORWARD[SEND + 1 :])
    world.plan = replace(world.plan, forward=forward, window_opens=opens, window_closes=closes)
    world.decision = replace(world.decision, plan=world.plan)
    world.ready()
    world.intend(Phase.FORWARD, SEND)


@contextmanager
def site(start: Start, below: Path, words: str, *, through: bool = False, login: str = "") -> Iterator[Site]:
    """`login`: the line of a key that the array knows instead of the keyholder's CA."""
    world = make(below)
    step = Step("stage", "Stage.", mutates=True, command=words, answers=(Told(PROCEED, "y"),), again="safe")
    try:
        signed(world, step)
        row = {"id": CANARY, "bastion": through, "sealed": bool(login)}
        with world.keyholder(arrays=[row, {"id": CONTROL}]):
            ca = KeyholderOffice(world.ledger, world.socket, 5).public_line()
            knows = "PubkeyAcceptedAlgorithms ssh-rsa\n" if login else ""
            array, pins = old(start, below, knows, ca="" if login else ca, principals=f"{CANARY}\n")
            (array.home / "authorized").write_text(login)
            way = None
            if through:
                line = f'restrict,port-forwarding,permitopen="127.0.0.1:{array.port}" {CANARY}\n'
                way = start(ca=ca, principals=line, forwarding=True, more="ForceCommand /bin/false\n")
                pins = replace(pins, entries=pins.entries + way.pinned.entries)
            via = Bastion(id="jump", ssh=Ssh(host="127.0.0.1", port=way.port), user=USER) if way else None
            inventory = fleet(array, via=via)
            named = inventory.model_copy(
                update={"arrays": tuple(one.model_copy(update={"id": CANARY}) for one in inventory.arrays)}
            )
            yield Site(world, array, way, hands(named, pins))
    finally:
        world.ledger.close()


def hands(inventory: Any, pins: HostKeys) -> Hands:
    return Hands(
        inventory=inventory,
        asker=cast(Asker, None),
        arrays=cast(Arrays, None),
        known_answers=cast(KnownAnswers, None),
        pinned=pins,
        mutate_user=USER,
        timeouts=PATIENT,
        images=Path(),
        clock=lambda: datetime.now(UTC),
        legacy_python=RUNNER,
    )


def test_a_permit_of_the_keyholder_opens_the_bastion_and_the_old_array_for_its_one_step(
    start: Start, tmp_path: Path, note: Path
) -> None:
    with site(start, tmp_path, asks(note, PROCEED), through=True) as here:
        permit = here.world.ask()
        reply = here.act(permit)
        assert (reply.state, reply.exit_status, note.read_text()) == (ReplyState.ANSWERED, 0, "y\n")
        said = f'Accepted certificate ID "{here.world.plan.change}" (serial {permit.serial})'
        assert here.bastion is not None
        for server in (here.array, here.bastion):
            assert said in server.log.read_text()
        with pytest.raises(Outside, match="no legacy runner is installed"):
            here.act(permit, legacy_python=None)


def test_a_permit_that_is_over_or_of_another_array_or_key_opens_nothing(
    start: Start, tmp_path: Path, note: Path
) -> None:
    with site(start, tmp_path, asks(note, PROCEED)) as here:
        permit = here.world.ask()
        with pytest.raises(Refused, match=r"time of this connection on \S+ is over"):
            here.act(replace(permit, expires=datetime.now(UTC) - timedelta(seconds=1)))
        with pytest.raises(Refused, match="belongs to another key"):
            here.act(replace(permit, key=Ed25519PrivateKey.generate()))
        (here.array.home / "principals").write_text(f"{CONTROL}\n")
        with pytest.raises(Outside, match="refused the login"):
            here.act(permit)
        assert note.read_text() == ""


def test_a_credential_that_was_sealed_is_shown_to_the_old_array_and_the_certificate_to_its_bastion_alone(
    start: Start, tmp_path: Path, note: Path
) -> None:
    login = tmp_path / "login"
    subprocess.run([need("ssh-keygen"), "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(login)], check=True)
    line = login.with_suffix(".pub").read_text()
    with site(start, tmp_path, asks(note, PROCEED), through=True, login=line) as here:
        with here.world.memory() as memory:
            box = open_seal(here.world.home / "keyholder" / "seal").close(
                CANARY, Credential(USER, "", login.read_text())
            )
            memory.keep_sealed(CANARY, box, here.world.now)
        reply = here.act(here.world.ask())
        assert (reply.state, note.read_text()) == (ReplyState.ANSWERED, "y\n")
        assert "Accepted certificate" not in here.array.log.read_text()
        assert here.bastion is not None
        assert "Accepted certificate" in here.bastion.log.read_text()
