"""Greeting what is not pinned, and pinning it after somebody has compared: against Debian's OpenSSH."""

import json
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.cli.main import main
from gate.errors import Outside
from gate.gather.greeting import Greeting, greet_one
from gate.hostkeys import HostKeys
from gate.inventory import Bastion, Inventory, Ssh
from gate.settings import shipped
from gate.ssh.client import connect
from gate.ssh.offers import ask_offers, clash, ours
from gate.ssh.pins import read_host_keys
from gate.ssh.wire import Wire
from tests import cases
from tests.parts import need
from tests.real.sshd import QUICK, USER, Server, servers

Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with servers(tmp_path) as begin:
        yield begin


def fleet(server: Server, via: Bastion | None = None) -> Inventory:
    """The cases' fleet, with the server in place of west-1."""
    told = cases.fleet().model_dump()
    array = next(one for one in told["arrays"] if one["id"] == "west-1")
    array["ssh"] = {"host": "127.0.0.1", "port": server.port}
    if via is not None:
        array["via"], told["bastions"] = via.id, [via.model_dump()]
    return Inventory.model_validate(told)


def greeted(server: Server) -> Greeting:
    """Greet it with nothing pinned."""
    return greet_one(fleet(server), "west-1", Ed25519PrivateKey.generate(), HostKeys(), QUICK)


def shown_by_keygen(server: Server) -> str:
    ran = subprocess.run(
        [need("ssh-keygen"), "-lf", "-"], input=server.host_line, capture_output=True, text=True, check=True
    )
    return ran.stdout.split()[1]


def test_a_greeting_shows_the_fingerprint_that_ssh_keygen_prints_and_logs_nobody_in(start: Start) -> None:
    server = start()
    greeting = greeted(server)
    assert greeting.key is not None
    assert greeting.key.fingerprint == shown_by_keygen(server)
    assert "publickey" not in server.log.read_text()


SHA1_ONLY = "KexAlgorithms diffie-hellman-group14-sha1\nHostKeyAlgorithms ssh-rsa\n"


def test_a_server_that_knows_sha_1_alone_is_told_with_what_both_sides_offer(start: Start, tmp_path: Path) -> None:
    old = tmp_path / "rsa"
    subprocess.run([need("ssh-keygen"), "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(old)], check=True)
    greeting = greeted(start(more=f"HostKey {old}\n{SHA1_ONLY}Ciphers aes128-cbc\n"))
    told = "\n".join(greeting.clash)
    assert greeting.key is None
    assert "key exchange: it offers diffie-hellman-group14-sha1; the gate " in told.replace(
        ", kex-strict-s-v00@openssh.com", ""
    )
    assert "host key: it offers ssh-rsa; the gate ssh-ed25519" in told
    assert "cipher: it offers aes128-cbc; the gate aes128-gcm@openssh.com" in told
    assert "curve25519" in told


def test_a_bastion_in_between_is_opened_with_the_reading_key(start: Start) -> None:
    array = start()
    bastion = start(forwarding=True, options=f'restrict,port-forwarding,permitopen="127.0.0.1:{array.port}"')
    way = Bastion(id="jump", ssh=Ssh(host="127.0.0.1", port=bastion.port), user=USER)
    known = fleet(array, way)
    greeting = greet_one(known, "west-1", bastion.key, bastion.pinned, QUICK)
    assert greeting.key is not None
    assert greeting.key.fingerprint == shown_by_keygen(array)
    unpinned = greet_one(known, "west-1", bastion.key, HostKeys(), QUICK)
    assert "no host key is pinned for the bastion jump" in unpinned.problem
    assert greet_one(known, "jump", bastion.key, HostKeys(), QUICK).key is not None


def test_both_our_lists_are_what_paramiko_and_openssh_agree_on(start: Start) -> None:
    server = start()
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        theirs = ask_offers("west-1", Wire(sock, 5), 5)
    assert theirs.banner.startswith("SSH-2.0-OpenSSH")
    assert clash(theirs) == ()
    assert set(theirs.lists[0]) & set(ours().lists[0])


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n" * 60,
        b"x" * 2000,
        b"SSH-2.0-old\r\n" + struct.pack(">IB", 1 << 31, 4),
        b"SSH-2.0-old\r\n" + struct.pack(">IB", 40, 4) + bytes(39),
        b"SSH-2.0-old\r\n" + struct.pack(">IB", 30, 4) + bytes([20]) + bytes(16) + b"\xff\xff\xff\xff" + bytes(8),
    ],
)
def test_whatever_else_answers_is_told_in_a_sentence(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.sendall(said)

        threading.Thread(target=speak, daemon=True).start()
        sock = socket.create_connection(listener.getsockname())
        with pytest.raises(Outside, match="west-1 did not say what it offers"):
            ask_offers("west-1", Wire(sock, 5), 2)


@pytest.fixture
def typed(start: Start, tmp_path: Path) -> tuple[Server, Callable[..., Result], Path]:
    """The shipped fleet with one array that is really there, and the command line on it."""
    server = start()
    config = tmp_path / "config.yaml"
    text = shipped("config.yaml").read_text().replace("host: 127.77.0.11  #", "host: 127.0.0.1  #")
    config.write_text(text.replace("port: 2222  # and this port", f"port: {server.port}  # and this port"))
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "known_hosts").write_text("")

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, ["--config", str(config), "--data", str(data), "inventory", *words])

    return server, run, data


