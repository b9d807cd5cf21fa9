"""Reports through their door: whose key, whose protection, once, and beside what the gate found out itself."""

import base64
import hashlib
import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gate.errors import BadInput, CannotTell, NotThere, Refused
from gate.evidence import Provenance
from gate.gather.gather import Gathering
from gate.inventory import BackupTool
from gate.ledger.entry import GATE
from gate.settings import Settings
from gate.sshsig import MAGIC
from gate.store.sqlite import SqliteLedger
from tests.backups.test_report import form
from tests.gather.conftest import Site

KEY, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
NIGHTLY = "sidekick-nightly"


def public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def signed(text: str, key: Ed25519PrivateKey = KEY, namespace: str = "backup-evidence@sangate") -> str:
    """As `ssh-keygen -Y sign` makes it, from the words of PROTOCOL.sshsig."""

    def packed(*parts: bytes) -> bytes:
        return b"".join(struct.pack(">I", len(part)) + part for part in parts)

    inner = packed(namespace.encode(), b"", b"sha512")
    blob = packed(b"ssh-ed25519", key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    signature = key.sign(MAGIC + inner + packed(hashlib.sha512(text.encode()).digest()))
    whole = MAGIC + struct.pack(">I", 1) + packed(blob) + inner + packed(packed(b"ssh-ed25519", signature))
    lines = base64.encodebytes(whole).decode()
    return f"-----BEGIN SSH SIGNATURE-----\n{lines}-----END SSH SIGNATURE-----\n"


def fresh(**changed: object) -> str:
    """A report of this hour; the times of `form` moved on."""
    told = json.dumps(form(**changed))
    shift = datetime.now(UTC) - datetime(2026, 11, 23, 12, tzinfo=UTC)

    def moved(value: object) -> object:
        if isinstance(value, dict):
            return {key: moved(one) for key, one in value.items()}
        if isinstance(value, str) and value.startswith("2026-11-23T1"):
            return (datetime.fromisoformat(value) + shift).isoformat()
        return value

    return json.dumps(moved(json.loads(told)))


@pytest.fixture
def reported(site: Site, ledger: SqliteLedger) -> Iterator[Gathering]:
    """The fleet as it is, but that of the nightly backup only reports tell."""
    config = site.settings.config
    changed = {"tool": BackupTool.REPORT, "reporters": (f"{public(KEY)} backup-side",)}
    protections = tuple(
        one.model_copy(update=changed) if one.id == NIGHTLY else one for one in config.inventory.protections
    )
    inventory = config.inventory.model_copy(update={"protections": protections})
    settings = Settings(config.model_copy(update={"inventory": inventory}), site.settings.path, site.settings.data)
    site.lab.move_repository("vault-1")
    with Gathering(settings, ledger) as made:
        yield made


def test_a_report_is_entered_with_its_bytes_and_counts_at_the_place_where_it_was_taken(
    reported: Gathering, ledger: SqliteLedger
) -> None:
    text = fresh()
    made = reported.reports.accept(NIGHTLY, text, signed(text), GATE)
    entry = list(ledger.entries())[-1]
    assert (entry.kind, entry.data["level"], entry.data["report"]) == ("report.accepted", "V5", "night-1")
    kept = {blob.name: ledger.get_blob(blob.sha256) for blob in entry.blobs}
    assert kept["report"] == text.encode()
    evidence = reported.gather(("east-1",), None)
    reading = evidence.backups[NIGHTLY]
    assert ([run.id for run in reading.runs], reading.problem, reading.at) == (["b1"], "", made.at)
    found = [one for one in evidence.verifications if one.protection == NIGHTLY]
    assert [(one.level, one.provenance, one.place) for one in found] == [("V4", Provenance.TOOL_REPORTED, made.place)]
    assert evidence.rehearsals[0].provenance is Provenance.TOOL_REPORTED


def test_a_repository_that_moved_since_does_not_inherit_a_report(site: Site, reported: Gathering) -> None:
    text = fresh()
    reported.reports.accept(NIGHTLY, text, signed(text), GATE)
    site.lab.move_repository("east-1")
    evidence = reported.gather(("east-1",), None)
    assert evidence.backups[NIGHTLY].runs == ()
    assert evidence.rehearsals == ()


def test_a_report_about_data_on_another_array_says_nothing(reported: Gathering) -> None:
    text = fresh(array_serial="0000020420E00012")
    reported.reports.accept(NIGHTLY, text, signed(text), GATE)
    assert "0000020420E00012" in reported.gather(("east-1",), None).backups[NIGHTLY].problem


def test_a_report_is_taken_once(reported: Gathering) -> None:
    text = fresh()
    reported.reports.accept(NIGHTLY, text, signed(text), GATE)
    for again in (text, text + " "):
        with pytest.raises(Refused, match="taken before"):
            reported.reports.accept(NIGHTLY, again, signed(again), GATE)


@pytest.mark.parametrize(
    ("key", "namespace", "spoil"),
    [
        (STRANGER, "backup-evidence@sangate", ""),
        (KEY, "approval@sangate", ""),
        (KEY, "backup-evidence@sangate", " "),
    ],
    ids=["an unknown key", "another purpose", "other bytes"],
)
def test_what_no_pinned_reporter_signed_is_refused(
    reported: Gathering, ledger: SqliteLedger, key: Ed25519PrivateKey, namespace: str, spoil: str
) -> None:
    text = fresh()
    with pytest.raises(Refused):
        reported.reports.accept(NIGHTLY, text + spoil, signed(text, key, namespace), GATE)
    assert "report.accepted" not in [entry.kind for entry in ledger.entries()]


def test_a_key_pinned_for_one_protection_says_nothing_about_another(reported: Gathering) -> None:
    text = fresh(protection="sidekick-offsite")
    with pytest.raises(Refused, match="not among the reporters"):
        reported.reports.accept("sidekick-offsite", text, signed(text), GATE)
    with pytest.raises(BadInput, match="is about"):
        reported.reports.accept(NIGHTLY, text, signed(text), GATE)
    with pytest.raises(NotThere):
        reported.reports.accept("other", text, signed(text), GATE)


def test_an_array_nobody_knows_is_refused(reported: Gathering) -> None:
    text = fresh(array_serial="SN-UNKNOWN")
    with pytest.raises(BadInput, match="no array"):
        reported.reports.accept(NIGHTLY, text, signed(text), GATE)


def test_where_the_repository_lies_must_be_known(site: Site, reported: Gathering) -> None:
    site.lab.unmount_repository()
    text = fresh()
    with pytest.raises(CannotTell, match="not known where"):
        reported.reports.accept(NIGHTLY, text, signed(text), GATE)


def test_an_old_report_is_as_old_as_it_says(reported: Gathering) -> None:
    text = fresh(read__started_at=(datetime.now(UTC) - timedelta(days=3)).isoformat())
    made = reported.reports.accept(NIGHTLY, text, signed(text), GATE)
    assert made.verification is not None
    assert datetime.now(UTC) - made.verification.at > timedelta(days=2)
