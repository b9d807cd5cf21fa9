"""The socket between gate and keyholder: who may speak, what happens when one of the two is away, slow or broken."""

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from gate.canonical import Json, encode, utc
from gate.errors import Outside, Refused
from gate.keyholder.place import memory_of
from gate.keyholding import words
from gate.keys import public_line
from gate.ledger.entry import GATE, Draft
from gate.permits.asking import KeyholderOffice
from gate.permits.following import Following
from gate.permits.office import Narrowing, PermitOffice
from tests.cases import NOON, SECOND
from tests.engine.histories import CANARY, STAGE
from tests.keyholder.world import LIFETIME, World

Answer = Callable[[socket.socket], None]


@contextmanager
def impostor(path: Path, answer: Answer) -> Iterator[None]:
    """Whatever else listens on the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def work() -> None:
            peer, _ = listener.accept()
            with peer:
                answer(peer)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield
    thread.join(60)


def silence(peer: socket.socket) -> None:
    while peer.recv(65536):
        continue


def drip(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.sendall(struct.pack(">I", 200))
    for _ in range(200):
        try:
            peer.sendall(b"{")
        except OSError:
            return
        threading.Event().wait(0.05)


def hang_up(peer: socket.socket) -> None:
    peer.recv(65536)


def rubbish(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.sendall(struct.pack(">I", 9) + b"not json!")


def flood(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.sendall(struct.pack(">I", 1 << 31))


def another_shape(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.sendall(words.framed({"size": -1}))


@pytest.mark.parametrize(
    ("answer", "patience_s", "why"),
    [
        (silence, 0.5, r"did not answer within 0\.5 s"),
        (drip, 0.5, r"did not answer within 0\.5 s"),
        (hang_up, 60, "went away"),
        (rubbish, 60, "cannot be read"),
        (flood, 60, "cannot be read"),
        (another_shape, 60, "not of the form"),
    ],
)
def test_whatever_a_keyholder_does_but_answer_is_one_sentence_and_no_permit(
    world: World, answer: Answer, patience_s: float, why: str
) -> None:
    world.ready()
    with impostor(world.socket, answer), pytest.raises(Outside, match=why):
        KeyholderOffice(world.ledger, world.socket, patience_s).follow()


def test_a_keyholder_that_is_away_is_named_with_its_socket(world: World) -> None:
    world.ready()
    with pytest.raises(Outside, match=f"away .*{world.socket}") as away:
        world.ask()
    assert "does it run" in away.value.hint


def another_permit(world: World, key: Ed25519PublicKey | None, **changed: Any) -> Answer:
    """Somebody who answers every question well, and certifies something else than was asked for."""
    office = PermitOffice.open(world.home / "rogue", LIFETIME)

    def answer(peer: socket.socket) -> None:
        while header := peer.recv(words.HEADER, socket.MSG_WAITALL):
            asked = words.asked(peer.recv(words.length(header), socket.MSG_WAITALL))
            told: dict[str, Json] = {"size": 0}
            if isinstance(asked, words.PermitWish):
                public = load_ssh_public_key(asked.public_key.encode())
                assert isinstance(public, Ed25519PublicKey)
                grant = replace(world.grant(), **changed)
                serial, expires, line = office.certify(grant, world.now - LIFETIME / 2, key or public, Narrowing())
                told = {"serial": str(serial), "expires": utc(expires), "certificate": line}
            peer.sendall(words.framed(told))

    return answer


OTHER = Ed25519PrivateKey.generate().public_key()


@pytest.mark.parametrize(
    ("key", "changed"),
    [
        (OTHER, {}),
        (None, {"array": "east-1"}),
        (None, {"plan_digest": f"sha256:{'e' * 64}"}),
        (None, {"expires": NOON - SECOND}),
    ],
)
def test_a_certificate_for_another_key_array_plan_or_time_is_not_used(
    world: World, key: Ed25519PublicKey | None, changed: dict[str, Any]
) -> None:
    world.ready()
    answer = another_permit(world, key, **changed)
    with impostor(world.socket, answer), pytest.raises(Outside, match="another permit than"):
        world.ask()


def test_what_was_asked_for_is_used(world: World) -> None:
    """The other side of the test above: the same impostor, and nothing changed."""
    world.ready()
    with impostor(world.socket, another_permit(world, None)):
        assert world.ask().array == CANARY


def test_another_user_of_the_machine_may_ask_nothing(world: World) -> None:
    world.ready()
    with world.keyholder(clients=[str(os.getuid() + 1)]), pytest.raises(Refused, match="may ask nothing here"):
        world.ask()


def test_of_another_user_nothing_is_read_before_the_no(world: World) -> None:
    """One that connects and stays silent would hold up everybody else."""
    world.ready()
    with world.keyholder(clients=[str(os.getuid() + 1)]):
        for _ in range(3):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.connect(str(world.socket))
                said = b"".join(iter(lambda: line.recv(65536), b""))
                assert "may ask nothing here" in str(words.unframed(said[words.HEADER :])["refused"])


def test_a_no_that_comes_before_the_question_is_told_as_it_was_said(world: World) -> None:
    gone = threading.Event()

    def no(peer: socket.socket) -> None:
        peer.sendall(words.framed({"refused": "user 7 may ask nothing here", "hint": ""}))
        peer.close()
        gone.set()

    office = KeyholderOffice(world.ledger, world.socket, 30)
    with impostor(world.socket, no), office._talk() as line:
        assert gone.wait(30)
        with pytest.raises(Refused, match="user 7 may ask nothing here"):
            line.ask({"ask": "where"})


def test_what_is_nothing_that_can_be_asked_is_refused_and_the_next_one_served(world: World) -> None:
    world.ready()
    with world.keyholder():
        for said in (b"{}", b"[]", b'{"ask":"ca"}', b'{"ask":"permit"}', b"\xff", b"[" * 100_000):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.connect(str(world.socket))
                line.sendall(struct.pack(">I", len(said)) + said)
                told = words.unframed(line.recv(65536)[words.HEADER :])
                assert told["refused"] == "this is nothing that can be asked here"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(str(world.socket))
            line.sendall(struct.pack(">I", words.LARGEST + 1))
            assert line.recv(65536) == b""
        assert world.ask().array == CANARY


def test_a_wish_before_the_ledger_was_told_is_refused(world: World) -> None:
    world.ready()
    with world.keyholder(), KeyholderOffice(world.ledger, world.socket)._talk() as line:
        key = "ssh-ed25519 " + "A" * 68
        wish: dict[str, Json] = {"ask": "permit", "change": "chg-0001", "array": CANARY, "phase": "forward"}
        with pytest.raises(Refused, match="first the ledger"):
            line.ask({**wish, "number": 1, "plan": "", "verdict": "", "public_key": key})


def test_a_wish_is_granted_once(world: World) -> None:
    """The same bytes again, with the same key: whoever has recorded the first wish gains nothing."""
    world.ready()
    office, wish = KeyholderOffice(world.ledger, world.socket), recorded(world)
    with world.keyholder(), office._talk() as line:
        office._tell(line)
        assert "certificate" in line.ask(wish)
        with pytest.raises(Refused, match="granted once"):
            line.ask(wish)
    with world.keyholder(), office._talk() as line:
        office._tell(line)
        with pytest.raises(Refused, match="granted once"):
            line.ask(wish)


def recorded(world: World) -> dict[str, Json]:
    """A wish as it goes over the socket."""
    return {
        "ask": "permit",
        "change": world.plan.change,
        "array": CANARY,
        "phase": "forward",
        "number": STAGE,
        "plan": encode(world.plan.material()).decode(),
        "verdict": encode(world.decision.blob()).decode(),
        "public_key": public_line(Ed25519PrivateKey.generate(), "").strip(),
    }


def test_a_long_ledger_is_told_in_parts_and_only_changes_under_way_are_kept(world: World) -> None:
    for _ in range(40):
        world.ledger.append_all([Draft("attempt.refused", GATE, None, {"what": "x" * 200, "why": "y" * 900})] * 50)
    world.ready()
    office = KeyholderOffice(world.ledger, world.socket)
    with world.keyholder(), world.memory() as memory:
        size = world.ledger.size()
        assert office.follow() == size == memory.head().size
        assert len(memory.entries(world.plan.change)) == 6
        assert world.ask().array == CANARY


def test_a_killed_keyholder_goes_on_where_it_was(world: World) -> None:
    world.ready()
    with world.keyholder(), world.memory() as memory:
        permit = world.ask()
        size = memory.head().size
    world.add("hold.placed", "anybody", reason="smoke")
    with world.keyholder(), world.memory() as memory:
        assert memory.head().size == size
        assert [row[0] for row in memory.permits()] == [str(permit.serial)]
        with pytest.raises(Refused, match="on hold: smoke"):
            world.ask()


def test_two_keyholders_never_serve_from_one_memory(world: World) -> None:
    with world.keyholder(), pytest.raises(Outside, match="another keyholder runs"):
        memory_of(world.home / "keyholder", serving=True)


def test_entries_are_told_as_they_come(world: World) -> None:
    world.ready()
    following = Following(KeyholderOffice(world.ledger, world.socket), world.ledger)
    with world.keyholder(), world.memory() as memory:
        following.start()
        try:
            for _ in range(1200):
                if memory.head().size == world.ledger.size():
                    break
                threading.Event().wait(0.05)
            assert memory.head().size == world.ledger.size()
            assert following.problem == ""
        finally:
            following.close()
