"""Permits: what the certificate says, how long, and who may read the key behind it."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import SSHCertificate, SSHCertificateType, load_ssh_public_identity

from gate.change import Grant, Purpose
from gate.errors import BadInput, Refused
from gate.permits.office import PermitOffice

NOW = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
GRANT = Grant("chg-0001", "canary", "west-2", Purpose.FORWARD, f"sha256:{'a' * 64}", NOW + timedelta(minutes=30))


@pytest.fixture
def office(tmp_path: Path) -> PermitOffice:
    return PermitOffice.open(tmp_path / "keys" / "ca", timedelta(minutes=10))


def certificate(line: str) -> SSHCertificate:
    found = load_ssh_public_identity(line.encode())
    assert isinstance(found, SSHCertificate)
    return found


def test_a_permit_names_one_array_one_change_one_plan_one_purpose(office: PermitOffice) -> None:
    permit = office.issue(GRANT, NOW)
    said = certificate(permit.certificate)
    said.verify_cert_signature()
    assert (said.type, said.valid_principals, said.key_id) == (SSHCertificateType.USER, [b"west-2"], b"chg-0001")
    assert said.critical_options == {}
    assert said.extensions == {
        b"plan-digest@sangate": GRANT.plan_digest.encode(),
        b"purpose@sangate": b"forward",
        b"stage@sangate": b"canary",
    }
    assert said.serial == permit.serial
    assert permit.array == "west-2"


def test_a_permit_never_outlives_its_lifetime_nor_its_grant(office: PermitOffice) -> None:
    long, late = office.issue(GRANT, NOW), office.issue(GRANT, NOW + timedelta(minutes=29))
    assert long.expires == NOW + timedelta(minutes=10)
    assert late.expires == GRANT.expires
    for permit in (long, late):
        assert certificate(permit.certificate).valid_before == int(permit.expires.timestamp())


def test_no_permit_is_made_for_a_grant_that_is_over(office: PermitOffice) -> None:
    with pytest.raises(Refused):
        office.issue(GRANT, GRANT.expires)


def test_every_permit_has_its_own_key_and_serial(office: PermitOffice) -> None:
    one, two = office.issue(GRANT, NOW), office.issue(GRANT, NOW)
    assert one.key.public_key() != two.key.public_key()
    assert one.serial != two.serial


def test_a_permit_and_the_office_show_no_secret_when_printed(office: PermitOffice) -> None:
    permit = office.issue(GRANT, NOW)
    assert permit.certificate.split()[1] not in repr(permit)
    assert "key" not in repr(permit).lower()
    assert repr(office) == "PermitOffice()"


def test_the_ca_key_is_made_once_for_its_owner_alone_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "ca"
    first = PermitOffice.open(path, timedelta(minutes=10))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PermitOffice.open(path, timedelta(minutes=10)).public_line() == first.public_line()
    assert [file.name for file in tmp_path.iterdir()] == ["ca"]


def test_two_offices_opened_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        lines = list(pool.map(lambda _: PermitOffice.open(tmp_path / "ca", timedelta(1)).public_line(), range(16)))
    assert len(set(lines)) == 1


def test_a_ca_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "ca"
    PermitOffice.open(path, timedelta(minutes=10))
    path.chmod(0o640)
    with pytest.raises(BadInput, match="other users"):
        PermitOffice.open(path, timedelta(minutes=10))


def test_what_is_no_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ca"
    path.write_text("rubbish")
    path.chmod(0o600)
    with pytest.raises(BadInput, match="not an unencrypted"):
        PermitOffice.open(path, timedelta(minutes=10))
    with pytest.raises(BadInput, match="Is a directory"):
        PermitOffice.open(tmp_path, timedelta(minutes=10))


def test_an_altered_certificate_does_not_verify(office: PermitOffice) -> None:
    words = office.issue(GRANT, NOW).certificate.split()
    altered = base64.b64encode(base64.b64decode(words[1]).replace(b"west-2", b"west-3")).decode()
    with pytest.raises(InvalidSignature):
        certificate(f"{words[0]} {altered}").verify_cert_signature()
