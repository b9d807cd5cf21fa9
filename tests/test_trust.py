"""Older keys of the log: each is believed when it signed the hand-over, and not a step further back."""

import dataclasses
from collections.abc import Callable
from itertools import pairwise

import pytest

from gate.ledger import proof
from gate.ledger.entry import GATE, Draft
from gate.ledger.note import VerifierKey, read_vkey
from gate.store import keys
from gate.store.sqlite import open_ledger
from gate.trust import older_keys

ORIGIN = "gate.example.com/ledger/1"


@pytest.fixture(scope="module")
def handed_on(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[VerifierKey], tuple[str, ...]]:
    """A log that three keys have signed, one after the other."""
    folder = tmp_path_factory.mktemp("log")
    signers = [keys.create(folder / f"key{number}", ORIGIN) for number in range(3)]
    for signer, heir in pairwise(signers):
        ledger = open_ledger(folder / "ledger.db", signer=signer)
        ledger.append(Draft("hold.placed", GATE, None, {"reason": "smoke"}))
        ledger.rotate(heir, GATE, "once a year")
    ledger = open_ledger(folder / "ledger.db", signer=signers[-1])
    told = ledger.rotations()
    ledger.close()
    return [read_vkey(str(signer.vkey)) for signer in signers], told


def test_each_key_that_handed_the_log_on_is_known(handed_on: tuple[list[VerifierKey], tuple[str, ...]]) -> None:
    (first, second, newest), told = handed_on
    assert older_keys(newest, told) == (first, second)
    assert older_keys(second, told[:1]) == (first,)
    assert older_keys(newest, ()) == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda one: dataclasses.replace(one, extra=one.extra.replace(b"once", b"only")),
        lambda one: dataclasses.replace(one, index=one.index - 1),
        lambda one: dataclasses.replace(one, extra=b"[]"),
        lambda one: dataclasses.replace(one, extra=None),
        lambda one: dataclasses.replace(one, signed="\n".join(one.signed.split("\n")[:-2]) + "\n"),
    ],
)
def test_a_hand_over_that_is_not_proven_ends_the_way_back(
    handed_on: tuple[list[VerifierKey], tuple[str, ...]], change: Callable[[proof.Proof], proof.Proof]
) -> None:
    (first, second, newest), (old, new) = handed_on
    assert older_keys(newest, (old, proof.write(change(proof.read(new))))) == ()
    assert older_keys(newest, (proof.write(change(proof.read(old))), new)) == (second,)
    assert older_keys(first, (old, new)) == ()
