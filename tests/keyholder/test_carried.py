"""Steps that the keyholder sends itself, to Debian's OpenSSH: what the gate lends, and what it can do with it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gate.canonical import Json, sha256, utc
from gate.change import Phase
from gate.errors import GateError, Refused
from gate.evidence import Reply, ReplyState
from gate.hostkeys import HostKeys
from gate.inventory import Bastion, Ssh
from gate.keyholder.carrying import upload_mark
from gate.keyholder.sealing import open_seal, read_secret
from gate.permits.asking import KeyholderOffice
from gate.permits.office import Permit, PermitOffice
from gate.ssh.lending import Lent, lend
from gate.ssh.wire import utc_now
from tests.engine.histories import CANARY, do, plan
from tests.keyholder.world import LIFETIME, World
from tests.real.sshd import QUICK, USER, Server, servers

IMAGE = b"the approved image" * 4000
SEND, RUN, WAIT = 0, 1, 2
WORDS = "echo it runs"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    with servers(tmp_path) as begin:
        yield begin


@pytest.fixture
def array(world: World, start: Callable[..., Server], tmp_path: Path) -> Server:
    """An array that trusts the keyholder's CA; the change that was signed sends it an image and runs a command."""
    (tmp_path / "upgrade").mkdir()
    (tmp_path / "image").write_bytes(IMAGE)
    steps = (
        do("stage", send=str(tmp_path / "upgrade"), again="safe"),
        replace(do("apply", again="ask", finish_first=True), command=WORDS),
        replace(do("wait", again="ask", finish_first=True), command="cat >/dev/null"),
    )
    world.now = datetime.now(tz=UTC)
    opens, closes = (utc(world.now + timedelta(hours=by)) for by in (-1, 1))
    world.plan = plan(
        forward=steps, image_sha256=sha256(IMAGE), image_file="fw.img", window_opens=opens, window_closes=closes
    )
    world.ready()
    return start(ca=office(world).public_line(), principals=f"{CANARY}\n")


def office(world: World) -> PermitOffice:
    """What the keyholder signs with, as an administrator reads it."""
    (world.home / "keyholder").mkdir(mode=0o700, exist_ok=True)
    return PermitOffice.open(world.home / "keyholder" / "ca", LIFETIME)


def carried(host_line: str, **more: Any) -> list[dict[str, Any]]:
    return [{"id": CANARY, "carried": {"user": USER, "host_keys": [host_line]}, **more}]


def ask(world: World, number: int) -> Permit:
    """Ask at this very moment: what sends has a clock of its own."""
    world.now = datetime.now(tz=UTC)
    return world.ask(number=number)


def intend(world: World, permit: Permit, number: int, within: timedelta = timedelta(minutes=4)) -> None:
    """What an honest gate enters before it acts."""
    until = utc(world.now + within)
    data: dict[str, Json] = {"purpose": "forward", "stage": "canary", "array": CANARY, "plan_digest": "", "expires": ""}
    world.add("permit.issued", **data, serial=str(permit.serial))
    world.add("step.intended", **world.named(Phase.FORWARD, number), command="", act_before=until, attempt=1)


def taken(world: World) -> None:
    """An upload that a carrier saw taken whole, as it leaves it behind."""
    (world.home / "keyholder" / "carried").mkdir(mode=0o700, exist_ok=True)
    (world.home / "keyholder" / "carried" / upload_mark(world.plan, SEND)).touch()


def lent(array: Server, permit: Permit, via: Server | None = None) -> Any:
    """Open the way as the gate does."""
    way = Bastion(id="jump", ssh=Ssh(host="127.0.0.1", port=via.port), user=USER) if via else None
    return lend(
        CANARY,
        Ssh(host="127.0.0.1", port=array.port),
        key=permit.key,
        certificate=permit.certificate,
        via=way,
        pinned=via.pinned if via else HostKeys(),
        timeouts=QUICK,
        clock=utc_now,
    )


def carry(permit: Permit, way: Lent, image: Path | None = None) -> Reply:
    assert permit.carry is not None
    return permit.carry(way.sock, image, WORDS, 240)


def test_image_and_command_go_as_signed_and_nothing_that_logs_in_leaves_the_keyholder(
    world: World, array: Server, tmp_path: Path
) -> None:
    with world.keyholder(arrays=carried(array.host_line)):
        permit = ask(world, SEND)
        intend(world, permit, SEND)
        (tmp_path / "upgrade" / "fw.img").mkdir()  # in its way
        with lent(array, permit) as way:
            assert carry(permit, way, tmp_path / "image").exit_status == 1
        world.ended(Phase.FORWARD, SEND)
        (tmp_path / "upgrade" / "fw.img").rmdir()
        with pytest.raises(Refused, match="step stage comes first, and nobody here saw its image taken whole"):
            ask(world, RUN)
        permit = ask(world, SEND)
        assert (permit.certificate, permit.password, permit.pem) == ("", "", "")
        with lent(array, permit) as way:
            intend(world, permit, SEND)
            reply = carry(permit, way, tmp_path / "image")
        assert (reply.state, reply.exit_status) == (ReplyState.ANSWERED, 0)
        assert (tmp_path / "upgrade" / "image").exists() is False
        assert (tmp_path / "upgrade" / "fw.img").read_bytes() == IMAGE
        with lent(array, permit) as way, pytest.raises(Refused, match="no permit of that serial waits"):
            carry(permit, way, tmp_path / "image")
        world.ended(Phase.FORWARD, SEND)
        permit = ask(world, RUN)
        with lent(array, permit) as way:
            intend(world, permit, RUN)
            told = carry(permit, way)
        assert (told.state, told.stdout, told.command) == (ReplyState.ANSWERED, b"it runs\n", WORDS)
        world.add("change.closed", outcome="left as it is")
        KeyholderOffice(world.ledger, world.socket, patience_s=60).follow()
    assert not list((world.home / "keyholder" / "carried").iterdir()), "neither images nor marks stay"


