"""Which keys count, from the entries alone."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.keyring import Ring, grown
from gate.keys import public_line
from gate.ledger.entry import GATE, Actor, Draft, body
from gate.sshsig import fingerprint

LINE = public_line(Ed25519PrivateKey.from_private_bytes(b"\x07" * 32), "lead")
NAME = fingerprint(LINE)
OPENED = Draft("log.opened", GATE, data={"origin": "o", "key": "k"})
LATER = Draft("log.opened", GATE, data={"origin": "o", "key": "k", "previous": "a note", "missing": 0})
LAST = Draft("log.opened", GATE, data={"origin": "o", "key": "k", "previous": "", "missing": 0})
ENROLLED = Draft("key.enrolled", GATE, data={"person": "lead", "fingerprint": NAME})
REVOKED = Draft("key.revoked", Actor("person", "boss"), data={"person": "lead", "fingerprint": NAME, "reason": "lost"})
OTHERS = Draft("key.enrolled", GATE, data={"person": "thief", "fingerprint": NAME})
ROTATED = Draft("key.rotated", GATE, data={"old": "a", "key": "b", "reason": "c"})


def ring(*drafts: Draft) -> Ring:
    """Read one entry after the other, as a gate does that looks after each."""
    found, time = Ring(), "2026-11-22T12:00:00.000000Z"
    for index, draft in enumerate(drafts):
        made = body(draft, name="019aab00-0000-7000-8000-000000000000", time=time, seq=None)
        found = grown(found, [(index, made)], index + 1)
    return found


@pytest.mark.parametrize(
    ("drafts", "counts"),
    [
        ([OPENED], False),
        ([OPENED, ENROLLED], True),
        ([OPENED, ENROLLED, ROTATED], True),
        ([OPENED, ENROLLED, REVOKED], False),
        ([OPENED, REVOKED], False),
        ([OPENED, ENROLLED, REVOKED, ENROLLED], False),
        ([OPENED, REVOKED, ENROLLED], False),
        ([OPENED, OTHERS], False),
        ([OPENED, OTHERS, ENROLLED], False),
        ([OPENED, ENROLLED, OTHERS], True),
        ([LATER], True),
        ([LAST], True),
        ([LATER, OTHERS], False),
        ([LATER, REVOKED], False),
    ],
)
def test_a_key_counts_for_whom_the_log_has_first_enrolled_it_until_it_is_revoked(
    drafts: list[Draft], counts: bool
) -> None:
    assert ring(*drafts).counts("lead", LINE) is counts
    assert not ring(*drafts).counts("owner", LINE) or drafts in ([LATER], [LAST])


def test_what_is_no_key_counts_nowhere() -> None:
    for line in ("", "ssh-rsa AAAA", "ssh-ed25519", "ssh-ed25519 !", "passkey AAAA"):
        assert not ring(LATER).counts("lead", line)


def test_an_entry_that_cannot_be_read_leaves_no_key_that_counts() -> None:
    found = grown(ring(OPENED, ENROLLED), [(2, b'{"kind":"key.enrolled"')], 3)
    assert "entry 2" in found.broken
    assert not found.counts("lead", LINE)
    assert not grown(found, [], 4).counts("lead", LINE)


def test_who_took_it_away_when_and_why_is_kept() -> None:
    key = ring(OPENED, ENROLLED, REVOKED).keys[NAME]
    assert (key.person, key.index, key.by, key.reason) == ("lead", 1, "boss", "lost")
    assert key.revoked is not None
    assert ring(OPENED, ENROLLED, REVOKED).revoked == {NAME}
