"""Who may log in to an array: the matrix of lab.md 2.2, over real SSH."""

import base64
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

from gate.keyholding import krl
from gate.lab.certificates import Keys, certificate_problem
from gate.lab.exchange import Service
from gate.lab.said import Said
from gate.lab.ssh import Listener
from tests.lab.certs import certify, loaded
from tests.lab.fleets import pair, terminal
from tests.places import network

HOST = f"{network(27)}.11"
MONITOR, AUTHORITY, ROGUE, HOLDER, STRANGER = pair(), pair(), pair(), pair(), pair()


@pytest.fixture(scope="module", autouse=True)
def array(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    keys = Keys({"monitor": MONITOR.line}, ca=AUTHORITY.line, certificate_user="fwadmin", principal="east-1")
    service = Service("east-1", keys, {}, lambda user, line: Said(f"{user} {line}\n".encode()))
    path = tmp_path_factory.mktemp("key") / "host"
    path.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    key = paramiko.Ed25519Key.from_private_key_file(str(path))
    listener = Listener(service, HOST, 2222, key, key)
    listener.open()
    yield
    listener.suspend()


def test_a_good_certificate_logs_in_and_the_whole_reply_comes() -> None:
    with terminal(HOST, "fwadmin", loaded(certify(AUTHORITY, HOLDER, "east-1"), HOLDER)) as admin:
        for number in range(20):
            assert admin.run(f"lsupdate {number}").text == f"fwadmin lsupdate {number}\n"


@pytest.mark.parametrize("value", [b"127.0.0.0", b"192.0.2.1/32"])
def test_a_certificate_for_another_source_address_is_refused(value: bytes) -> None:
    line = certify(AUTHORITY, HOLDER, "east-1", options={b"source-address": value})
    with pytest.raises(paramiko.AuthenticationException), terminal(HOST, "fwadmin", loaded(line, HOLDER)):
        pass


def test_an_unknown_extension_is_ignored_and_a_right_source_address_accepted() -> None:
    line = certify(AUTHORITY, HOLDER, "east-1", options={b"source-address": b"127.0.0.1/32"})
    with terminal(HOST, "fwadmin", loaded(line, HOLDER)) as admin:
        assert admin.run("lsupdate").status == 0


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(partial(certify, AUTHORITY, HOLDER, "east-1", after_s=-600, before_s=-1), id="expired"),
        pytest.param(partial(certify, AUTHORITY, HOLDER, "east-1", after_s=600, before_s=900), id="not-yet-valid"),
        pytest.param(partial(certify, AUTHORITY, HOLDER, "east-2"), id="another-array"),
        pytest.param(partial(certify, AUTHORITY, HOLDER, "fwadmin"), id="login-name-as-principal"),
        pytest.param(partial(certify, ROGUE, HOLDER, "east-1"), id="rogue-authority"),
        pytest.param(partial(certify, AUTHORITY, HOLDER, "east-1", kind=SSHCertificateType.HOST), id="host-type"),
        pytest.param(
            partial(certify, AUTHORITY, HOLDER, "east-1", options={b"verify-required": b""}), id="unknown-option"
        ),
        pytest.param(partial(certify, AUTHORITY, HOLDER, "east-1", digest=None), id="no-plan-digest"),
        pytest.param(partial(certify, AUTHORITY, HOLDER, "east-1", digest=b"sha256:12"), id="half-a-plan-digest"),
    ],
)
def test_a_certificate_that_does_not_fit_is_refused(made: Callable[[], str]) -> None:
    with pytest.raises(paramiko.AuthenticationException), terminal(HOST, "fwadmin", loaded(made(), HOLDER)):
        pass


def test_the_plain_key_of_a_certificate_holder_is_refused() -> None:
    for key in (HOLDER, MONITOR, AUTHORITY):
        with pytest.raises(paramiko.AuthenticationException), terminal(HOST, "fwadmin", key):
            pass


def test_the_reader_logs_in_by_its_own_key_only() -> None:
    with terminal(HOST, "monitor", MONITOR) as reader:
        assert reader.run("lssystem").text == "monitor lssystem\n"
    with pytest.raises(paramiko.AuthenticationException), terminal(HOST, "monitor", STRANGER):
        pass
    certificate = loaded(certify(AUTHORITY, HOLDER, "east-1"), HOLDER)
    with pytest.raises(paramiko.AuthenticationException), terminal(HOST, "monitor", certificate):
        pass


def test_a_certificate_whose_key_somebody_else_holds_is_refused() -> None:
    stolen = loaded(certify(AUTHORITY, HOLDER, "east-1"), STRANGER)
    with pytest.raises((paramiko.AuthenticationException, paramiko.SSHException)), terminal(HOST, "fwadmin", stolen):
        pass


def test_a_certificate_that_the_list_of_revoked_names_is_refused_and_without_the_list_every_one(tmp_path: Path) -> None:
    line, listed = certify(AUTHORITY, HOLDER, "east-1"), tmp_path / "revoked.krl"
    keys = Keys({}, ca=AUTHORITY.line, certificate_user="fwadmin", principal="east-1", revoked=listed)
    made = load_ssh_public_identity(line.encode())
    assert isinstance(made, SSHCertificate)

    def problem() -> str:
        return certificate_problem(keys, "fwadmin", base64.b64decode(line.split()[1]), HOST)

    assert problem() == "no list of revoked keys"
    for serials, why in (((), ""), ((made.serial + 1,), ""), ((1, made.serial), "revoked by file")):
        listed.write_bytes(krl.write(AUTHORITY.line, serials, 1, 1))
        assert problem() == why
    whole = listed.read_bytes()
    listed.write_bytes(krl.write(ROGUE.line, (made.serial,), 1, 1))
    assert problem() == "", "the number is another authority's"
    for broken in (b"", b"x" * 60, whole[:-1], whole + b"\x07", whole.replace(b"\x20\0\0\0", b"\x21\0\0\0")):
        listed.write_bytes(broken)
        assert problem() == "no list of revoked keys"