def test_other_bytes_under_the_approved_name_are_not_sent(world: World, array: Server, tmp_path: Path) -> None:
    """The gate is in other hands: permit, entry and connection are in order, and the file that it opens is not."""
    (tmp_path / "image").write_bytes(IMAGE[:-1] + b"!")
    with world.keyholder(arrays=carried(array.host_line)):
        permit = ask(world, SEND)
        intend(world, permit, SEND)
        with lent(array, permit) as way, pytest.raises(Refused, match="not the approved image"):
            carry(permit, way, tmp_path / "image")
    assert not list((tmp_path / "upgrade").iterdir())


def test_what_no_entry_tells_of_is_not_sent(world: World, array: Server, tmp_path: Path) -> None:
    with world.keyholder(arrays=carried(array.host_line)):
        permit = ask(world, SEND)
        with lent(array, permit) as way:
            with pytest.raises(Refused, match="no entry names this permit"):
                carry(permit, way, tmp_path / "image")
            intend(world, permit, SEND, timedelta(0))
            with pytest.raises(Refused, match="the time to act, as its intent says, is over"):
                carry(permit, way, tmp_path / "image")
            permit = ask(world, SEND)
            intend(world, permit, SEND)
            with pytest.raises(Refused, match="a connection is handed over with this, and for an upload the image"):
                carry(permit, way)
            with world.memory() as memory:
                memory.set_hold("an audit")
            with pytest.raises(Refused, match="the keyholder lets nothing begin: an audit"):
                carry(permit, way, tmp_path / "image")
            KeyholderOffice(world.ledger, world.socket, patience_s=60).over(permit)
            with pytest.raises(Refused, match="this permit was revoked"):
                carry(permit, way, tmp_path / "image")


def test_a_connection_to_something_else_is_told_nothing(
    world: World, array: Server, start: Callable[..., Server]
) -> None:
    """A gate in other hands lends a way to a machine of its own, to be shown a password or to play the array."""
    other = start(ca=office(world).public_line(), principals=f"{CANARY}\n")
    with world.keyholder(arrays=carried(array.host_line)):
        ask(world, SEND)
        taken(world)
        permit = ask(world, RUN)
        intend(world, permit, RUN)
        with lent(other, permit) as way, pytest.raises(Refused, match="shows another host key than the pinned one"):
            carry(permit, way)
    assert "Accepted" not in other.log.read_text()


def test_behind_a_bastion_what_leaves_opens_the_bastion_and_runs_nothing_on_the_array(
    world: World, array: Server, start: Callable[..., Server]
) -> None:
    """A sealed key for the array; the array trusts the CA besides, so that the bastion's certificate is tried on it."""
    ways = f'restrict,port-forwarding,permitopen="127.0.0.1:{array.port}" {CANARY}\n'
    bastion = start(ca=office(world).public_line(), principals=ways, forwarding=True, more="ForceCommand /bin/false\n")
    pem = array.key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    with world.keyholder(arrays=carried(array.host_line, bastion=True, sealed=True)):
        with world.memory() as memory:
            box = open_seal(world.home / "keyholder" / "seal").close(CANARY, read_secret(USER, pem))
            memory.keep_sealed(CANARY, box, world.now)
        ask(world, SEND)
        taken(world)
        permit = ask(world, RUN)
        assert not permit.pem
        intend(world, permit, RUN)
        with lent(array, permit, bastion) as way:
            told = carry(permit, way)
        assert (told.state, told.stdout) == (ReplyState.ANSWERED, b"it runs\n")
        with array.connect(key=permit.key, certificate=permit.certificate) as session:
            tried = session.run("echo by the gate", deadline_s=30)
        assert (tried.stdout, tried.exit_status) == (b"", 1)


def test_a_keyholder_that_ends_while_it_sends_leaves_it_unknown(world: World, array: Server) -> None:
    came: list[Reply | GateError] = []
    with ExitStack() as ends:
        ends.enter_context(world.keyholder(arrays=carried(array.host_line)))
        ask(world, SEND)
        taken(world)
        ask(world, RUN)
        permit = ask(world, WAIT)
        intend(world, permit, WAIT)
        way = ends.enter_context(lent(array, permit))

        def work() -> None:
            try:
                came.append(carry(permit, way))
            except GateError as error:
                came.append(error)

        asking = threading.Thread(target=work)
        asking.start()
        _until(lambda: "Accepted" in array.log.read_text())
        second = ask(world, WAIT)
        intend(world, second, WAIT)
        with lent(array, second) as other, pytest.raises(Refused, match="are being sent already: one to an array"):
            carry(second, other)
    asking.join(240)
    assert isinstance(came[0], Reply)
    assert came[0].state is ReplyState.LOST


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        threading.Event().wait(0.1)
    raise AssertionError("it never came")
