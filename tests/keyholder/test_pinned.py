"""The example of a keyholder's file, and what may not be in one."""

import pytest

from gate.document import read
from gate.errors import BadInput
from gate.keyholder.place import load
from gate.keyholding.pinned import Limits, Pinned, PinnedArray
from gate.ledger.note import VerifierKey
from tests.repository import ROOT

EXAMPLE = ROOT / "docs" / "keyholder.yaml"


def test_the_example_is_whole_and_shows_every_setting_with_a_comment() -> None:
    pinned, text = load(EXAMPLE), EXAMPLE.read_text()
    assert pinned.origin == "sangate.example/ledger/1"
    for name in (*Pinned.model_fields, *Limits.model_fields, *PinnedArray.model_fields):
        assert any(f"{name}:" in line and "  # " in line for line in text.split("\n")), name


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("  - sangate.example/ledger/1+", "  - sangate.example/ledger/2+", "ledger.0: the key's hash"),
        ("  permit_lifetime: 5m", "  permit_lifetimes: 5m", "permit_lifetimes"),
        ("seats: [storage, data-owner]", "seats: []", "policy.seats"),
        ("[data-owner, change-manager]  #", "[data-owner]  #", "waiver_seats"),
        ("clients: [sangate]", "clients: []", "clients"),
        ("id: west-3", "id: west-2", '"west-2" is there twice'),
        ("approvals: signed", "approvals: anything", "approvals"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_with_the_place(old: str, new: str, why: str) -> None:
    text = EXAMPLE.read_text()
    assert old in text
    with pytest.raises(BadInput) as refused:
        read(text.replace(old, new, 1).encode(), "keyholder.yaml", Pinned)
    assert why in str(refused.value)


def test_a_log_that_is_handed_on_has_two_keys_and_another_log_none() -> None:
    text = EXAMPLE.read_text()
    line = next(line for line in text.split("\n") if line.startswith("  - sangate.example/ledger/1+"))
    for name, whole in (("sangate.example/ledger/1", True), ("sangate.example/ledger/2", False)):
        more = text.replace(line, f"{line}\n  - {VerifierKey(name, bytes(32))}", 1).encode()
        if whole:
            assert len(read(more, "keyholder.yaml", Pinned).keys) == 2
            continue
        with pytest.raises(BadInput, match="keys of two logs"):
            read(more, "keyholder.yaml", Pinned)


KEYS = "host_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIANz91xrSw/ClLqt01zTAwYA2Ru69CCoZqXh8MuoTbYD]"


@pytest.mark.parametrize(
    ("own", "whole"),
    [
        (f"{{sealed: true, carried: {{{KEYS}}}}}", True),
        (f"{{carried: {{{KEYS}, user: fwadmin}}}}", True),
        (f"{{carried: {{{KEYS}}}}}", False),
        ("{sealed: true, carried: {host_keys: []}}", False),
        ("{sealed: true, carried: {host_keys: [west-4 ssh-ed25519 AAAA]}}", False),
        ("{carried: {user: fwadmin}}", False),
        (f"{{sealed: true, carried: {{{KEYS.replace('AAAAC3', 'AAAAC4')}}}}}", False),
        (f"{{sealed: true, carried: {{{KEYS}, user: 'fw admin'}}}}", False),
    ],
)
def test_a_carried_array_says_who_logs_in_and_by_which_host_keys(own: str, whole: bool) -> None:
    try:
        read(f"{{id: a1, {own[1:]}".encode(), "file", PinnedArray)
    except BadInput:
        assert not whole
        return
    assert whole