def test_a_person_pins_what_they_have_compared_and_nothing_else(
    typed: tuple[Server, Callable[..., Result], Path],
) -> None:
    server, run, data = typed
    right, wrong = shown_by_keygen(server), "SHA256:" + "A" * 43
    told = run("check", "--json")
    assert told.exit_code == 3
    missing = json.loads(told.stdout)["missing"]
    assert f"no host key is pinned for east-1 (127.0.0.1:{server.port}): it shows ssh-ed25519 {right}" in missing
    refused = run("pin", "east-1", "--fingerprint", wrong)
    assert refused.exit_code == 1
    assert f"east-1 shows ssh-ed25519 {right}, and that is another one" in refused.stderr
    assert (data / "known_hosts").read_text() == ""
    assert run("pin", "nobody", "--fingerprint", right).exit_code == 2
    for _ in range(2):
        assert run("pin", "east-1", "--fingerprint", right).exit_code == 0
    assert (data / "known_hosts").read_text().count("\n") == 1
    pinned = read_host_keys(data / "known_hosts")
    connect("east-1", Ssh(host="127.0.0.1", port=server.port), user=USER, key=server.key, pinned=pinned).close()
    again = json.loads(run("check", "east-1", "--json").stdout)["missing"]
    assert not [line for line in again if "east-1" in line]


def test_an_address_for_uploads_is_enrolled_like_an_array_and_no_image_goes_there_before(
    start: Start, tmp_path: Path
) -> None:
    command, images = start(), start()
    config = tmp_path / "config.yaml"
    text = shipped("config.yaml").read_text().replace("host: 127.77.0.11  #", "host: 127.0.0.1  #")
    text = text.replace("port: 2222  # and this port", f"port: {command.port}  # and this port")
    put = f"upload: {{host: 127.0.0.1, port: {images.port}}}"
    config.write_text(text.replace("# upload: {host: 127.77.0.11, port: 1022}", put, 1))
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "known_hosts").write_text(f"[127.0.0.1]:{command.port} {command.host_line}\n")

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, ["--config", str(config), "--data", str(data), "inventory", *words])

    right = shown_by_keygen(images)
    missing = json.loads(run("check", "--json").stdout)["missing"]
    assert not [line for line in missing if " east-1 (" in line]
    shown = f"no host key is pinned for east-1:upload (127.0.0.1:{images.port}): it shows ssh-ed25519 {right}"
    assert shown in missing
    assert f"  compare that on its console; then: sangate inventory pin east-1:upload --fingerprint {right}" in missing
    assert run("pin", "east-1:upload", "--fingerprint", shown_by_keygen(command)).exit_code == 1
    assert run("pin", "west-2:upload", "--fingerprint", right).exit_code == 2
    assert run("pin", "east-1:upload", "--fingerprint", right).exit_code == 0
    pinned = read_host_keys(data / "known_hosts")
    assert [key.fingerprint for key in pinned.pinned("127.0.0.1", images.port)] == [right]
    again = json.loads(run("check", "east-1:upload", "--json").stdout)["missing"]
    assert not [line for line in again if "east-1" in line]


def test_a_changed_key_is_told_and_not_pinned_over_the_old_one(
    typed: tuple[Server, Callable[..., Result], Path], start: Start
) -> None:
    server, run, data = typed
    other = start()
    line = f"[127.0.0.1]:{server.port} {other.host_line}\n"
    (data / "known_hosts").write_text(line)
    told = json.loads(run("check", "east-1", "--json").stdout)["missing"]
    assert any("shows another host key than the pinned one" in one for one in told)
    refused = run("pin", "east-1", "--fingerprint", shown_by_keygen(server))
    assert refused.exit_code == 1
    assert "another host key is pinned for east-1" in refused.stderr
    assert (data / "known_hosts").read_text() == line
