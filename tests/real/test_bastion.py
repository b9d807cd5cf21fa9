"""Arrays behind a bastion, and everything that narrows a permit, against Debian's OpenSSH on both machines."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gate.change import Grant, Purpose
from gate.errors import HostKeyRefused, Outside, Refused
from gate.evidence import ReplyState
from gate.hostkeys import HostKeys, parse
from gate.inventory import Bastion, Ssh
from gate.keyholding import krl
from gate.keys import public_line
from gate.permits.office import Narrowing, Permit, PermitOffice
from gate.permits.register import Register
from gate.ssh.client import connect
from gate.ssh.session import Session
from tests.parts import need
from tests.places import free_port
from tests.real.sshd import QUICK, USER, Server, servers

PLAN = f"sha256:{'a' * 64}"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    with servers(tmp_path) as begin:
        yield begin


@pytest.fixture
def office(tmp_path: Path) -> PermitOffice:
    return PermitOffice.open(tmp_path / "ca" / "key", timedelta(minutes=10), through=["west-2", "west-3"])


def permit(office: PermitOffice, array: str = "west-2", **narrowing: object) -> Permit:
    """A permit as the keyholder makes it; forwarding unless said otherwise."""
    key, now = Ed25519PrivateKey.generate(), datetime.now(tz=UTC)
    grant = Grant("chg-0001", "canary", array, Purpose.FORWARD, PLAN, now + timedelta(minutes=5))
    narrow = Narrowing(**{"forwarding": True, **narrowing})  # type: ignore[arg-type]
    serial, expires, certificate = office.certify(grant, now, key.public_key(), narrow)
    return Permit(array, serial, expires, certificate, key)


def through(bastion: Server, array: Server, given: Permit, **changed: object) -> Session:
    """Connect to the array over the bastion, both host keys pinned."""
    pinned = HostKeys(bastion.pinned.entries + array.pinned.entries)
    wanted = {"pinned": pinned, "key": given.key, "certificate": given.certificate, "timeouts": QUICK} | changed
    via = Bastion(id="jump-west", ssh=Ssh(host="127.0.0.1", port=bastion.port), user=USER)
    return connect("west-2", Ssh(host="127.0.0.1", port=array.port), user=USER, via=via, **wanted)  # type: ignore[arg-type]


def bastion_for(start: Callable[..., Server], office: PermitOffice, *ways: tuple[str, int]) -> Server:
    """A bastion that lets each principal through to its own array alone, and runs nothing."""
    lines = "".join(f'restrict,port-forwarding,permitopen="127.0.0.1:{port}" {name}\n' for name, port in ways)
    return start(ca=office.public_line(), principals=lines, forwarding=True, more="ForceCommand /bin/false\n")


def test_one_certificate_opens_the_bastion_and_the_array_behind_it(
    start: Callable[..., Server], office: PermitOffice
) -> None:
    array, given = start(ca=office.public_line()), permit(office)
    bastion = bastion_for(start, office, ("west-2", array.port))
    with through(bastion, array, given) as session:
        first, second = (session.run(f"echo {word}", deadline_s=60) for word in ("one", "two"))
        big = session.run("head -c 3000000 /dev/zero", deadline_s=60, limit_bytes=8_000_000)
    assert (first.stdout, second.stdout, len(big.stdout)) == (b"one\n", b"two\n", 3_000_000)
    for server in (bastion, array):
        assert f'Accepted certificate ID "chg-0001" (serial {given.serial})' in server.log.read_text()
    assert array.log.read_text().count("Connection from") == 1


def test_a_bastion_opens_no_way_to_another_array_and_runs_nothing(
    start: Callable[..., Server], office: PermitOffice
) -> None:
    array, other = start(ca=office.public_line()), start(ca=office.public_line(), principals="west-3\n")
    bastion = bastion_for(start, office, ("west-2", array.port), ("west-3", other.port))
    given = permit(office)
    with pytest.raises(Outside, match="bastion jump-west opens no way to west-2"):
        through(bastion, other, given)
    with bastion.connect(key=given.key, certificate=given.certificate) as session:
        assert session.run("echo in", deadline_s=60).exit_status != 0


def test_a_permit_that_is_not_for_a_way_through_opens_none(start: Callable[..., Server], office: PermitOffice) -> None:
    array = start(ca=office.public_line())
    bastion = bastion_for(start, office, ("west-2", array.port))
    with pytest.raises(Outside, match="opens no way"):
        through(bastion, array, permit(office, forwarding=False))


def test_a_permit_for_another_array_passes_neither_bastion_nor_array(
    start: Callable[..., Server], office: PermitOffice
) -> None:
    array = start(ca=office.public_line())
    bastion = bastion_for(start, office, ("west-2", array.port))
    with pytest.raises(Outside, match="bastion jump-west refused the login"):
        through(bastion, array, permit(office, "west-3"))


def test_each_of_the_two_host_keys_is_compared_before_anything_is_shown(
    start: Callable[..., Server], office: PermitOffice
) -> None:
    array, stranger = start(ca=office.public_line()), start()
    bastion = bastion_for(start, office, ("west-2", array.port))
    wrong = f"[127.0.0.1]:{bastion.port} {stranger.host_line}\n"
    with pytest.raises(HostKeyRefused, match="bastion jump-west shows another host key"):
        through(bastion, array, permit(office), pinned=HostKeys(parse(wrong, "k").entries + array.pinned.entries))
    wrong = f"[127.0.0.1]:{array.port} {stranger.host_line}\n"
    with pytest.raises(HostKeyRefused, match="west-2 shows another host key"):
        through(bastion, array, permit(office), pinned=HostKeys(bastion.pinned.entries + parse(wrong, "k").entries))
    with pytest.raises(HostKeyRefused, match="no host key is pinned for the bastion"):
        through(bastion, array, permit(office), pinned=array.pinned)
    assert "Accepted" not in array.log.read_text()


def test_an_array_that_is_down_behind_a_bastion_is_named(start: Callable[..., Server], office: PermitOffice) -> None:
    array = start(ca=office.public_line())
    gone = Server(free_port(), array.key, array.host_line, array.log, array.home)
    bastion = bastion_for(start, office, ("west-2", gone.port))
    with pytest.raises(Outside, match="opens no way to west-2"):
        through(bastion, gone, permit(office))


def test_a_bastion_that_goes_away_in_mid_command_leaves_it_unknown(
    start: Callable[..., Server], office: PermitOffice
) -> None:
    array = start(ca=office.public_line())
    bastion = bastion_for(start, office, ("west-2", array.port))
    master = (bastion.home / "pid").read_text().strip()

    def kill_sessions() -> None:
        for child in Path(f"/proc/{master}/task/{master}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)

    with through(bastion, array, permit(office)) as session:
        threading.Timer(2, kill_sessions).start()
        reply = session.run("sleep 60", deadline_s=50)
    assert (reply.state, reply.exit_status) == (ReplyState.LOST, None)


def test_an_array_that_knows_no_certificates_is_given_its_sealed_key_over_the_bastion(
    start: Callable[..., Server], office: PermitOffice
) -> None:
    """The certificate guards the bastion; the array sees only its own key."""
    array, given = start(), permit(office)
    bastion = bastion_for(start, office, ("west-2", array.port))
    pem = array.key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    with through(bastion, array, given, pem=pem) as session:
        assert session.run("echo in", deadline_s=60).stdout == b"in\n"
    assert "certificate" not in array.log.read_text()
    assert "Accepted certificate" in bastion.log.read_text()


def test_a_permit_runs_the_exact_words_that_were_signed_whatever_is_asked_for(
    start: Callable[..., Server], office: PermitOffice
) -> None:
    array = start(ca=office.public_line())
    given = permit(office, command="echo the signed words")
    with array.connect(key=given.key, certificate=given.certificate) as session:
        assert session.run(f"touch {array.home}/never", deadline_s=60).stdout == b"the signed words\n"
    assert not (array.home / "never").exists()


def test_a_permit_is_taken_from_its_source_address_alone(start: Callable[..., Server], office: PermitOffice) -> None:
    array = start(ca=office.public_line())
    here, elsewhere = permit(office, source_address="127.0.0.0/8"), permit(office, source_address="10.77.0.254/32")
    with array.connect(key=here.key, certificate=here.certificate) as session:
        assert session.run("echo in", deadline_s=60).stdout == b"in\n"
    with pytest.raises(Outside, match="refused the login"):
        array.connect(key=elsewhere.key, certificate=elsewhere.certificate)
    assert "not from a permitted source address" in array.log.read_text()


def test_a_revoked_permit_is_refused_at_the_next_login_and_others_are_not(
    start: Callable[..., Server], office: PermitOffice, tmp_path: Path
) -> None:
    listed = tmp_path / "revoked.krl"
    listed.write_bytes(krl.write(office.public_line(), (), 1, 1))
    array = start(ca=office.public_line(), more=f"RevokedKeys {listed}\n")
    one, two = permit(office), permit(office)
    for given in (one, two):
        array.connect(key=given.key, certificate=given.certificate).close()
    listed.write_bytes(krl.write(office.public_line(), (one.serial, 7), 2, 2))
    with pytest.raises(Outside, match="refused the login"):
        array.connect(key=one.key, certificate=one.certificate)
    assert "revoked by file" in array.log.read_text()
    array.connect(key=two.key, certificate=two.certificate).close()


def test_a_stop_revokes_what_the_gates_own_office_has_made_for_that_change_and_for_no_other(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    """By OpenSSH's word, over a restart of the gate too: its register remembers what the process before has made."""
    ca, listed = Ed25519PrivateKey.generate(), tmp_path / "revoked.krl"
    now = datetime.now(tz=UTC)

    def opened() -> PermitOffice:
        line = public_line(ca, "sangate-ca")
        register = Register(line, tmp_path / "live", listed, lambda: datetime.now(tz=UTC))
        register.start()
        return PermitOffice(ca, timedelta(minutes=10), register=register)

    def issued(office: PermitOffice, change: str) -> Permit:
        return office.issue(Grant(change, "canary", "west-2", Purpose.FORWARD, PLAN, now + timedelta(minutes=5)), now)

    office = opened()
    array = start(ca=public_line(ca, "sangate-ca"), more=f"RevokedKeys {listed}\n")
    stopped, used, other = issued(office, "chg-0001"), issued(office, "chg-0002"), issued(office, "chg-0002")
    for given in (stopped, used, other):
        array.connect(key=given.key, certificate=given.certificate).close()
    office = opened()
    office.stopped("chg-0001")
    office.over(used)
    for given in (stopped, used):
        with pytest.raises(Outside, match="refused the login"):
            array.connect(key=given.key, certificate=given.certificate)
    assert array.log.read_text().count("revoked by file") >= 2
    for given in (other, issued(office, "chg-0001")):  # what people of the house do after it is another permit
        array.connect(key=given.key, certificate=given.certificate).close()


def test_openssh_reads_our_list_of_revoked_permits(office: PermitOffice, tmp_path: Path) -> None:
    keygen, listed = need("ssh-keygen"), tmp_path / "list"
    one, two = permit(office), permit(office)
    listed.write_bytes(krl.write(office.public_line(), (one.serial,), 1, 1))
    for given, code in ((one, 1), (two, 0)):
        line = tmp_path / f"{given.serial}-cert.pub"
        line.write_text(given.certificate)
        ran = subprocess.run([keygen, "-Q", "-f", str(listed), str(line)], check=False, capture_output=True, text=True)
        assert ran.returncode == code, ran.stdout + ran.stderr


def test_a_certificate_without_its_key_opens_nothing(start: Callable[..., Server], office: PermitOffice) -> None:
    """Taken from a log or a wire it is nothing without the key that never left the gate's memory."""
    array, given = start(ca=office.public_line()), permit(office)
    with pytest.raises(Refused, match="belongs to another key"):
        array.connect(key=Ed25519PrivateKey.generate(), certificate=given.certificate)
