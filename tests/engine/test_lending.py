"""A step whose permit stayed with the keyholder: what the gate opens, and what it leaves to be said over it."""

import socket
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.engine.hands import CARRYING_S
from gate.errors import Refused
from gate.evidence import Reply, ReplyState
from gate.inventory import Ssh
from gate.permits.office import Permit
from gate.ssh.lending import pump
from gate.ssh.tunnel import Tunnel
from gate.step import Step
from tests import cases
from tests.engine.histories import CANARY, PLAN, STAGE
from tests.engine.test_steps import NOW, Voices, hands_of

NOBODY = Ed25519PrivateKey.generate()


def acted(step: Step, **array: Any) -> tuple[Reply, list[tuple[object, ...]], list[object]]:
    """Act on an array where somebody listens and says nothing; return what was lent, too, and what cuts it."""
    heard, cuts = list[tuple[object, ...]](), list[object]()

    def carry(sock: socket.socket, image: Path | None, words: str, seconds: float) -> Reply:
        heard.append((sock.getpeername() == listening.getsockname(), image, words, seconds))
        return Reply(CANARY, words, ReplyState.ANSWERED, NOW, NOW, 0)

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        at, fleet = Ssh(host="127.0.0.1", port=listening.getsockname()[1]), cases.fleet()
        own = {"ssh": at, **array}
        arrays = tuple(one.model_copy(update=own) if one.id == CANARY else one for one in fleet.arrays)
        hands = replace(
            hands_of(Voices([])),
            inventory=fleet.model_copy(update={"arrays": arrays}),
            images=Path("/images"),
            attach=cuts.append,
        )
        given = Permit(CANARY, 7, NOW + timedelta(minutes=5), "", NOBODY, carry=carry)
        return hands.act(PLAN, step, given, NOW + timedelta(seconds=20)), heard, cuts


def test_a_connection_is_lent_and_for_an_upload_the_image_as_the_plan_names_it() -> None:
    command = PLAN.forward[STAGE]
    reply, heard, cuts = acted(command)
    assert reply.state is ReplyState.ANSWERED
    assert heard == [(True, None, command.command, command.within_s + CARRYING_S)]
    assert len(cuts) == 1, "a stop can cut it"
    upload = replace(command, send="/upgrade", within_s=1)
    assert acted(upload)[1] == [(True, Path("/images") / PLAN.image_file, upload.command, 20 + CARRYING_S)]


class Ended:
    """A bastion's channel that has ended: nothing comes, and nothing is taken."""

    closed = False

    def send(self, data: bytes) -> int:
        return 0 * len(data)

    def close(self) -> None:
        self.closed = True


def test_what_a_bastion_no_longer_takes_ends_both_ends() -> None:
    near, far = socket.socketpair()
    way = Ended()
    with near, far:
        near.sendall(b"words")
        pump(far.recv, way.send, far, cast(Tunnel, way))
        assert way.closed
        assert near.recv(10) == b""


def test_an_array_of_the_legacy_runner_is_lent_to_nobody() -> None:
    with pytest.raises(Refused, match="spoken to by the legacy runner; nothing was sent"):
        acted(PLAN.forward[STAGE], legacy=True)
